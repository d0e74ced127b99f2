import type { Feature } from 'geojson';

import type { Geofence } from '../shared/app/race-types.ts';
import { outline } from '../shared/map/course.ts';
import { destination, geodesicRing, labelPoint, polygon } from '../shared/map/shapes.ts';
import { geometryOf, type LonLat, type Shape, type Vertex } from './shape.ts';

/** With more positions than this no handles are drawn between them, and no numbers beside them. */
const MOST_NUMBERED = 300;

/** What can be taken hold of. */
export type Handle = ({ part: 'vertex' | 'middle' } & Vertex) | { part: 'rim' };

/** A handle and where it is. */
export type Placed = Handle & { at: LonLat };

const feature = (geometry: GeoJSON.Geometry, properties: Record<string, unknown>): Feature => ({ type: 'Feature', properties, geometry });
const point = (coordinates: LonLat): GeoJSON.Point => ({ type: 'Point', coordinates });
const middleOf = (a: LonLat, b: LonLat): LonLat => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2];

const hasArea = ({ kind, lines }: Shape): boolean => kind === 'polygon' && lines.some(({ positions }) => positions.length > 2);

/** The shape as it lies on the ground; `rubber` leads from what is drawn to the pointer. What crosses itself has no inside to fill. */
export function fenceFeatures(shape: Shape, color: string, rubber: LonLat[], filled = true): Feature[] {
	const features: Feature[] = [];
	const geometry = geometryOf(shape);
	if (shape.kind === 'circle' && shape.lines[0] && shape.radiusM) {
		const ring = geodesicRing(shape.lines[0].positions[0]!, shape.radiusM);
		features.push(feature(polygon(ring), { part: 'area', color }), feature({ type: 'LineString', coordinates: ring }, { part: 'line', color }));
	}
	if (geometry && filled && hasArea(shape)) features.push(feature(geometry, { part: 'area', color }));
	if (shape.kind === 'polygon' || shape.kind === 'gate') {
		for (const { positions } of shape.lines) {
			const line = shape.kind === 'polygon' && positions.length > 2 ? [...positions, positions[0]!] : positions;
			if (line.length > 1) features.push(feature({ type: 'LineString', coordinates: line }, { part: 'line', color }));
		}
	}
	if (shape.kind === 'gate') features.push(...forward(shape.lines[0]?.positions ?? [], color));
	if (rubber.length > 1) features.push(feature({ type: 'LineString', coordinates: rubber }, { part: 'rubber', color }));
	return features;
}

/** To come from the left of a gate to its right is to enter: an arrow at the middle of each leg. */
function forward(line: LonLat[], color: string): Feature[] {
	return line.slice(1).map((to, index) => {
		const from = line[index]!;
		const at = middleOf(from, to);
		const east = (to[0] - from[0]) * Math.cos((at[1] * Math.PI) / 180);
		const along = (Math.atan2(east, to[1] - from[1]) * 180) / Math.PI;
		return feature(point(at), { part: 'forward', course: (along + 450) % 360, color });
	});
}

/** Everything that can be dragged, with the vertices first: where handles lie on one another they win. */
export function handlesOf(shape: Shape): Placed[] {
	const vertices: Placed[] = [];
	const middles: Placed[] = [];
	shape.lines.forEach(({ positions }, line) => {
		const segments = shape.kind === 'polygon' && positions.length > 2 ? positions.length : positions.length - 1;
		positions.forEach((at, index) => {
			vertices.push({ part: 'vertex', line, index, at });
			if (index < segments) middles.push({ part: 'middle', line, index: index + 1, at: middleOf(at, positions[(index + 1) % positions.length]!) });
		});
	});
	const centre = shape.lines[0]?.positions[0];
	if (shape.kind === 'circle' && centre && shape.radiusM) vertices.push({ part: 'rim', at: destination(centre, 90, shape.radiusM) });
	return middles.length > MOST_NUMBERED ? vertices : [...vertices, ...middles];
}

export function handleFeatures(shape: Shape, color: string, selected: Vertex | null, faulty: Vertex[]): Feature[] {
	const handles = handlesOf(shape);
	const numbered = shape.kind !== 'circle' && handles.length <= 2 * MOST_NUMBERED;
	const isIn = (vertices: Vertex[], { line, index }: Vertex): boolean => vertices.some((one) => one.line === line && one.index === index);
	return handles.map(({ at, ...handle }) => {
		if (handle.part !== 'vertex') return feature(point(at), { part: handle.part === 'rim' ? 'vertex' : 'middle', color, selected: false, fault: false });
		const state = { selected: selected !== null && isIn([selected], handle), fault: isIn(faulty, handle) };
		return feature(point(at), { part: 'vertex', color, ...state, ...(numbered && { number: String(handle.index) }) });
	}).reverse();
}

/** The organization's other geofences, for orientation. */
export function neighbourFeatures(fences: Geofence[]): Feature[] {
	return fences.flatMap((fence) => {
		const geometry = outline(fence);
		const at = geometry && labelPoint(geometry);
		if (!geometry || !at) return [];
		return [feature(geometry, { part: 'shape' }), feature(point(at as LonLat), { part: 'name', label: fence.name })];
	});
}
