import { byNumber } from '../shared/app/format.ts';
import type { Crossing, Entry, Position } from '../shared/app/race-types.ts';
import { hue } from './colors.ts';
import { Competitor, type Fault } from './competitor.ts';
import { Crossings } from './crossings.ts';
import { Trails, type Point } from './marks/trails.ts';

const CROSSINGS_KEPT = 200;

/** Where somebody was, told after what is known already. */
export interface Past {
	device: string;
	points: Point[];
	faults: Fault[];
}

/** Positions of many devices as the past of each, in the order in which they are told. */
export function pastOf(positions: Position[]): Past[] {
	const past = new Map<string, Past>();
	for (const { device, lon, lat, time, faulty } of positions) {
		const known = past.get(device) ?? { device, points: [], faults: [] };
		past.set(device, known);
		const point = { lon, lat, timeMs: Date.parse(time) };
		if (faulty) known.faults.push({ ...point, reason: null });
		else known.points.push(point);
	}
	return [...past.values()];
}

/** All who are on the map. */
export class Field {
	/** In the order of their numbers. */
	readonly all: Competitor[];
	readonly byEntry: Map<string, Competitor>;
	private readonly byDevice: Map<string, Competitor>;
	private readonly known = new Crossings(CROSSINGS_KEPT);
	readonly trails: Trails;
	/** Event time of the newest fix, ms; 0 before the first. */
	newestMs = 0;
	/** Until then, by the map's clock, some mark is under way (ms). */
	movingUntil = 0;
	/** Whose marks are to be placed anew; whoever draws them empties it. */
	readonly moved = new Set<Competitor>();

	constructor(entries: Entry[], trailMs = 600_000) {
		const colors = new Map(entries.map((entry, index) => [entry.id, entry.color ?? hue(index)]));
		this.all = [...entries].sort(byNumber).map((entry, index) => new Competitor(index, entry, colors.get(entry.id)!));
		this.byEntry = new Map(this.all.map((one) => [one.entry.id, one]));
		this.byDevice = new Map(this.all.flatMap((one) => (one.entry.device ? [[one.entry.device, one]] : [])));
		this.trails = new Trails(entries.length, trailMs);
	}

	takePositions(positions: Position[], now: number, glides: boolean): void {
		let isAnew = false;
		for (const position of positions) {
			const one = this.byDevice.get(position.device);
			const before = one?.timeMs ?? 0;
			if (!one?.take(position, now, glides, this.trails)) continue;
			this.moved.add(one);
			this.movingUntil = Math.max(this.movingUntil, now + one.glideMs);
			this.newestMs = Math.max(this.newestMs, one.timeMs);
			isAnew ||= one.timeMs < before;
		}
		if (isAnew) this.newestMs = this.all.reduce((newest, one) => Math.max(newest, one.timeMs), 0);
	}

	/** Takes what was before that which is known; moves no mark. */
	takePast(past: Past[]): void {
		for (const { device, points, faults } of past) {
			const one = this.byDevice.get(device);
			if (!one) continue;
			this.trails.pushPast(one.index, one.rgb, points, one.firstFix);
			if (one.lookBack(points)) this.moved.add(one);
			for (const fault of faults) one.takeFault(fault);
		}
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

	/** These and no others. */
	setCrossings(crossings: Crossing[]): void {
		this.known.replace(crossings, new Map());
		this.progress();
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
		return now < this.movingUntil;
	}
}
