import { shallowRef } from 'vue';

import type { Results, Row } from './results.ts';

/** A row that changed is lit up this long (ms). */
const LIT_MS = 3000;

/** Which rows have changed just now. */
export function useLit() {
	const lit = shallowRef<ReadonlySet<string>>(new Set());
	const timers = new Map<string, ReturnType<typeof setTimeout>>();

	function show(): void {
		lit.value = new Set(timers.keys());
	}

	function light(before: Results, after: Results): void {
		const was = new Map(before.data.map((row) => [row.entry, looksOf(row)]));
		for (const row of after.data) {
			if (was.get(row.entry) === looksOf(row)) continue;
			clearTimeout(timers.get(row.entry));
			timers.set(row.entry, setTimeout(() => {
				timers.delete(row.entry);
				show();
			}, LIT_MS));
		}
		show();
	}

	function putOut(): void {
		timers.forEach((timer) => clearTimeout(timer));
		timers.clear();
		show();
	}

	return { lit, light, putOut };
}

/** What is news of a row; its gaps change with the leader's time, in all rows at once. */
const looksOf = ({ rank, status, splits }: Row): string =>
	JSON.stringify([rank, status, splits.map(({ state, crossed_at, seen_at }) => [state, crossed_at, seen_at])]);
