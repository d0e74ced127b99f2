import type { Crossing } from '../shared/app/race-types.ts';

/** What the live channel has said of each crossing since a reading began (`null`: there is none): newer than what is read. */
export type Reading = Map<string, Crossing | null>;

/** The crossings of a race as they are known by now: found, found to be otherwise, found to be none. */
export class Crossings {
	private readonly kept: number;
	private known = new Map<string, Crossing>();
	private readonly readings = new Set<Reading>();
	/** Newest first, as many as are kept. */
	newest: Crossing[] = [];

	constructor(kept: number) {
		this.kept = kept;
	}

	/** Takes what the live channel says, a crossing that changed in place of what it was; gives both, of those that are news. */
	take(crossings: Crossing[]): Crossing[] {
		const news = crossings.filter((crossing) => !isSame(this.known.get(crossing.id), crossing));
		const before = news.flatMap(({ id }) => this.known.get(id) ?? []);
		for (const crossing of crossings) this.say(crossing.id, crossing);
		if (news.length > 0) this.list(news);
		return [...news, ...before];
	}

	/** Forgets those that turned out to be none; gives what they were. */
	retract(ids: string[]): Crossing[] {
		const gone = ids.flatMap((id) => this.known.get(id) ?? []);
		for (const id of ids) this.say(id, null);
		if (gone.length > 0) this.list([]);
		return gone;
	}

	/** They are being read from Directus; {@link replace} brings the answer, if one comes before {@link endReading}. */
	beginReading(): Reading {
		const reading: Reading = new Map();
		this.readings.add(reading);
		return reading;
	}

	endReading(reading: Reading): void {
		this.readings.delete(reading);
	}

	/** Takes what was read for all that there is, but for what was said meanwhile. */
	replace(read: Crossing[], reading: Reading): void {
		this.known = new Map(read.map((crossing) => [crossing.id, crossing]));
		for (const [id, crossing] of reading) this.know(id, crossing);
		this.newest = [];
		this.list([...this.known.values()]);
	}

	/** The latest of those that `wanted` chooses. */
	latest(wanted: (crossing: Crossing) => boolean): Crossing | null {
		let latest: Crossing | null = null;
		for (const crossing of this.known.values()) {
			if (wanted(crossing) && (!latest || isNotBefore(crossing, latest))) latest = crossing;
		}
		return latest;
	}

	private say(id: string, crossing: Crossing | null): void {
		for (const reading of this.readings) reading.set(id, crossing);
		this.know(id, crossing);
	}

	private know(id: string, crossing: Crossing | null): void {
		if (crossing) this.known.set(id, crossing);
		else this.known.delete(id);
	}

	private list(news: Crossing[]): void {
		const others = this.newest.flatMap(({ id }) => this.known.get(id) ?? []);
		this.newest = [...new Set([...news, ...others])]
			.sort((a, b) => Date.parse(b.crossed_at) - Date.parse(a.crossed_at))
			.slice(0, this.kept);
	}
}

const isNotBefore = (a: Crossing, b: Crossing): boolean => Date.parse(a.crossed_at) >= Date.parse(b.crossed_at);

const isSame = (a: Crossing | undefined, b: Crossing): boolean =>
	a !== undefined &&
	Date.parse(a.crossed_at) === Date.parse(b.crossed_at) &&
	a.direction === b.direction &&
	a.entry === b.entry &&
	a.device === b.device &&
	a.checkpoint === b.checkpoint &&
	a.geofence === b.geofence;
