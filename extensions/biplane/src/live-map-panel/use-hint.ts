import { ref, shallowRef, type Ref } from 'vue';

import type { Competitor, Fault } from './competitor.ts';
import type { Hit } from './marks/mark-layer.ts';
import type { Texts } from './texts.ts';
import type { WatchReader } from './watched.ts';

interface Hint extends Hit {
	x: number;
	y: number;
}

/** What is under the pointer; of an implausible fix the reason, which is asked for. */
export function useHint(reader: WatchReader, texts: Ref<Texts>) {
	const hint = shallowRef<Hint | null>(null);
	/** Reasons that were asked for; `null`: there is none any more. */
	const asked = new Map<string, string | null>();
	const asking = new Set<string>();
	/** Counts answers: what people read depends on it. */
	const answers = ref(0);

	const keyOf = ({ entry }: Competitor, { timeMs }: Fault): string => `${entry.device} ${timeMs}`;

	function hover(hit: Hit | null, x: number, y: number): void {
		hint.value = hit && { ...hit, x, y };
		if (hit?.fault) void ask(hit.competitor, hit.fault);
	}

	async function ask(competitor: Competitor, fault: Fault): Promise<void> {
		const { device } = competitor.entry;
		const key = keyOf(competitor, fault);
		if (fault.reason || !device || asking.has(key)) return;
		asking.add(key);
		const reason = await reader.faultReason(device, fault.timeMs).catch(() => null);
		asked.set(key, reason);
		fault.reason = reason;
		answers.value++;
	}

	/** Why a fix is held for implausible, in a sentence. */
	function reasonOf(competitor: Competitor, fault: Fault | null): string {
		if (!fault || answers.value < 0) return '';
		if (fault.reason) return texts.value.faults[fault.reason] ?? fault.reason;
		return asked.has(keyOf(competitor, fault)) ? texts.value.unknownFault : texts.value.asking;
	}

	return { hint, hover, ask, reasonOf };
}
