import type { Engine, Measures } from '../shared/engine.ts';
import type { Rejection } from '../shared/protocol.ts';
import { geometryOf, type Kind, type LonLat, type Shape } from './shape.ts';

/** What the rule sets right when the geofence is saved. */
export interface Repairs {
	/** Positions that repeat the one before. */
	repeated: number;
	/** Rings that run the other way round than GeoJSON asks for. */
	turned: number;
}

export type Verdict =
	| { state: 'waiting' }
	/** The rules could not be loaded: only the API will tell. */
	| { state: 'unknown' }
	| { state: 'valid'; repairs: Repairs | null }
	| { state: 'refused'; message: string; at: LonLat | null };

const RULE = 'geofence.validate';

/** What the API would say to a create with these fields, by the rule that it asks itself. */
export function judge(engine: Engine, kind: Kind | null, geometry: unknown, radiusM: number | null): Verdict {
	const { reject, patch } = engine.call({
		kind: 'filter',
		name: RULE,
		event: 'items.create',
		payload: { kind, geometry, radius_m: radiusM },
		ctx: { now_ms: Date.now(), collection: 'geofences', keys: [], user: null, role: null, admin: false, results: {} },
	});
	const first: Rejection | undefined = reject?.[0];
	if (first) return { state: 'refused', message: first.message, at: first.at ?? null };
	const repaired = patch?.['geometry'] as GeoJSON.Geometry | undefined;
	return { state: 'valid', repairs: repaired ? repairsOf(geometry as GeoJSON.Geometry, repaired) : null };
}

export const judgeShape = (engine: Engine, shape: Shape): Verdict => judge(engine, shape.kind, geometryOf(shape), shape.radiusM);

export function measureShape(engine: Engine, shape: Shape): Measures | null {
	const geometry = geometryOf(shape);
	return geometry && !shape.foreign ? engine.measure(geometry, shape.radiusM) : null;
}

/** What a repaired geometry has otherwise. */
export function repairsOf(given: GeoJSON.Geometry, repaired: GeoJSON.Geometry): Repairs {
	const [before, after] = [linesOf(given), linesOf(repaired)];
	let [repeated, turned] = [0, 0];
	before.forEach((line, index) => {
		const kept = line.filter((position, at) => at === 0 || !isSame(position, line[at - 1]!));
		repeated += line.length - kept.length;
		const now = after[index] ?? [];
		if (kept.length > 2 && now.length > 2 && !isSame(now[1]!, kept[1]!)) turned += 1;
	});
	return { repeated, turned };
}

function linesOf(geometry: GeoJSON.Geometry): GeoJSON.Position[][] {
	switch (geometry.type) {
		case 'LineString':
			return [geometry.coordinates];
		case 'Polygon':
			return geometry.coordinates;
		case 'MultiPolygon':
			return geometry.coordinates.flat();
		default:
			return [];
	}
}

const isSame = (a: GeoJSON.Position, b: GeoJSON.Position): boolean => a[0] === b[0] && a[1] === b[1];
