import type { Crossing, Entry, Position } from '../shared/app/race-types.ts';
import { madeGood } from '../shared/map/shapes.ts';
import { rgb } from './colors.ts';
import type { Trails } from './marks/trails.ts';

/** Between two fixes a mark glides for as long as the fixes were apart on arrival, within these bounds (ms). */
const GLIDE_MIN = 80;
const GLIDE_MAX = 1500;
/** A fix older than the last one by more than this (ms) is no straggler: a replay began anew. */
const ANEW_MS = 60_000;
/** A jump longer than this (degrees) is not glided over: a new start of the replay, a tracker switched on elsewhere. */
const GLIDE_LIMIT_DEG = 0.2;
const FAULTS_KEPT = 50;

/** A fix that the processor holds for implausible. */
export interface Fault {
	timeMs: number;
	lat: number;
	lon: number;
	/** Why, by its stable name; unknown until it is asked for: the live channel does not tell. */
	reason: string | null;
}

/** Who is on the map: who, where, and where the mark is on its way there. */
export class Competitor {
	readonly index: number;
	readonly entry: Entry;
	readonly color: string;
	readonly rgb: number;
	fix: Position | null = null;
	/** Event time of `fix`, ms. */
	timeMs = 0;
	/** As the tracker says; from the last two fixes where it says nothing. */
	speedKmh: number | null = null;
	courseDeg: number | null = null;
	/** The newest last. */
	faults: Fault[] = [];
	lastCrossing: Crossing | null = null;
	/** The first fix since the map was opened, or since it jumped: what is told of the past leads to it. */
	firstFix: { lon: number; lat: number; timeMs: number } | null = null;

	/** Where the mark sets out and where it goes, `[lon, lat]`, from when and for how long by the map's clock (ms). */
	from: [number, number] = [0, 0];
	to: [number, number] = [0, 0];
	startMs = 0;
	glideMs = 0;

	constructor(index: number, entry: Entry, color: string) {
		this.index = index;
		this.entry = entry;
		this.color = color;
		this.rgb = rgb(color);
	}

	/** The last fix is implausible: newer than the one that is shown. */
	get isDoubtful(): boolean {
		return this.faults.length > 0 && this.faults[this.faults.length - 1]!.timeMs > this.timeMs;
	}

	/** Takes a position; `now` is the map's clock in ms. Whether the mark moves by it. */
	take(position: Position, now: number, glides: boolean, trails: Trails): boolean {
		const timeMs = Date.parse(position.time);
		if (!Number.isFinite(timeMs)) return false;
		if (position.faulty) {
			this.takeFault({ timeMs, lat: position.lat, lon: position.lon, reason: null });
			return false;
		}
		if (this.fix && timeMs <= this.timeMs && timeMs > this.timeMs - ANEW_MS) return false;
		const isAnew = timeMs < this.timeMs;
		if (isAnew) this.forget(trails);
		const [lon, lat] = this.place(now);
		const near = this.fix !== null && Math.abs(position.lon - lon) + Math.abs(position.lat - lat) < GLIDE_LIMIT_DEG;
		const made = near && this.fix ? madeGood(this.fix, this.timeMs, position, timeMs) : null;
		const apart = this.startMs === 0 ? 0 : now - this.startMs;
		this.from = near ? [lon, lat] : [position.lon, position.lat];
		this.to = [position.lon, position.lat];
		this.glideMs = near && glides ? Math.min(Math.max(apart, GLIDE_MIN), GLIDE_MAX) : 0;
		this.startMs = now;
		this.measure(position, made);
		this.fix = position;
		this.timeMs = timeMs;
		const point = { lon: position.lon, lat: position.lat, timeMs };
		if (near) trails.push(this.index, this.rgb, point);
		else trails.cut(this.index, point);
		if (!near) this.firstFix = point;
		return true;
	}

	/** Of the first fix the points before it tell what its tracker does not say: speed and course. Whether they did. */
	lookBack(points: { lon: number; lat: number; timeMs: number }[]): boolean {
		const { fix, timeMs } = this;
		const before = points.findLast((point) => point.timeMs < timeMs);
		const made = fix && before && this.firstFix?.timeMs === timeMs ? madeGood(before, before.timeMs, fix, timeMs) : null;
		if (!fix || !made) return false;
		this.measure(fix, made);
		return true;
	}

	takeFault(fault: Fault): void {
		if (this.faults.some(({ timeMs }) => timeMs === fault.timeMs)) return;
		this.faults = [...this.faults, fault].sort((a, b) => a.timeMs - b.timeMs).slice(-FAULTS_KEPT);
	}

	/** Moves steadily from one fix to the next, the clock being event time; stands where there is no next. */
	pass(fix: Position, timeMs: number, next: { lon: number; lat: number; timeMs: number } | null): void {
		const made = next && madeGood(fix, timeMs, next, next.timeMs);
		this.fix = fix;
		this.timeMs = timeMs;
		this.from = [fix.lon, fix.lat];
		this.to = next ? [next.lon, next.lat] : this.from;
		this.startMs = timeMs;
		this.glideMs = next ? next.timeMs - timeMs : 0;
		this.measure(fix, made);
	}

	/** What the tracker says of speed and course; what two fixes make of them where it says nothing. */
	private measure(fix: Position, made: ReturnType<typeof madeGood>): void {
		this.speedKmh = fix.speed_kmh ?? made?.speedKmh ?? null;
		this.courseDeg = fix.course_deg ?? made?.courseDeg ?? null;
	}

	/** Nothing is known of it any more. */
	forget(trails: Trails): void {
		trails.drop(this.index);
		this.fix = null;
		this.firstFix = null;
		this.timeMs = 0;
		this.startMs = 0;
		this.faults = [];
	}

	/** Where the mark is drawn now: `[lon, lat]`. */
	place(now: number): [number, number] {
		const done = this.glideMs === 0 ? 1 : Math.max(0, Math.min(1, (now - this.startMs) / this.glideMs));
		return [this.from[0] + (this.to[0] - this.from[0]) * done, this.from[1] + (this.to[1] - this.from[1]) * done];
	}

	get isDirected(): boolean {
		return this.courseDeg !== null && (this.speedKmh ?? 1) > 0.5;
	}
}
