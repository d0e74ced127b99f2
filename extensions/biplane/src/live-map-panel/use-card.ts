import type { AxiosInstance } from 'axios';
import { computed, ref, type Ref } from 'vue';

import { clockMs, lapse } from '../shared/app/format.ts';
import { useMay } from '../shared/app/rights.ts';
import type { Competitor, Fault } from './competitor.ts';
import type { Field } from './field.ts';
import { progressOf } from './rows.ts';
import type { Texts } from './texts.ts';
import type { Watched } from './watched.ts';

/** While the newest fix is not older than this (ms), a fix is as old as the wall clock says; else as the newest one does. */
const PRESENT_MS = 600_000;
/** The card names so many implausible fixes. */
const MOST_FAULTS = 5;

/** Who is selected and who is followed, and what the card says of the former. */
export function useCard(
	api: AxiosInstance,
	shown: Ref<{ watched: Watched; field: Field } | null>,
	shownMs: Ref<number>,
	now: Ref<number>,
	texts: Ref<Texts>,
	names: Ref<Map<string, string>>,
	goTo: (entry: string) => void,
	reasonOf: (competitor: Competitor, fault: Fault) => string,
) {
	const may = useMay(api);
	const selected = ref<string | null>(null);
	const followed = ref<string | null>(null);

	function select(entry: string | null): void {
		selected.value = entry;
		if (followed.value !== entry) followed.value = null;
	}
	const toggleSelect = (entry: string): void => select(selected.value === entry ? null : entry);
	const unfollow = (): void => void (followed.value = null);
	function toggleFollow(): void {
		followed.value = followed.value ? null : selected.value;
		if (followed.value) goTo(followed.value);
	}

	const card = computed(() => {
		const one = selected.value ? shown.value?.field.byEntry.get(selected.value) : undefined;
		if (!one || !shown.value) return null;
		const { watched } = shown.value;
		const presentMs = now.value - shownMs.value < PRESENT_MS ? now.value : shownMs.value;
		const { device } = one.entry;
		return {
			// A copy: what is in it changes without being told.
			one: Object.assign(Object.create(Object.getPrototypeOf(one)), one) as typeof one,
			age: one.fix ? texts.value.ago(lapse(presentMs - one.timeMs)) : null,
			progress: one.lastCrossing || watched.kind === 'event' ? progressOf(one, watched, texts.value, names.value) : null,
			faults: one.faults.slice(-MOST_FAULTS).reverse().map((fault) => ({ time: clockMs(fault.timeMs), reason: reasonOf(one, fault) })),
			followed: followed.value === one.entry.id,
			entryLink: watched.kind === 'event' && may.value('read', 'entries') ? `/content/entries/${one.entry.id}` : null,
			deviceLink: device && may.value('read', 'devices') ? `/content/devices/${device}` : null,
		};
	});

	return { selected, followed, select, toggleSelect, toggleFollow, unfollow, card };
}
