import type { Engine } from '../shared/engine.ts';
import { flatten } from '../shared/flat.ts';
import { type Kind, type LonLat, shapeOf, type Shape } from './shape.ts';
import { judge } from './verdict.ts';

/** What may be read at all: more than the largest geofence needs, far less than a browser can take. */
export const MOST_MIB = 8;
export const MOST_FOUND = 100;

/** Something in a file that may become a geofence. */
export interface Found {
	name: string | null;
	type: 'polygon' | 'point' | 'line';
	geometry: GeoJSON.Point | GeoJSON.LineString | GeoJSON.Polygon | GeoJSON.MultiPolygon;
	positions: number;
	/** Of a point that says its radius, metres. */
	radiusM: number | null;
}

/** Something in a file that can't, and the sentence that says why. */
export interface Skipped {
	name: string | null;
	sentence: string;
}

export interface Import {
	found: Found[];
	skipped: Skipped[];
	altitudes: boolean;
	/** There is more than is shown. */
	more: boolean;
}

const TYPES: Record<string, Found['type']> = { Polygon: 'polygon', MultiPolygon: 'polygon', Point: 'point', LineString: 'line' };
const KINDS: Record<Found['type'], Kind> = { polygon: 'polygon', point: 'circle', line: 'gate' };

/** Reads GeoJSON or GPX; throws an error with the reason when it is neither. */
export function readImport(text: string, engine: Engine, parseXml: (text: string) => Document): Import {
	return text.trimStart().startsWith('<') ? readGpx(parseXml(text)) : readGeoJson(JSON.parse(text), engine);
}

function readGeoJson(value: unknown, engine: Engine): Import {
	const result: Import = { found: [], skipped: [], altitudes: false, more: false };
	const open: { value: unknown; name: string | null; radiusM: number | null }[] = [{ value, name: null, radiusM: null }];
	for (let next = open.pop(); next; next = open.pop()) {
		const { name, radiusM } = next;
		const { type, features, geometries, geometry, properties } = (next.value ?? {}) as Record<string, unknown>;
		if (type === 'FeatureCollection' && Array.isArray(features)) {
			for (const feature of features.toReversed()) open.push({ value: feature, name, radiusM });
		} else if (type === 'GeometryCollection' && Array.isArray(geometries)) {
			for (const one of geometries.toReversed()) open.push({ value: one, name, radiusM });
		} else if (type === 'Feature') {
			const told = (properties ?? {}) as Record<string, unknown>;
			const metres = Number(told['radius_m'] ?? told['radius'] ?? NaN);
			open.push({ value: geometry, name: typeof told['name'] === 'string' ? told['name'] : name, radiusM: metres > 0 ? metres : null });
		} else if (result.found.length + result.skipped.length >= MOST_FOUND) {
			result.more = true;
			break;
		} else {
			take(result, next.value, name, radiusM, engine);
		}
	}
	return result;
}

/** A geometry as the rules would take it, or their sentence about it. */
function take(result: Import, value: unknown, name: string | null, radiusM: number | null, engine: Engine): void {
	const flat = withoutAltitudes(value);
	result.altitudes ||= flat !== value;
	const { type } = (flat ?? {}) as { type?: string };
	const kind = type === undefined ? undefined : TYPES[type];
	const shape = kind && flatten(flat);
	if (kind && shape) {
		const positions = shape.coordinates.length / 2;
		// Of a ring the closing one is the first once more.
		result.found.push({ name, type: kind, geometry: flat as Found['geometry'], positions: positions - (kind === 'polygon' ? shape.rings.length : 0), radiusM });
		return;
	}
	const verdict = judge(engine, kind ? KINDS[kind] : 'polygon', flat, 1);
	if (verdict.state === 'refused') result.skipped.push({ name, sentence: verdict.message });
}

/** The same value where no position has a third number. */
function withoutAltitudes(value: unknown): unknown {
	const { coordinates } = (value ?? {}) as { coordinates?: unknown };
	let dropped = false;
	const cut = (part: unknown, depth: number): unknown => {
		if (!Array.isArray(part) || depth > 4) return part;
		if (typeof part[0] !== 'number') return part.map((inner) => cut(inner, depth + 1));
		dropped ||= part.length > 2;
		return part.length > 2 ? part.slice(0, 2) : part;
	};
	const flat = cut(coordinates, 0);
	return dropped ? { ...(value as object), coordinates: flat } : value;
}

/** Tracks (a line for each segment), routes and waypoints (GPX 1.0 and 1.1). */
function readGpx(document: Document): Import {
	const error = document.querySelector('parsererror');
	if (error) throw new Error(error.textContent?.trim().split('\n')[0] ?? 'XML');
	const all = (parent: Document | Element, tag: string): Element[] => [...parent.getElementsByTagNameNS('*', tag)];
	if (all(document, 'gpx').length === 0) throw new Error(`<${document.documentElement.tagName}>`);
	const nameOf = (element: Element): string | null => [...element.children].find(({ localName }) => localName === 'name')?.textContent?.trim() || null;
	const at = (element: Element): LonLat => [Number(element.getAttribute('lon') ?? NaN), Number(element.getAttribute('lat') ?? NaN)];
	const line = (name: string | null, points: Element[]): Found[] => {
		const coordinates = points.map(at).filter(([lon, lat]) => Number.isFinite(lon) && Number.isFinite(lat));
		return coordinates.length < 2 ? [] : [{ name, type: 'line', geometry: { type: 'LineString', coordinates }, positions: coordinates.length, radiusM: null }];
	};
	const found = [
		...all(document, 'trk').flatMap((track) => all(track, 'trkseg').flatMap((segment) => line(nameOf(track), all(segment, 'trkpt')))),
		...all(document, 'rte').flatMap((route) => line(nameOf(route), all(route, 'rtept'))),
		...all(document, 'wpt').filter((point) => at(point).every(Number.isFinite)).map((point): Found => ({
			name: nameOf(point), type: 'point', geometry: { type: 'Point', coordinates: at(point) }, positions: 1, radiusM: null,
		})),
	];
	return { found: found.slice(0, MOST_FOUND), skipped: [], altitudes: all(document, 'ele').length > 0, more: found.length > MOST_FOUND };
}

/** A line with fewer positions, never farther from the old one than a tolerance (metres), by the rule that Flows use. */
export function simplified(engine: Engine, line: LonLat[], toleranceM: number): LonLat[] {
	const { result } = engine.call({
		kind: 'operation',
		name: 'track.simplify',
		event: null,
		payload: { track: { type: 'LineString', coordinates: line }, tolerance_m: toleranceM },
		ctx: { now_ms: Date.now(), collection: '', keys: [], user: null, role: null, admin: false, results: {} },
	});
	return (result as { track: { coordinates: LonLat[] } } | undefined)?.track.coordinates ?? line;
}

/** As what kinds something may be taken. */
export const kindsOf = ({ type }: Found): Kind[] => (type === 'line' ? ['polygon', 'gate'] : [KINDS[type]]);

export function shapeOfFound({ geometry, radiusM }: Found, kind: Kind, before: number | null): Shape {
	const isRing = kind === 'polygon' && geometry.type === 'LineString';
	return shapeOf(kind, isRing ? { type: 'Polygon', coordinates: [geometry.coordinates] } : geometry, radiusM ?? before);
}
