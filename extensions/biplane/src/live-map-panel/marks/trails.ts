import type { Field } from './program.ts';
import { worldX, worldY } from './world.ts';

/** Pieces of trails that are kept of all competitors together; the oldest are overwritten. */
const CAPACITY = 120_000;
/** A point nearer to the last one than this (degrees, about 8 m) tells nothing new. */
const NEAR_DEG = 0.00008;
/** A gap in event time (ms) over which no line is drawn: where it went is not known. */
const GAP_MS = 120_000;

const STRIDE = 24;
const WORDS = STRIDE / 4;

export interface Point {
	lon: number;
	lat: number;
	timeMs: number;
}

/** How far the past of one was told. */
interface Told {
	/** Up to where it is drawn, and its newest point. */
	drawn: Point;
	newest: Point;
	/** The piece that leads on to what is known, if one does. */
	link: number | null;
}

/** Where a trail ends, from which a line leads on to the mark. */
interface End extends Point {
	/** The newest point, which may not be the end yet. */
	newest: Point;
}

/**
 * Where everybody came from, in pieces that the graphics card draws as they are: a piece is handed on once
 * and never touched again; it fades and ends by event time.
 */
export class Trails {
	static readonly stride: number = STRIDE;
	static readonly fields: Record<string, Field> = {
		a_start: { type: 'int', count: 2, at: 0 },
		a_end: { type: 'int', count: 2, at: 8 },
		a_time: { type: 'float', count: 1, at: 16 },
		a_color: { type: 'color', count: 4, at: 20 },
	};

	/** Event time from which the pieces' times are counted, ms. */
	epochMs = 0;
	/** Pieces that there are, and where the next one goes. */
	count = 0;
	private next = 0;
	/** First and last piece (not included) that were not handed on yet, in the order of writing. */
	private fresh = 0;
	readonly capacity: number;
	private readonly bytes: Uint8Array<ArrayBuffer>;
	private readonly ints: Int32Array<ArrayBuffer>;
	private readonly floats: Float32Array<ArrayBuffer>;
	private readonly owners: Int32Array;
	private readonly ends = new Map<number, End>();
	private readonly told = new Map<number, Told>();
	private readonly betweenMs: number;

	/** Of so many competitors, for so long: where all pieces would not fit, each piece is longer. */
	constructor(competitors: number, lengthMs: number, capacity = CAPACITY) {
		this.capacity = Math.min(capacity, Math.max(1, competitors) * 4096);
		const memory = new ArrayBuffer(this.capacity * STRIDE);
		this.bytes = new Uint8Array(memory);
		this.ints = new Int32Array(memory);
		this.floats = new Float32Array(memory);
		this.owners = new Int32Array(this.capacity);
		this.betweenMs = (lengthMs * competitors) / this.capacity;
	}

	/** Goes on to a point that the mark sets out to. The piece is added when the mark has left the point before. */
	push(owner: number, color: number, point: Point): void {
		const end = this.ends.get(owner);
		if (!end) return void this.ends.set(owner, { ...point, newest: point });
		const { newest } = end;
		const isGap = point.timeMs - newest.timeMs > GAP_MS;
		if (!isNear(newest, end) && (isGap || newest.timeMs - end.timeMs >= this.betweenMs)) {
			this.add(owner, color, end, newest);
			Object.assign(end, newest);
		}
		if (isGap) Object.assign(end, point);
		end.newest = point;
	}

	/** Begins anew at a point, without a line to it. */
	cut(owner: number, point: Point): void {
		this.ends.set(owner, { ...point, newest: point });
	}

	/**
	 * Takes points of the past that are told after newer ones, in order of time. It may be told in parts: each
	 * leads to what is known until the next one comes.
	 */
	pushPast(owner: number, color: number, past: Point[], known: Point | null): void {
		const points = known ? past.filter(({ timeMs }) => timeMs < known.timeMs) : past;
		const [first] = points;
		if (!first) return;
		const before = this.told.get(owner);
		const told = before && before.newest.timeMs < first.timeMs ? before : { drawn: first, newest: first, link: null };
		for (const point of points) {
			const isGap = point.timeMs - told.newest.timeMs > GAP_MS;
			told.newest = point;
			if (isGap) told.drawn = point;
			if (isNear(point, told.drawn) || point.timeMs - told.drawn.timeMs < this.betweenMs) continue;
			this.add(owner, color, told.drawn, point, told.link);
			told.drawn = point;
			told.link = null;
		}
		if (known && known.timeMs - told.newest.timeMs <= GAP_MS) told.link = this.add(owner, color, told.drawn, known, told.link);
		this.told.set(owner, told);
	}

	/** From where a line leads to the mark. */
	endOf(owner: number): Point | undefined {
		return this.ends.get(owner);
	}

	/** Forgets where one came from. */
	drop(owner: number): void {
		this.ends.delete(owner);
		this.told.delete(owner);
		for (let index = 0; index < this.count; index++) {
			if (this.owners[index] === owner) this.floats[index * WORDS + 4] = -Infinity;
		}
		this.fresh = this.next - this.count;
	}

	/** Forgets everything. */
	clear(): void {
		this.ends.clear();
		this.told.clear();
		this.count = 0;
		this.next = 0;
		this.fresh = 0;
	}

	/** The bytes that were not handed on yet, each with where it goes. */
	takeFresh(all: boolean): { at: number; bytes: Uint8Array<ArrayBuffer> }[] {
		const from = all ? this.next - this.count : Math.max(this.fresh, this.next - this.capacity);
		const stretches: { at: number; bytes: Uint8Array<ArrayBuffer> }[] = [];
		for (let index = from; index < this.next; ) {
			const place = index % this.capacity;
			const length = Math.min(this.next - index, this.capacity - place);
			stretches.push({ at: place * STRIDE, bytes: this.bytes.subarray(place * STRIDE, (place + length) * STRIDE) });
			index += length;
		}
		this.fresh = this.next;
		return stretches;
	}

	/** A time as the pieces have it, in seconds. */
	secondsOf(timeMs: number): number {
		return (timeMs - this.epochMs) / 1000;
	}

	/** Writes a piece: over another one if that is still there, else a new one. Gives its index. */
	private add(owner: number, color: number, from: Point, to: Point, over: number | null = null): number {
		if (this.next === 0) this.epochMs = to.timeMs;
		const index = over !== null && over >= this.next - this.count ? over : this.next;
		const place = index % this.capacity;
		const at = place * WORDS;
		this.ints[at] = worldX(from.lon);
		this.ints[at + 1] = worldY(from.lat);
		this.ints[at + 2] = worldX(to.lon);
		this.ints[at + 3] = worldY(to.lat);
		this.floats[at + 4] = this.secondsOf(to.timeMs);
		const byte = place * STRIDE + 20;
		this.bytes.set([color >> 16, (color >> 8) & 255, color & 255, 255], byte);
		this.owners[place] = owner;
		if (index === this.next) this.next++;
		this.fresh = Math.min(this.fresh, index);
		this.count = Math.min(this.next, this.capacity);
		return index;
	}
}

const isNear = (one: Point, other: Point): boolean => Math.abs(one.lon - other.lon) + Math.abs(one.lat - other.lat) < NEAR_DEG;
