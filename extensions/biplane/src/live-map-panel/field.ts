import { Crossings } from './crossings.ts';
import { madeGood } from '../shared/map/shapes.ts';
import { Trail } from './trails.ts';
import type { Crossing, Entry, Position } from '../shared/app/race-types.ts';

/** Between two fixes a mark glides for as long as the fixes were apart on arrival, within these bounds (ms). */
const GLIDE_MIN = 80;
const GLIDE_MAX = 1500;
/** A fix older than the last one by more than this (ms) is no straggler: a replay began anew. */
const ANEW_MS = 60_000;
/** A jump longer than this (degrees) is not glided over: a new start of the replay, a tracker switched on elsewhere. */
const GLIDE_LIMIT_DEG = 0.2;
const CROSSINGS_KEPT = 200;

/** A competitor as the panel knows it: who, where, and where the mark is on its way there. */
export class Competitor {
	readonly entry: Entry;
	readonly color: string;
	fix: Position | null = null;
	/** Event time of `fix`, ms. */
	timeMs = 0;
	/** As the tracker says; from the last two fixes where it says nothing. */
	speedKmh: number | null = null;
	courseDeg: number | null = null;
	/** The last fix that the processor holds for implausible, if newer than `fix`. */
	doubtful: Position | null = null;
	lastCrossing: Crossing | null = null;
	readonly trail = new Trail();

	private fromLon = 0;
	private fromLat = 0;
	private arrivedAt = 0;
	private glideMs = 0;

	constructor(entry: Entry, color: string) {
		this.entry = entry;
		this.color = color;
	}

	/** Takes a position; `now` is the browser's monotonic clock in ms. */
	take(position: Position, now: number, glides: boolean): void {
		const timeMs = Date.parse(position.time);
		if (!Number.isFinite(timeMs)) return;
		if (position.faulty) {
			if (timeMs > this.timeMs) this.doubtful = position;
			return;
		}
		if (this.fix && timeMs <= this.timeMs && timeMs > this.timeMs - ANEW_MS) return;
		if (timeMs < this.timeMs) this.trail.clear();
		const [lon, lat] = this.place(now);
		const near = this.fix && Math.abs(position.lon - lon) + Math.abs(position.lat - lat) < GLIDE_LIMIT_DEG;
		this.fromLon = near ? lon : position.lon;
		this.fromLat = near ? lat : position.lat;
		const apart = this.arrivedAt === 0 ? 0 : now - this.arrivedAt;
		this.glideMs = near && glides ? Math.min(Math.max(apart, GLIDE_MIN), GLIDE_MAX) : 0;
		this.arrivedAt = now;
		const made = near && this.fix ? madeGood(this.fix, this.timeMs, position, timeMs) : null;
		this.speedKmh = position.speed_kmh ?? made?.speedKmh ?? null;
		this.courseDeg = position.course_deg ?? made?.courseDeg ?? null;
		this.fix = position;
		this.timeMs = timeMs;
		if (this.doubtful && Date.parse(this.doubtful.time) <= timeMs) this.doubtful = null;
		if (!near) this.trail.cut();
		this.trail.push(position.lon, position.lat, timeMs);
	}

	/** Where the mark is drawn now: `[lon, lat]`. */
	place(now: number): [number, number] {
		if (!this.fix) return [0, 0];
		const done = this.glideMs === 0 ? 1 : Math.min(1, (now - this.arrivedAt) / this.glideMs);
		return [this.fromLon + (this.fix.lon - this.fromLon) * done, this.fromLat + (this.fix.lat - this.fromLat) * done];
	}

	/** From where the mark set out to where it is: joins the trail, which ends at the fix before, to the mark. */
	head(now: number): [number, number][] {
		return [[this.fromLon, this.fromLat], this.place(now)];
	}

	moving(now: number): boolean {
		return this.fix !== null && now - this.arrivedAt < this.glideMs;
	}
}

/** All competitors of a race. */
export class Field {
	readonly all: Competitor[];
	readonly byEntry: Map<string, Competitor>;
	private readonly byDevice: Map<string, Competitor>;
	private readonly known = new Crossings(CROSSINGS_KEPT);
	/** Event time of the newest fix, ms; 0 before the first. */
	newestMs = 0;

	constructor(entries: Entry[]) {
		this.all = entries.map((entry, index) => new Competitor(entry, entry.color ?? hue(index)));
		this.byEntry = new Map(this.all.map((one) => [one.entry.id, one]));
		this.byDevice = new Map(this.all.flatMap((one) => (one.entry.device ? [[one.entry.device, one]] : [])));
	}

	takePositions(positions: Position[], now: number, glides: boolean): void {
		for (const position of positions) this.byDevice.get(position.device)?.take(position, now, glides);
		this.newestMs = this.all.reduce((newest, one) => Math.max(newest, one.timeMs), 0);
	}

	/** Those of the live channel: new ones, and such as were known and have changed. */
	takeCrossings(crossings: Crossing[]): void {
		this.progress(this.known.take(crossings));
	}

	/** Those that turned out to be none. */
	retractCrossings(ids: string[]): void {
		this.progress(this.known.retract(ids));
	}

	/** Takes all of them as they are read, but for what the live channel says meanwhile. */
	async readCrossings(read: () => Promise<Crossing[]>): Promise<void> {
		const reading = this.known.beginReading();
		try {
			this.known.replace(await read(), reading);
			this.progress();
		} finally {
			this.known.endReading(reading);
		}
	}

	/** Newest first, each once. */
	get crossings(): Crossing[] {
		return this.known.newest;
	}

	/** Each competitor's last crossing, of those concerned. */
	private progress(changed?: Crossing[]): void {
		const concerned = changed ? new Set(changed.map((crossing) => this.competitorOf(crossing))) : this.all;
		for (const competitor of concerned) {
			if (competitor) competitor.lastCrossing = this.known.latest((crossing) => this.competitorOf(crossing) === competitor);
		}
	}

	/** Whether a position is later than what is known of its device. */
	isNews(position: Position): boolean {
		return Date.parse(position.time) > (this.byDevice.get(position.device)?.timeMs ?? Infinity);
	}

	competitorOf(crossing: Crossing): Competitor | undefined {
		return (crossing.entry ? this.byEntry.get(crossing.entry) : undefined) ?? this.byDevice.get(crossing.device);
	}

	moving(now: number): boolean {
		return this.all.some((one) => one.moving(now));
	}
}

/** Neighbours in the list far apart on the colour wheel (the golden angle), all dark enough to carry white text. */
function hue(index: number): string {
	const degrees = Math.round((index * 137.508 + 210) % 360);
	const bright = degrees > 40 && degrees < 195;
	return `hsl(${degrees}, ${bright ? 75 : 65}%, ${(bright ? 33 : 47) + (index % 2) * 5}%)`;
}
