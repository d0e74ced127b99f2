import type { LiveConnection } from '@biplane/live';
import type { AxiosInstance } from 'axios';
import { onMounted, onUnmounted, ref, shallowRef, watch, type Ref } from 'vue';

import { openLiveChannel, sentence, type Connection } from '../shared/app/live-channel.ts';
import type { RaceEvent } from '../shared/app/race-types.ts';
import { RaceReader } from '../shared/app/race.ts';
import { isForbidden, reasonOf } from '../shared/refusals.ts';
import { useLit } from './lit.ts';
import { TimingReader, type Query } from './reader.ts';
import type { Edit, Results } from './results.ts';

/** Results are read again this long after the news of a crossing (ms): crossings come in swarms. */
const SOON_MS = 800;
/** The live channel does not tell of edits: they are looked for this often (ms). */
const EDITS_MS = 5000;
/** What else people change shows after this long (ms): entries, the course. */
const REREAD_MS = 60_000;

export type View =
	| { state: 'loading' | 'empty' | 'forbidden' }
	| { state: 'error'; reason: string }
	| { state: 'ready'; event: RaceEvent; results: Results; edits: Edit[] };

/** An event's results as they are now: the API reckons them, the live channel tells when to ask. */
export function useTiming(api: AxiosInstance, eventId: Ref<string | null>, query: Ref<Query>) {
	const races = new RaceReader(api);
	const reader = new TimingReader(api);
	const view = shallowRef<View>({ state: 'loading' });
	const connection = ref<Connection>({ state: 'connecting' });
	const categories = ref<string[]>([]);
	/** Why what is shown may be old. */
	const failure = ref<string | null>(null);
	const { lit, light, putOut } = useLit();
	let channel: LiveConnection | null = null;
	/** Counts openings: an answer to an older question is thrown away. */
	let opening = 0;
	let reading: Promise<void> | null = null;
	let soonTimer: ReturnType<typeof setTimeout> | undefined;
	const timers: ReturnType<typeof setInterval>[] = [];

	const soon = (): void => {
		soonTimer ??= setTimeout(() => {
			soonTimer = undefined;
			void reread();
		}, SOON_MS);
	};

	function follow(event: string, current: number): void {
		channel = openLiveChannel(api, (state) => current === opening && (connection.value = state));
		channel.subscribe({ event }, (update) => {
			if (current !== opening) return;
			// What happened before the channel spoke, and while it was away.
			if (['init', 'crossings', 'retractions', 'missed'].includes(update.event)) soon();
			if (update.event === 'init') connection.value = { state: 'live' };
			if (update.event === 'error') {
				connection.value = { state: update.final ? 'offline' : 'reconnecting', reason: sentence(update.data.message) };
			}
		});
	}

	async function open(): Promise<void> {
		const current = ++opening;
		channel?.close();
		channel = null;
		view.value = { state: 'loading' };
		failure.value = null;
		putOut();
		try {
			const event = await races.event(eventId.value);
			if (current !== opening) return;
			if (!event) return void (view.value = { state: 'empty' });
			const [results, edits, names] = await Promise.all([
				reader.results(event.id, query.value),
				reader.edits(event.id),
				reader.categories(event.id),
			]);
			if (current !== opening) return;
			categories.value = names;
			view.value = { state: 'ready', event, results, edits };
			follow(event.id, current);
		} catch (error) {
			if (current !== opening) return;
			view.value = isForbidden(error) ? { state: 'forbidden' } : { state: 'error', reason: reasonOf(error) };
		}
	}

	/** Reads again and lights up what changed; one reading at a time, and one more where news came meanwhile. */
	async function reread(): Promise<void> {
		while (reading) await reading;
		const before = view.value;
		const current = opening;
		if (before.state !== 'ready') return;
		const asked = query.value;
		reading = (async () => {
			try {
				const [results, edits] = await Promise.all([reader.results(before.event.id, asked), reader.edits(before.event.id)]);
				if (current !== opening || asked !== query.value) return;
				light(before.results, results);
				view.value = { ...before, results, edits };
				failure.value = null;
			} catch (error) {
				if (current === opening) failure.value = reasonOf(error);
			} finally {
				reading = null;
			}
		})();
		await reading;
	}

	async function lookForEdits(): Promise<void> {
		const shown = view.value;
		if (document.visibilityState !== 'visible' || shown.state !== 'ready') return;
		const newest = await reader.newestEdit(shown.event.id).catch(() => undefined);
		if (newest !== undefined && view.value === shown && newest !== (shown.edits[0]?.id ?? null)) soon();
	}

	/** Without an event chosen, another one may be running by now; and what failed may not fail again. */
	async function lookAgain(): Promise<void> {
		const shown = view.value;
		const event = await races.event(eventId.value).catch(() => undefined);
		if (shown !== view.value || event === undefined) return;
		if (shown.state === 'ready' && event?.id === shown.event.id) await reread();
		else if (shown.state === 'empty' ? event : shown.state === 'ready' || shown.state === 'error') await open();
	}

	onMounted(() => {
		void open();
		timers.push(setInterval(() => void lookForEdits(), EDITS_MS), setInterval(() => void lookAgain(), REREAD_MS));
	});
	onUnmounted(() => {
		opening++;
		channel?.close();
		timers.forEach(clearInterval);
		clearTimeout(soonTimer);
		putOut();
	});
	watch(eventId, () => void open());
	watch(query, () => {
		putOut();
		void reread();
	});

	return { view, connection, categories, failure, lit, reader, open, reread };
}
