import type { Crossing, Entry } from '../../shared/app/race-types.ts';
import type { Competitor } from '../competitor.ts';
import { Field } from '../field.ts';
import { around, between, Tape, type Sample } from './tape.ts';
import type { Track } from './tracks.ts';

/** A step longer than this (ms of event time) is a jump: trails are drawn anew. */
const JUMP_MS = 60_000;
/** Over a gap longer than this (ms) no mark glides: where it went is not known. */
const GAP_MS = 120_000;

/** The field as it was at some time, from what the tape has of it. */
export class Replayed {
	readonly field: Field;
	readonly tape = new Tape();
	private readonly trailMs: number;
	/** In the order of time. */
	private crossings: Crossing[] = [];
	private crossed = -1;
	private shownMs = Number.NaN;

	constructor(entries: Entry[], trailMs: number) {
		this.field = new Field(entries, trailMs);
		this.trailMs = trailMs;
	}

	takeCrossings(crossings: Crossing[]): void {
		this.crossings = [...crossings].sort((a, b) => Date.parse(a.crossed_at) - Date.parse(b.crossed_at));
		this.crossed = -1;
	}

	/** Something was read: what is shown is looked up anew. */
	changed(): void {
		this.shownMs = Number.NaN;
	}

	/** Shows everybody where they were then. */
	show(at: number): void {
		if (at === this.shownMs) return;
		const { field } = this;
		const joined = this.tape.joined(at);
		const isJump = !(at >= this.shownMs && at - this.shownMs < JUMP_MS);
		if (isJump) field.trails.clear();
		for (const one of field.all) {
			this.showOne(one, joined.flatMap(({ tracks }) => tracks.get(one.entry.id) ?? []), at, isJump);
		}
		field.newestMs = at;
		field.movingUntil = Infinity;
		this.shownMs = at;
		let crossed = 0;
		while (crossed < this.crossings.length && Date.parse(this.crossings[crossed]!.crossed_at) <= at) crossed++;
		if (crossed === this.crossed) return;
		this.crossed = crossed;
		field.setCrossings(this.crossings.slice(0, crossed));
	}

	private showOne(one: Competitor, tracks: Track[], at: number, isJump: boolean): void {
		const { field } = this;
		const { before, after } = around(tracks, at);
		const next = before && after && after.timeMs - before.timeMs <= GAP_MS ? after : null;
		const isSame = before?.timeMs === one.timeMs && one.fix !== null && (one.glideMs > 0) === (next !== null);
		if (isSame && !isJump) return;
		field.moved.add(one);
		if (!before) {
			if (one.fix) one.forget(field.trails);
			return;
		}
		const since = isJump || !one.fix ? at - this.trailMs : one.timeMs;
		for (const { lon, lat, timeMs } of between(tracks, since, at)) field.trails.push(one.index, one.rgb, { lon, lat, timeMs });
		one.faults = tracks.flatMap(({ faults }) => faults.filter(({ timeMs }) => timeMs <= at && timeMs > at - this.trailMs));
		one.pass(fixOf(one, before), before.timeMs, next);
	}
}

const fixOf = (one: Competitor, { timeMs, lat, lon, altitudeM, speedKmh }: Sample) => ({
	device: one.entry.device ?? '', time: new Date(timeMs).toISOString(), lat, lon, altitude_m: altitudeM, speed_kmh: speedKmh, course_deg: null, faulty: false,
});
