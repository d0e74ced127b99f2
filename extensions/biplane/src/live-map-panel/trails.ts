import type { Feature, LineString, Position } from 'geojson';

/** A point nearer to the last one than this (degrees, about 8 m) tells nothing new. */
const NEAR_DEG = 0.00008;
const MOST_POINTS = 1200;
/** A gap in event time (ms) over which no line is drawn: where it went is not known. */
const GAP_MS = 120_000;
/** A trail fades in this many steps. */
const STEPS = 4;

interface Point {
	lon: number;
	lat: number;
	timeMs: number;
	/** No line goes on from here. */
	ends?: boolean;
}

/** Where a competitor came from, by event time. */
export class Trail {
	private points: Point[] = [];

	clear(): void {
		this.points = [];
	}

	/** Draws no line from the last point to the next. */
	cut(): void {
		const last = this.points[this.points.length - 1];
		if (last) last.ends = true;
	}

	push(lon: number, lat: number, timeMs: number): void {
		const last = this.points[this.points.length - 1];
		if (last && Math.abs(last.lon - lon) + Math.abs(last.lat - lat) < NEAR_DEG) {
			last.timeMs = timeMs;
			return;
		}
		this.points.push({ lon, lat, timeMs });
		if (this.points.length > MOST_POINTS) this.points.splice(0, MOST_POINTS / 4);
	}

	/** Takes positions of the past that are told after newer ones; what is known of a moment stays. */
	pushPast(past: { lon: number; lat: number; timeMs: number }[]): void {
		const known = new Set(this.points.map(({ timeMs }) => timeMs));
		const all = [...past.filter(({ timeMs }) => !known.has(timeMs)), ...this.points].sort((a, b) => a.timeMs - b.timeMs);
		this.points = all.slice(-MOST_POINTS);
	}

	/** The last `lengthMs` before `nowMs`, without the newest point, as lines, the older the fainter (`fade` from 0.2 to 1). */
	lines(nowMs: number, lengthMs: number, properties: Record<string, unknown>): Feature<LineString>[] {
		const oldest = nowMs - lengthMs;
		const steps: Position[][][] = Array.from({ length: STEPS }, () => []);
		let before: Point | null = null;
		let stepBefore = -1;
		for (const point of this.points.slice(0, -1)) {
			if (point.timeMs < oldest) continue;
			const step = Math.max(0, Math.min(STEPS - 1, Math.floor(((point.timeMs - oldest) / lengthMs) * STEPS)));
			const joined = before !== null && !before.ends && point.timeMs - before.timeMs <= GAP_MS;
			if (!joined || step !== stepBefore) steps[step]!.push(joined && before ? [[before.lon, before.lat]] : []);
			steps[step]!.at(-1)!.push([point.lon, point.lat]);
			before = point;
			stepBefore = step;
		}
		return steps.flatMap((lines, step) =>
			lines
				.filter((line) => line.length > 1)
				.map((coordinates) => ({
					type: 'Feature' as const,
					properties: { ...properties, fade: 0.2 + (0.8 * (step + 1)) / STEPS },
					geometry: { type: 'LineString' as const, coordinates },
				})),
		);
	}
}
