import type { Feature, LineString, Point, Polygon, Position } from 'geojson';
import type { Box } from './cut.ts';

/** The earth that timing uses (metres), so that a drawn circle is the circle that is timed. */
const EARTH_RADIUS_M = 6_371_000;
const RADIANS = Math.PI / 180;

/** Where one gets from `[lon, lat]` on a course (degrees) over a distance (metres), on the sphere. */
export function destination([lon, lat]: Position, courseDeg: number, distanceM: number): [number, number] {
	const angle = distanceM / EARTH_RADIUS_M;
	const course = courseDeg * RADIANS;
	const phi = lat! * RADIANS;
	const sin = Math.sin(phi) * Math.cos(angle) + Math.cos(phi) * Math.sin(angle) * Math.cos(course);
	const dLon = Math.atan2(Math.sin(course) * Math.sin(angle) * Math.cos(phi), Math.cos(angle) - Math.sin(phi) * sin);
	return [lon! + dLon / RADIANS, Math.asin(sin) / RADIANS];
}

/** Metres over ground from one position to another, on the same sphere. */
export function distance([aLon, aLat]: Position, [bLon, bLat]: Position): number {
	const [lat, lon] = [((bLat! - aLat!) * RADIANS) / 2, ((bLon! - aLon!) * RADIANS) / 2];
	const haversine = Math.sin(lat) ** 2 + Math.cos(aLat! * RADIANS) * Math.cos(bLat! * RADIANS) * Math.sin(lon) ** 2;
	return 2 * EARTH_RADIUS_M * Math.asin(Math.min(1, Math.sqrt(haversine)));
}

/** Speed and course over ground from one fix to the next; nothing when they tell none. */
export function madeGood(
	a: { lat: number; lon: number },
	aMs: number,
	b: { lat: number; lon: number },
	bMs: number,
): { speedKmh: number; courseDeg: number | null } | null {
	const hours = (bMs - aMs) / 3_600_000;
	if (hours <= 0 || hours > 0.05) return null;
	const north = (b.lat - a.lat) * RADIANS * EARTH_RADIUS_M;
	const east = (b.lon - a.lon) * RADIANS * EARTH_RADIUS_M * Math.cos(a.lat * RADIANS);
	const metres = Math.hypot(north, east);
	return { speedKmh: metres / 1000 / hours, courseDeg: metres < 2 ? null : (Math.atan2(east, north) / RADIANS + 360) % 360 };
}

/** A ring of equal distance to a centre, starting and ending in the north. */
export function geodesicRing(centre: Position, radiusM: number, vertices = 360): Position[] {
	const ring: Position[] = [];
	for (let i = 0; i < vertices; i++) ring.push(destination(centre, (-360 * i) / vertices, radiusM));
	ring.push(ring[0]!);
	return ring;
}

/** Degrees between a graticule's lines that give about four to eight over a view this wide. */
export function graticuleStep(widthDeg: number): number {
	const steps = [30, 10, 5, 2, 1, 0.5, 0.25, 0.1, 0.05, 0.02, 0.01];
	return steps.find((step) => widthDeg / step >= 4) ?? steps[steps.length - 1]!;
}

/** Meridians and parallels over a view, each with its label, and the labels' places at the edge. */
export function graticule(west: number, south: number, east: number, north: number): Feature<LineString | Point>[] {
	const step = graticuleStep(Math.min(east - west, 360));
	const features: Feature<LineString | Point>[] = [];
	const digits = step < 0.1 ? 2 : step === 0.25 ? 2 : step < 1 ? 1 : 0;
	const push = (label: string, edge: string, line: Position[], at: Position): void => {
		features.push({ type: 'Feature', properties: {}, geometry: { type: 'LineString', coordinates: line } });
		features.push({ type: 'Feature', properties: { label, edge }, geometry: { type: 'Point', coordinates: at } });
	};
	const top = Math.min(north, 85);
	const bottom = Math.max(south, -85);
	for (let i = Math.ceil(west / step); i * step <= east; i++) {
		const lon = i * step;
		const shown = ((((lon + 180) % 360) + 360) % 360) - 180;
		push(`${Math.abs(shown).toFixed(digits)}° ${shown < 0 ? 'W' : 'E'}`, 'top', [[lon, bottom], [lon, top]], [lon, top]);
	}
	for (let i = Math.ceil(bottom / step); i * step <= top; i++) {
		const lat = i * step;
		push(`${Math.abs(lat).toFixed(digits)}° ${lat < 0 ? 'S' : 'N'}`, 'left', [[west, lat], [east, lat]], [west, lat]);
	}
	return features;
}

/** The box around positions, as [west, south, east, north]; nothing when there are none. */
export function boundsOf(positions: Iterable<Position>): Box | null {
	let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
	for (const [lon, lat] of positions) {
		west = Math.min(west, lon!);
		east = Math.max(east, lon!);
		south = Math.min(south, lat!);
		north = Math.max(north, lat!);
	}
	return west <= east ? [west, south, east, north] : null;
}

/** Every vertex of a geometry. */
export function* verticesOf(geometry: GeoJSON.Geometry): Generator<Position> {
	if (geometry.type === 'GeometryCollection') {
		for (const part of geometry.geometries) yield* verticesOf(part);
		return;
	}
	const walk = function* (value: unknown): Generator<Position> {
		if (!Array.isArray(value)) return;
		if (typeof value[0] === 'number') yield value as Position;
		else for (const inner of value) yield* walk(inner);
	};
	yield* walk(geometry.coordinates);
}

/** The northernmost vertex, where a fence's name is written. */
export function labelPoint(geometry: GeoJSON.Geometry): Position | null {
	let best: Position | null = null;
	for (const vertex of verticesOf(geometry)) if (!best || vertex[1]! > best[1]!) best = vertex;
	return best;
}

export const polygon = (ring: Position[]): Polygon => ({ type: 'Polygon', coordinates: [ring] });
