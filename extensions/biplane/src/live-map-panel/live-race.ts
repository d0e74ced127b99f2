import type { AxiosInstance } from 'axios';
import { onMounted, onUnmounted, ref, shallowRef, triggerRef, watch, type Ref } from 'vue';

import type { Connection } from '../shared/app/live-channel.ts';
import type { Position } from '../shared/app/race-types.ts';
import { RaceReader, type Race } from '../shared/app/race.ts';
import { isForbidden, reasonOf } from '../shared/refusals.ts';
import { Feed } from './feed.ts';
import { Field } from './field.ts';

/** The text beside the map is renewed this often at most (ms): people read, marks glide. */
const TEXT_MS = 400;
/** The course and the entries are read again this often (ms). */
const REREAD_MS = 60_000;
/** While the live channel is silent, positions come from the table this often (ms). */
const POLL_MS = 10_000;
/** Directus tells nobody whether what they may not see exists. */
const GONE = 'The one chosen in this panel’s settings does not exist, or your role may not see it.';

export type View =
	| { state: 'loading' }
	| { state: 'empty' }
	| { state: 'error'; reason: string }
	| { state: 'ready'; race: Race; field: Field };

/** An event as it happens: what is read once, what the live channel brings, and how the connection is. */
export function useLiveRace(api: AxiosInstance, eventId: Ref<string | null>, onPositions: () => void) {
	const reader = new RaceReader(api);
	const view = shallowRef<View>({ state: 'loading' });
	const connection = ref<Connection>({ state: 'connecting' });
	/** When the last position came, by the browser's wall clock (ms); 0 before the first. */
	const heardAt = ref(0);
	let feed: Feed | null = null;
	/** Counts loads: an answer to an older question is thrown away. */
	let load = 0;
	let textTimer: ReturnType<typeof setTimeout> | undefined;
	const timers: ReturnType<typeof setInterval>[] = [];

	const textSoon = (): void => {
		textTimer ??= setTimeout(() => {
			textTimer = undefined;
			triggerRef(view);
		}, TEXT_MS);
	};

	function take(field: Field, positions: Position[], glides: boolean): void {
		field.takePositions(positions, performance.now(), glides);
		onPositions();
		textSoon();
	}

	async function fill(race: Race, field: Field, current: number): Promise<void> {
		const reading = field.readCrossings(() => reader.crossings(race.event));
		const [positions] = await Promise.all([reader.lastKnown(race.entries), reading]);
		if (current !== load) return;
		// What the live channel said meanwhile is newer.
		take(field, positions.filter((one) => field.isNews(one)), false);
	}

	function follow(race: Race, field: Field, current: number): void {
		feed?.close();
		connection.value = { state: 'connecting' };
		const refill = (): void => void fill(race, field, current).catch(() => undefined);
		let begun = false;
		feed = new Feed(api, race.event.id, {
			positions: (positions, fresh) => {
				if (current !== load) return;
				if (positions.length > 0) heardAt.value = Date.now();
				take(field, positions, !fresh);
				// What happened after the first reading and before the channel spoke.
				if (fresh && !begun) refill();
				begun ||= fresh;
			},
			crossings: (crossings) => {
				if (current !== load) return;
				field.takeCrossings(crossings);
				textSoon();
			},
			retractions: (ids) => {
				if (current !== load) return;
				field.retractCrossings(ids);
				textSoon();
			},
			missed: () => {
				if (current === load) refill();
			},
			connection: (state) => {
				if (current === load) connection.value = state;
			},
		});
	}

	async function open(): Promise<void> {
		const current = ++load;
		feed?.close();
		feed = null;
		heardAt.value = 0;
		view.value = { state: 'loading' };
		try {
			const event = await reader.event(eventId.value);
			if (current !== load) return;
			if (!event) {
				view.value = { state: 'empty' };
				return;
			}
			const race = await reader.race(event);
			if (current !== load) return;
			const field = new Field(race.entries);
			view.value = { state: 'ready', race, field };
			follow(race, field, current);
			await fill(race, field, current);
		} catch (error) {
			if (current !== load) return;
			view.value = { state: 'error', reason: eventId.value && isForbidden(error) ? GONE : reasonOf(error) };
		}
	}

	/** Takes over changes that people made meanwhile; keeps what is shown when nothing changed or Directus is away. */
	async function reread(): Promise<void> {
		const before = view.value;
		const current = load;
		if (before.state === 'empty') return open();
		if (before.state !== 'ready') return;
		try {
			const event = await reader.event(eventId.value);
			if (current !== load) return;
			if (event?.id !== before.race.event.id) return await open();
			const race = await reader.race(event);
			if (current !== load || view.value !== before) return;
			if (JSON.stringify(race) === JSON.stringify(before.race)) return;
			const sameEntries = JSON.stringify(race.entries) === JSON.stringify(before.race.entries);
			if (!sameEntries) return await open();
			view.value = { state: 'ready', race, field: before.field };
		} catch {
			// The connection badge says how things are.
		}
	}

	async function poll(): Promise<void> {
		const shown = view.value;
		if (shown.state !== 'ready' || connection.value.state === 'live') return;
		const current = load;
		const positions = await reader.lastKnown(shown.race.entries).catch(() => []);
		if (current === load) take(shown.field, positions.filter((one) => shown.field.isNews(one)), true);
	}

	onMounted(() => {
		void open();
		timers.push(setInterval(() => void reread(), REREAD_MS), setInterval(() => void poll(), POLL_MS));
	});
	onUnmounted(() => {
		load++;
		feed?.close();
		timers.forEach(clearInterval);
		clearTimeout(textTimer);
	});
	watch(eventId, () => void open());

	return { view, connection, heardAt, open };
}
