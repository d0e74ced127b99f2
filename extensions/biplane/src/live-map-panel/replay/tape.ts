import { indexAt, type Track } from './tracks.ts';

/** Positions that are kept of all competitors together; what is farthest from where the replay is goes first. */
const MOST_POSITIONS = 1_500_000;

/** What is known of everybody from one time to another (not included). */
export interface Stretch {
	fromMs: number;
	toMs: number;
	tracks: Map<string, Track>;
}

export interface Sample {
	timeMs: number;
	lat: number;
	lon: number;
	altitudeM: number | null;
	speedKmh: number | null;
}

/** What was read of an event's positions so far: stretches of time, in order, that don't overlap. */
export class Tape {
	private stretches: Stretch[] = [];

	/** The first time from `fromMs` on that was not read, if it is before `toMs`. */
	missing(fromMs: number, toMs: number): number | null {
		let at = fromMs;
		for (const stretch of this.stretches) if (stretch.fromMs <= at && at < stretch.toMs) at = stretch.toMs;
		return at < toMs ? at : null;
	}

	/** Up to where the next stretch begins, at most `toMs`. */
	gapEnd(fromMs: number, toMs: number): number {
		return this.stretches.reduce((end, stretch) => (stretch.fromMs > fromMs ? Math.min(end, stretch.fromMs) : end), toMs);
	}

	add(stretch: Stretch, nearMs: number): void {
		this.stretches = [...this.stretches, stretch].sort((a, b) => a.fromMs - b.fromMs);
		while (this.stretches.length > 1 && this.size() > MOST_POSITIONS) {
			const [first, last] = [this.stretches[0]!, this.stretches[this.stretches.length - 1]!];
			if (nearMs - first.toMs > last.fromMs - nearMs) this.stretches.shift();
			else this.stretches.pop();
		}
	}

	/** The stretches around a time, without a gap between them. */
	joined(at: number): Stretch[] {
		const middle = this.stretches.findIndex(({ fromMs, toMs }) => fromMs <= at && at < toMs);
		if (middle < 0) return [];
		let [first, last] = [middle, middle];
		while (first > 0 && this.stretches[first - 1]!.toMs >= this.stretches[first]!.fromMs) first--;
		while (last + 1 < this.stretches.length && this.stretches[last + 1]!.fromMs <= this.stretches[last]!.toMs) last++;
		return this.stretches.slice(first, last + 1);
	}

	private size(): number {
		let size = 0;
		for (const { tracks } of this.stretches) for (const { timeMs } of tracks.values()) size += timeMs.length;
		return size;
	}
}

/** The last sample that is not after `at`, and the first that is. */
export function around(tracks: Track[], at: number): { before: Sample | null; after: Sample | null } {
	let before: Sample | null = null;
	let after: Sample | null = null;
	for (const track of tracks) {
		const index = indexAt(track.timeMs, at);
		if (index >= 0) before = sample(track, index);
		if (!after && index + 1 < track.timeMs.length) after = sample(track, index + 1);
	}
	return { before, after };
}

/** From after one time up to another. */
export function* between(tracks: Track[], afterMs: number, toMs: number): Generator<Sample> {
	for (const track of tracks) {
		for (let index = indexAt(track.timeMs, afterMs) + 1; index < track.timeMs.length && track.timeMs[index]! <= toMs; index++) {
			yield sample(track, index);
		}
	}
}

const sample = (track: Track, index: number): Sample => ({
	timeMs: track.timeMs[index]!,
	lat: track.lat[index]!,
	lon: track.lon[index]!,
	altitudeM: track.altitudeM[index]!,
	speedKmh: track.speedKmh[index]!,
});
