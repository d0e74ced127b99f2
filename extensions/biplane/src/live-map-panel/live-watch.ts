import type { AxiosInstance } from 'axios';
import { onMounted, onUnmounted, ref, shallowRef, triggerRef, watch, type Ref } from 'vue';

import type { Connection } from '../shared/app/live-channel.ts';
import type { Position } from '../shared/app/race-types.ts';
import { isForbidden, reasonOf } from '../shared/refusals.ts';
import { Feed } from './feed.ts';
import { Field, pastOf } from './field.ts';
import type { Chosen, Watched, WatchReader } from './watched.ts';

/** The text beside the map is renewed this often at most (ms): people read, marks glide. */
const TEXT_MS = 400;
/** What does not move is read again this often (ms). */
const REREAD_MS = 60_000;
/** While the live channel is silent, positions come from the table this often (ms). */
const POLL_MS = 10_000;
/** The live channel tells at most an hour of the past. */
const MOST_PAST_S = 3600;

/** Who asked their system for less motion sees marks jump. */
const STANDS_STILL = matchMedia('(prefers-reduced-motion: reduce)').matches;

export type View =
	| { state: 'loading' }
	| { state: 'empty' }
	| { state: 'forbidden' }
	/** `reason`: nothing when what the settings name is not there. */
	| { state: 'error'; reason: string | null }
	| { state: 'ready'; watched: Watched; field: Field };

/** What happens as it happens: what is read once, what the live channel brings, and how the connection is. */
export function useLiveWatch(api: AxiosInstance, reader: WatchReader, chosen: Ref<Chosen>, trailMs: Ref<number>, onPositions: () => void) {
	const view = shallowRef<View>({ state: 'loading' });
	const connection = ref<Connection>({ state: 'connecting' });
	/** When the last position came, by the browser's wall clock (ms); 0 before the first. */
	const heardAt = ref(0);
	let feed: Feed | null = null;
	/** Counts loads: an answer to an older question is thrown away. */
	let load = 0;
	/** Those that were told their past. */
	const withPast = new WeakSet<Field>();
	let textTimer: ReturnType<typeof setTimeout> | undefined;
	const timers: ReturnType<typeof setInterval>[] = [];

	const textSoon = (): void => {
		textTimer ??= setTimeout(() => {
			textTimer = undefined;
			triggerRef(view);
		}, TEXT_MS);
	};

	function take(field: Field, positions: Position[], glides: boolean): void {
		field.takePositions(positions, performance.now(), glides && !STANDS_STILL);
		onPositions();
		textSoon();
	}

	async function fill(watched: Watched, field: Field, current: number): Promise<void> {
		const reading = field.readCrossings(() => reader.crossings(watched));
		const [positions] = await Promise.all([reader.lastKnown(watched), reading]);
		if (current !== load) return;
		// What the live channel said meanwhile is newer.
		take(field, positions.filter((one) => field.isNews(one)), false);
	}

	/** Trails and implausible fixes from before the map was opened; a map without them is one, too. */
	async function fillPast(watched: Watched, field: Field, current: number): Promise<void> {
		if (field.newestMs === 0 || withPast.has(field)) return;
		withPast.add(field);
		const past = await reader.past(watched, field.newestMs - trailMs.value, field.newestMs + 1).catch(() => []);
		if (current !== load) return;
		field.takePast(past);
		onPositions();
		textSoon();
	}

	function follow(watched: Watched, field: Field, current: number): void {
		feed?.close();
		connection.value = { state: 'connecting' };
		const refill = (): void =>
			void fill(watched, field, current)
				.then(() => fillPast(watched, field, current))
				.catch(() => undefined);
		let begun = false;
		// An event's past comes from the table, with its implausible fixes.
		const pastS = watched.kind === 'event' ? 0 : Math.min(MOST_PAST_S, Math.round(trailMs.value / 1000));
		feed = new Feed(api, { kind: watched.kind, id: watched.id, pastS }, {
			positions: (positions, fresh) => {
				if (current !== load) return;
				if (positions.length > 0) heardAt.value = Date.now();
				take(field, positions, !fresh);
				// What happened after the first reading and before the channel spoke.
				if (fresh && !begun) refill();
				begun ||= fresh;
			},
			past: (positions) => {
				if (current !== load) return;
				field.takePast(pastOf(positions));
				onPositions();
				textSoon();
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
			const watched = await reader.read(chosen.value);
			if (current !== load) return;
			if (!watched) {
				view.value = { state: 'empty' };
				return;
			}
			const field = new Field(watched.entries, trailMs.value);
			view.value = { state: 'ready', watched, field };
			follow(watched, field, current);
			await fill(watched, field, current);
			await fillPast(watched, field, current);
		} catch (error) {
			if (current !== load) return;
			// Directus tells nobody whether what they may not see exists.
			if (isForbidden(error)) view.value = chosen.value.id ? { state: 'error', reason: null } : { state: 'forbidden' };
			else view.value = { state: 'error', reason: reasonOf(error) };
		}
	}

	/** Takes over changes that people made meanwhile; keeps what is shown when nothing changed or Directus is away. */
	async function reread(): Promise<void> {
		const before = view.value;
		const current = load;
		if (before.state === 'empty') return open();
		if (before.state !== 'ready') return;
		try {
			const watched = await reader.read(chosen.value);
			if (current !== load || view.value !== before) return;
			if (watched && JSON.stringify(watched) === JSON.stringify(before.watched)) return;
			const isSame = watched?.id === before.watched.id && JSON.stringify(watched.entries) === JSON.stringify(before.watched.entries);
			if (!isSame) return await open();
			view.value = { state: 'ready', watched, field: before.field };
		} catch {
			// The connection badge says how things are.
		}
	}

	/** Implausible fixes that good ones overtook on the live channel. */
	async function rereadFaults(): Promise<void> {
		const shown = view.value;
		const current = load;
		if (shown.state !== 'ready' || shown.field.newestMs === 0) return;
		const { watched, field } = shown;
		const past = await reader.past(watched, field.newestMs - Math.min(trailMs.value, 3 * REREAD_MS), field.newestMs + 1).catch(() => []);
		if (current !== load) return;
		field.takePast(past.map((one) => ({ ...one, points: [] })));
		onPositions();
		textSoon();
	}

	async function poll(): Promise<void> {
		const shown = view.value;
		if (shown.state !== 'ready' || connection.value.state === 'live') return;
		const current = load;
		const positions = await reader.lastKnown(shown.watched).catch(() => []);
		if (current === load) take(shown.field, positions.filter((one) => shown.field.isNews(one)), true);
	}

	onMounted(() => {
		void open();
		timers.push(setInterval(() => void reread().then(rereadFaults), REREAD_MS), setInterval(() => void poll(), POLL_MS));
	});
	onUnmounted(() => {
		load++;
		feed?.close();
		timers.forEach(clearInterval);
		clearTimeout(textTimer);
	});
	watch([() => chosen.value.kind, () => chosen.value.id, trailMs], () => void open());

	return { view, connection, heardAt, open };
}
