import { onUnmounted, shallowRef } from 'vue';

import { reasonOf } from '../shared/refusals.ts';
import type { Range } from './fixes.ts';
import type { Device, Flag, Outcome, Recompute, ReviewApi, Verdict } from './review-api.ts';

/** What somebody is about to do. */
export type Intent = { kind: 'flag'; device: Device; verdict: Verdict; range: Range } | { kind: 'removal'; device: Device; flag: Flag };

export type Phase =
	| { name: 'idle' }
	| { name: 'asking'; intent: Intent }
	| { name: 'answered'; intent: Intent; outcome: Outcome }
	/** There is no preview, and why; the change may be made all the same. */
	| { name: 'unknown'; intent: Intent; why: 'too_much' | 'failed' | 'late' }
	| { name: 'refused'; reason: string }
	| { name: 'writing'; intent: Intent }
	| { name: 'timing'; intent: Intent; late: boolean }
	| { name: 'done'; intent: Intent; recompute: Recompute };

const POLL_MS = 400;
/** So long the processor may take to answer a preview, and to time again before that is said to take long. */
const PREVIEW_MS = 60_000;
const LONG_MS = 30_000;

/** From what somebody is about to do, over what it would change, to what came of it. */
export function usePreview(api: ReviewApi, changed: () => Promise<void>) {
	const phase = shallowRef<Phase>({ name: 'idle' });
	let run = 0;
	onUnmounted(() => run++);

	const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, POLL_MS));

	function clear(): void {
		run++;
		phase.value = { name: 'idle' };
	}

	/** Asks what it would change. */
	async function preview(intent: Intent): Promise<void> {
		const mine = ++run;
		phase.value = { name: 'asking', intent };
		try {
			const review = intent.kind === 'flag' ? await api.askFlag(intent.device.id, intent.verdict, intent.range) : await api.askRemoval(intent.flag.id);
			const deadline = Date.now() + PREVIEW_MS;
			while (mine === run) {
				const answer = await api.answer(review);
				if (mine !== run) return;
				if (answer.state === 'done') {
					await api.name(answer.outcome.crossings.list);
					if (mine === run) phase.value = { name: 'answered', intent, outcome: answer.outcome };
					return;
				}
				if (answer.state !== 'waiting' || Date.now() > deadline) {
					phase.value = { name: 'unknown', intent, why: answer.state === 'waiting' ? 'late' : answer.state };
					return;
				}
				await pause();
			}
		} catch (error) {
			if (mine === run) phase.value = { name: 'refused', reason: reasonOf(error) };
		}
	}

	/** Does it, and waits until the positions are timed again. */
	async function commit(intent: Intent, reason: string): Promise<void> {
		const mine = ++run;
		phase.value = { name: 'writing', intent };
		try {
			const before = Math.max(0, ...(await api.recomputes(intent.device.id)).map(({ id }) => id));
			if (intent.kind === 'flag') await api.flag(intent.device, intent.verdict, intent.range, reason);
			else await api.removeFlag(intent.flag.id);
			const started = Date.now();
			while (mine === run) {
				const orders = (await api.recomputes(intent.device.id)).filter(({ id }) => id > before);
				if (mine !== run) return;
				const [newest] = orders;
				if (newest && orders.every(({ done_at }) => done_at !== null)) {
					await changed();
					if (mine === run) phase.value = { name: 'done', intent, recompute: newest };
					return;
				}
				phase.value = { name: 'timing', intent, late: Date.now() - started > LONG_MS };
				await pause();
			}
		} catch (error) {
			if (mine === run) phase.value = { name: 'refused', reason: reasonOf(error) };
		}
	}

	return { phase, clear, preview, commit };
}
