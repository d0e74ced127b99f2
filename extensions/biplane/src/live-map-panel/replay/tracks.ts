import type { Fault } from '../competitor.ts';

/** An answer of `/biplane/events/{event}/positions` with `format=columns` (docs/openapi.json). */
export interface EventPage {
	data: {
		device: string;
		entry: string;
		columns: {
			ts_ms: number[];
			lat: number[];
			lon: number[];
			altitude_m: (number | null)[];
			speed_kmh: (number | null)[];
			/** Only where some are faulty. */
			fault?: (string | null)[];
		};
	}[];
	meta: { from: string; to: string; next: string | null };
}

/** Where one tracker was, in the order of event time; implausible fixes are apart. */
export interface Track {
	timeMs: number[];
	lat: number[];
	lon: number[];
	altitudeM: (number | null)[];
	speedKmh: (number | null)[];
	faults: Fault[];
}

export function readTracks({ data }: EventPage): { device: string; entry: string; track: Track }[] {
	return data.map(({ device, entry, columns }) => ({ device, entry, track: readTrack(columns) }));
}

function readTrack({ ts_ms, lat, lon, altitude_m, speed_kmh, fault }: EventPage['data'][number]['columns']): Track {
	if (!fault) return { timeMs: ts_ms, lat, lon, altitudeM: altitude_m, speedKmh: speed_kmh, faults: [] };
	const good = <T>(column: T[]): T[] => column.filter((_, index) => !fault[index]);
	return {
		timeMs: good(ts_ms), lat: good(lat), lon: good(lon), altitudeM: good(altitude_m), speedKmh: good(speed_kmh),
		faults: fault.flatMap((reason, i) => (reason ? [{ timeMs: ts_ms[i]!, lat: lat[i]!, lon: lon[i]!, reason }] : [])),
	};
}

/** The last index whose time is not after this one; -1 before the first. */
export function indexAt(timeMs: number[], at: number): number {
	let [low, high] = [0, timeMs.length];
	while (low < high) {
		const middle = (low + high) >> 1;
		if (timeMs[middle]! <= at) low = middle + 1;
		else high = middle;
	}
	return low - 1;
}
