/** What a command's state means, for people. */
const MEANING: Record<string, string> = {
	awaiting_approval: 'waits until a second person agrees',
	pending: 'on its way',
	queued: 'waits until the tracker connects',
	routed: 'on its way to the gateway',
	sent: 'told to the tracker, no answer yet',
	acknowledged: 'answered by the tracker',
	failed: 'failed',
	expired: 'its time was over before it could be sent',
	cancelled: 'taken back',
	unknown: 'may have reached the tracker or not',
};

export const meaning = (status: string): string => MEANING[status] ?? status.replaceAll('_', ' ');

/** For its colour. */
export function mood(status: string): 'waiting' | 'good' | 'bad' {
	if (status === 'acknowledged') return 'good';
	return ['failed', 'expired', 'cancelled', 'unknown'].includes(status) ? 'bad' : 'waiting';
}

/** What a form's texts mean to a command: what was left empty is left out, numbers are numbers. */
export function parametersOf(fields: { name: string; type: string }[], texts: Record<string, string>): Record<string, unknown> {
	return Object.fromEntries(
		fields.flatMap(({ name, type }): [string, unknown][] => {
			const text = texts[name]?.trim() ?? '';
			if (text === '') return [];
			if (type === 'integer' || type === 'number') return [[name, Number(text)]];
			if (type === 'boolean') return [[name, text === 'true']];
			return [[name, text]];
		}),
	);
}
