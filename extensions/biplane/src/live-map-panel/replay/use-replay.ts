import { onUnmounted, ref, shallowRef, watch, type Ref } from 'vue';

import { reasonOf } from '../../shared/refusals.ts';
import { REPLAY_CROSSINGS, type Watched, type WatchReader } from '../watched.ts';
import { Replayed } from './replayed.ts';
import { readTracks } from './tracks.ts';

export const SPEEDS = [1, 10, 60] as const;
export type Speed = (typeof SPEEDS)[number];

/** So much of the past is looked at for where somebody was last, at least (ms). */
const LOOK_BACK_MS = 10 * 60_000;
/** So much is read ahead: this many seconds of playing, and at least a minute. */
const AHEAD_S = 20;
const AHEAD_MIN_MS = 60_000;
/** One request asks for so much at most (ms); its answer ends where it is full. */
const REQUEST_MS = 24 * 3_600_000;
/** What people read is renewed this often (ms). */
const TEXT_MS = 200;

export interface Range {
	startMs: number;
	endMs: number;
}

/** The replay of an event: live, or at a time that stands or runs. */
export function useReplay(reader: WatchReader, watched: Ref<Watched | null>, range: Ref<Range | null>, trailMs: Ref<number>, onShown: () => void) {
	const mode = ref<'live' | 'paused' | 'playing'>('live');
	const speed = ref<Speed>(10);
	/** What is shown, event time in ms, as people read it. */
	const atMs = ref(0);
	/** What is to be shown is being read: the clock stands. */
	const waiting = ref(false);
	const failure = ref<string | null>(null);
	const replayed = shallowRef<Replayed | null>(null);
	let baseMs = 0;
	let baseAt = 0;
	let frame = 0;
	let textAt = 0;
	let reading = false;
	/** Counts replays: an answer for an older one is thrown away. */
	let round = 0;

	const runs = (): boolean => mode.value === 'playing' && !waiting.value;
	/** Event time that is shown, ms. */
	const clock = (): number => {
		const at = runs() ? baseMs + (performance.now() - baseAt) * speed.value : baseMs;
		return Math.min(at, range.value?.endMs ?? at);
	};
	const setClock = (at: number): void => {
		baseMs = at;
		baseAt = performance.now();
	};

	async function readMore(): Promise<void> {
		const [one, tape, current] = [watched.value, replayed.value?.tape, round];
		if (reading || !one || !tape || !range.value) return;
		reading = true;
		try {
			while (current === round && range.value) {
				const at = clock();
				const end = range.value.endMs + 1;
				const from = Math.max(range.value.startMs, at - Math.max(LOOK_BACK_MS, trailMs.value));
				const missing = tape.missing(from, Math.min(end, at + Math.max(AHEAD_MIN_MS, AHEAD_S * 1000 * speed.value)));
				if (missing === null) break;
				if (missing <= at && !waiting.value) {
					setClock(at);
					waiting.value = true;
				}
				const to = tape.gapEnd(missing, Math.min(end, missing + REQUEST_MS));
				const page = await reader.page(one, missing, to);
				if (current !== round) return;
				const tracks = new Map(readTracks(page).map(({ entry, track }) => [entry, track]));
				tape.add({ fromMs: missing, toMs: page.meta.next ? Date.parse(page.meta.next) : to, tracks }, at);
				failure.value = null;
				const isThere = tape.missing(from, Math.min(end, at + 1)) === null;
				if (isThere) replayed.value?.changed();
				if (isThere && waiting.value) {
					setClock(at);
					waiting.value = false;
				}
			}
		} catch (error) {
			if (current !== round) return;
			failure.value = reasonOf(error);
			pause();
			waiting.value = false;
		} finally {
			if (current === round) reading = false;
		}
	}

	function loop(): void {
		frame = requestAnimationFrame(loop);
		const one = replayed.value;
		if (!one) return;
		const at = clock();
		if (!waiting.value) one.show(at);
		onShown();
		const now = performance.now();
		if (now - textAt < TEXT_MS) return;
		textAt = now;
		atMs.value = at;
		if (!failure.value) void readMore();
		// At the end of what there is by now: the present of a race that goes on, else the end.
		if (mode.value === 'playing' && range.value && at >= range.value.endMs) {
			if (watched.value?.endsMs && range.value.endMs >= watched.value.endsMs) pause();
			else goLive();
		}
	}

	function begin(at: number): void {
		if (!watched.value || replayed.value) return;
		const current = ++round;
		reading = false;
		const one = new Replayed(watched.value.entries, trailMs.value);
		setClock(at);
		waiting.value = true;
		replayed.value = one;
		void reader.crossings(watched.value, REPLAY_CROSSINGS).then(
			(crossings) => current === round && one.takeCrossings(crossings),
			() => undefined,
		);
		loop();
	}

	function scrub(at: number): void {
		if (!range.value) return;
		const within = Math.max(range.value.startMs, Math.min(range.value.endMs, at));
		failure.value = null;
		if (mode.value === 'live') mode.value = 'paused';
		begin(within);
		setClock(within);
		atMs.value = within;
		textAt = 0;
		void readMore();
	}

	function play(): void {
		if (!range.value) return;
		if (mode.value === 'live') scrub(range.value.startMs);
		setClock(clock());
		failure.value = null;
		mode.value = 'playing';
	}

	function pause(): void {
		if (mode.value === 'live') return scrub(range.value?.endMs ?? 0);
		setClock(clock());
		mode.value = 'paused';
		atMs.value = baseMs;
	}

	function setSpeed(value: Speed): void {
		setClock(clock());
		speed.value = value;
	}

	function goLive(): void {
		round++;
		cancelAnimationFrame(frame);
		reading = false;
		replayed.value = null;
		waiting.value = false;
		failure.value = null;
		mode.value = 'live';
		onShown();
	}

	watch(() => watched.value?.id, goLive);
	onUnmounted(goLive);

	return { mode, speed, atMs, waiting, failure, replayed, clock, scrub, play, pause, setSpeed, goLive };
}
