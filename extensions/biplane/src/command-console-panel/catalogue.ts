import type { Engine } from '../shared/engine.ts';
import type { Call, Outcome, Parameter, Rejection } from '../shared/protocol.ts';
import type { Device } from './fleet.ts';

/** As `GET /biplane/devices/{device}/commands` tells it. */
export interface Command {
	name: string;
	label: string;
	description: string;
	parameters: Parameter[];
	dangerous: boolean;
	idempotent: boolean;
	answers: boolean;
	wait_s: number;
}

/** Devices of one protocol and model: they take the same commands. */
export interface Kind {
	label: string;
	devices: Device[];
	commands: Command[];
}

/** What is about to be given. */
export interface Draft {
	name: string;
	parameters: Record<string, unknown>;
	expires_at: string | null;
}

/** What the rule says of a draft: what the tracker would get, or what is wrong. */
export type Verdict = { faults: Rejection[] } | { faults: []; text: string; expiresAt: string };

type Tracker = Pick<Device, 'id' | 'protocol' | 'model'>;

const NOBODY = { collection: '', keys: [], user: null, role: null, admin: false };

function ask(rules: Engine, call: Pick<Call, 'kind' | 'name' | 'event' | 'payload'>, { id, protocol, model }: Tracker, collection = ''): Outcome {
	return rules.call({ ...call, ctx: { ...NOBODY, now_ms: Date.now(), collection, results: { tracker: [{ id, protocol, model }] } } });
}

/** What can be said to a tracker, by the rule that answers in Directus: no request for each model. */
export function catalogueOf(rules: Engine, tracker: Tracker): Command[] {
	const payload = { path: { device: tracker.id }, query: {}, body: null };
	const { answer } = ask(rules, { kind: 'endpoint', name: 'command.list', event: null, payload }, tracker);
	return answer ? (JSON.parse(answer.text) as { data: Command[] }).data : [];
}

/** Judges a draft as Directus will, for one tracker. */
export function judge(rules: Engine, draft: Draft, tracker: Tracker): Verdict {
	const payload = { device: tracker.id, ...draft };
	const { reject, patch } = ask(rules, { kind: 'filter', name: 'command.validate', event: 'items.create', payload }, tracker, 'commands');
	if (reject) return { faults: reject };
	return { faults: [], text: String(patch?.['payload'] ?? ''), expiresAt: String(patch?.['expires_at'] ?? '') };
}

/** Sorted into kinds, the largest first. */
export function kindsOf(rules: Engine, devices: Device[]): Kind[] {
	const kinds = new Map<string, Kind>();
	for (const device of devices) {
		const label = kindOf(device);
		const kind = kinds.get(label);
		if (kind) kind.devices.push(device);
		else kinds.set(label, { label, devices: [device], commands: catalogueOf(rules, device) });
	}
	return [...kinds.values()].sort((a, b) => b.devices.length - a.devices.length);
}

/** `teltonika FMB920`. */
export const kindOf = ({ protocol, model }: Pick<Device, 'protocol' | 'model'>): string => [protocol, model].filter(Boolean).join(' ');

export interface Choices {
	/** What all kinds understand, with the parameters that all of them take. */
	common: Command[];
	/** What some understand and others do not. */
	partial: { command: Command; lacking: Kind[] }[];
}

export function choicesOf(kinds: Kind[]): Choices {
	const common: Command[] = [];
	const partial: Choices['partial'] = [];
	const all = new Map(kinds.flatMap(({ commands }) => commands.map((command) => [command.name, command])));
	for (const command of all.values()) {
		const theirs = kinds.map(({ commands }) => commands.find(({ name }) => name === command.name));
		const lacking = kinds.filter((_, place) => !theirs[place]);
		if (lacking.length > 0) partial.push({ command, lacking });
		else common.push({ ...theirs[0]!, parameters: shared(theirs.map((one) => one!.parameters)) });
	}
	return { common, partial };
}

const shared = ([first = [], ...others]: Parameter[][]): Parameter[] =>
	first.filter((parameter) => others.every((list) => list.some((one) => JSON.stringify(one) === JSON.stringify(parameter))));

/** Of a name like `timeout_1_s` the words and, as our names end with it, the unit. */
export function wordsOf(parameter: Parameter): { words: string; unit: string | null } {
	if (parameter.type === 'number') return { words: parameter.name.replaceAll('_', ' '), unit: parameter.unit };
	const seconds = parameter.type === 'integer' && parameter.name.endsWith('_s');
	return { words: (seconds ? parameter.name.slice(0, -2) : parameter.name).replaceAll('_', ' '), unit: seconds ? 's' : null };
}

/** What a form's texts say: what is empty is left out; what is no number is left for the rule to refuse. */
export function parametersFrom(parameters: Parameter[], texts: Record<string, string | null>): Record<string, unknown> {
	const given = parameters.flatMap((parameter): [string, unknown][] => {
		const text = texts[parameter.name]?.trim() ?? '';
		if (text === '') return [];
		const numeric = (parameter.type === 'integer' || parameter.type === 'number') && /^-?\d+(\.\d+)?$/.test(text);
		if (parameter.type === 'boolean') return [[parameter.name, text === 'true']];
		return [[parameter.name, numeric ? Number(text) : text]];
	});
	return Object.fromEntries(given);
}
