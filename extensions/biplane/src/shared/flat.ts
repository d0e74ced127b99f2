/** A geometry as it crosses into the module: `FlatGeometry` in crates/geometry. */
export interface FlatGeometry {
	type: string;
	/** Of each ring (or the line, or the point) how many positions it has. */
	rings: Uint32Array;
	/** Of each polygon of a MultiPolygon how many rings it has. */
	polygons: Uint32Array;
	/** Longitude and latitude of each position, in turn. */
	coordinates: Float64Array;
}

/** How deep the positions of a type lie. */
const DEPTHS: Record<string, number> = { Point: 0, LineString: 1, Polygon: 2, MultiPolygon: 3 };

/**
 * The flat form of a GeoJSON geometry; undefined for whatever has none, which is for the rules to judge:
 * other types, positions that are not two finite numbers, arrays where there should be none.
 */
export function flatten(geometry: unknown): FlatGeometry | undefined {
	if (typeof geometry !== 'object' || geometry === null) return undefined;
	const { type, coordinates } = geometry as { type?: unknown; coordinates?: unknown };
	if (typeof type !== 'string' || !Object.hasOwn(DEPTHS, type) || !Array.isArray(coordinates)) return undefined;
	const depth = DEPTHS[type];
	const polygons = depth === 3 ? (coordinates as unknown[]) : [];
	if (!polygons.every(Array.isArray)) return undefined;
	const rings = depth === 3 ? (polygons as unknown[][]).flat() : depth === 2 ? (coordinates as unknown[]) : [depth === 1 ? coordinates : [coordinates]];
	if (!rings.every(Array.isArray)) return undefined;
	const lengths = Uint32Array.from(rings as unknown[][], (ring) => ring.length);
	const flat = new Float64Array(2 * lengths.reduce((sum, length) => sum + length, 0));
	let next = 0;
	for (const ring of rings as unknown[][]) {
		for (const position of ring) {
			if (!Array.isArray(position) || position.length !== 2) return undefined;
			const [longitude, latitude] = position as unknown[];
			if (!Number.isFinite(longitude) || !Number.isFinite(latitude)) return undefined;
			flat[next] = longitude as number;
			flat[next + 1] = latitude as number;
			next += 2;
		}
	}
	return { type, rings: lengths, polygons: Uint32Array.from(polygons as unknown[][], (polygon) => polygon.length), coordinates: flat };
}
