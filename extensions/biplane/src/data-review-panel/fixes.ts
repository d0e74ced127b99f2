import type { AxiosInstance } from 'axios';

/** A range of event time, milliseconds since the Unix epoch, both ends included. */
export interface Range {
	from: number;
	to: number;
}

/** As many as one answer of the API holds. */
const PAGE = 9_999;
/** What a browser shows fluently: about a week of a fix every five seconds. */
export const MOST_FIXES = 120_000;

interface Row {
	ts: string;
	lat: number;
	lon: number;
	altitude_m: number | null;
	speed_kmh: number | null;
	satellites: number | null;
	hdop: number | null;
	fault: string | null;
}

/** One fix, as it is told to people. */
export interface Fix {
	ms: number;
	lat: number;
	lon: number;
	altitudeM: number | null;
	speedKmh: number | null;
	satellites: number | null;
	hdop: number | null;
	fault: string | null;
}

/** A device's fixes in the order of event time: a column each, so that many of them stay small. */
export class Fixes {
	readonly ms: number[] = [];
	readonly lat: number[] = [];
	readonly lon: number[] = [];
	readonly altitudeM: (number | null)[] = [];
	readonly speedKmh: (number | null)[] = [];
	readonly satellites: (number | null)[] = [];
	readonly hdop: (number | null)[] = [];
	readonly fault: (string | null)[] = [];
	/** Where reading stopped, since there are more than are shown. */
	cutAt: number | null = null;

	get length(): number {
		return this.ms.length;
	}

	push(rows: Row[]): void {
		for (const row of rows) {
			this.ms.push(Date.parse(row.ts));
			this.lat.push(row.lat);
			this.lon.push(row.lon);
			this.altitudeM.push(row.altitude_m);
			this.speedKmh.push(row.speed_kmh);
			this.satellites.push(row.satellites);
			this.hdop.push(row.hdop);
			this.fault.push(row.fault);
		}
	}

	at(index: number): Fix {
		return {
			ms: this.ms[index]!,
			lat: this.lat[index]!,
			lon: this.lon[index]!,
			altitudeM: this.altitudeM[index]!,
			speedKmh: this.speedKmh[index]!,
			satellites: this.satellites[index]!,
			hdop: this.hdop[index]!,
			fault: this.fault[index]!,
		};
	}

	/** Whether it can be drawn: a map has no latitude of 200. */
	isOnEarth(index: number): boolean {
		return Math.abs(this.lat[index]!) <= 85 && Math.abs(this.lon[index]!) <= 180;
	}

	/** The first fix that is not before a time; the number of fixes when all are. */
	firstFrom(ms: number): number {
		let [low, high] = [0, this.length];
		while (low < high) {
			const middle = (low + high) >> 1;
			if (this.ms[middle]! < ms) low = middle + 1;
			else high = middle;
		}
		return low;
	}

	/** Indices of the fixes of a range, the last excluded. */
	within({ from, to }: Range): [first: number, end: number] {
		return [this.firstFrom(from), this.firstFrom(to + 1)];
	}

	countFaulty([first, end]: [number, number]): number {
		let count = 0;
		for (let index = first; index < end; index++) if (this.fault[index] !== null) count++;
		return count;
	}

	/** Why fixes are marked, the commonest reason first. */
	reasons(): { fault: string; count: number; first: number }[] {
		const found = new Map<string, { fault: string; count: number; first: number }>();
		this.fault.forEach((fault, index) => {
			if (fault === null) return;
			const known = found.get(fault);
			if (known) known.count++;
			else found.set(fault, { fault, count: 1, first: index });
		});
		return [...found.values()].sort((a, b) => b.count - a.count);
	}
}

/** Reads a device's fixes page by page; `progress` hears how many there are. */
export async function readFixes(api: AxiosInstance, device: string, { from, to }: Range, progress: (count: number) => void): Promise<Fixes> {
	const fixes = new Fixes();
	// The API's end is not part of the range.
	const end = new Date(to + 1).toISOString();
	let next: string | null = new Date(from).toISOString();
	while (next) {
		const params: object = { from: next, to: end, limit: PAGE, faulty: true };
		const { data }: { data: { data: Row[]; meta: { next: string | null } } } = await api.get(`/biplane/devices/${device}/positions`, { params });
		fixes.push(data.data);
		next = data.meta.next;
		progress(fixes.length);
		if (next && fixes.length >= MOST_FIXES) {
			fixes.cutAt = Date.parse(next);
			return fixes;
		}
	}
	return fixes;
}
