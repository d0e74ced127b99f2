import type { Feature } from 'geojson';

import type { Box } from './cut.ts';
import { boundsOf, destination, geodesicRing, labelPoint, polygon, verticesOf } from './shapes.ts';
import type { Palette } from './palette.ts';
import type { Checkpoint, Geofence, Role } from '../app/race-types.ts';

export type RoleNames = Record<Role, string>;

const ROLE_NAMES: RoleNames = { start: 'Start', turnpoint: 'Turnpoint', finish: 'Finish', zone: 'Zone' };

/** A geofence as it lies on the ground: a circle becomes its geodesic polygon. */
export function outline(fence: Geofence): GeoJSON.Geometry | null {
	if (!fence.geometry) return null;
	if (fence.kind !== 'circle') return fence.geometry;
	if (fence.geometry.type !== 'Point' || !fence.radius_m) return null;
	return polygon(geodesicRing(fence.geometry.coordinates, fence.radius_m));
}

/** Whether a name says its role by itself. */
export const saysRole = (name: string, role: string): boolean => name.toLowerCase().includes(role.toLowerCase());

/** `3 · B23 · Turnpoint`, without a part that would be said twice. */
export function checkpointLabel(checkpoint: Checkpoint, order: number, roles = ROLE_NAMES): string {
	const name = checkpoint.name || checkpoint.geofence?.name || '';
	const role = roles[checkpoint.role] ?? checkpoint.role;
	return [String(order), name, saysRole(name, role) ? '' : role].filter(Boolean).join(' · ');
}

/** Fences (`shape`), their names (`name`) and the line from one to the next (`leg`). */
export function courseFeatures(checkpoints: Checkpoint[], palette: Palette, roles = ROLE_NAMES): Feature[] {
	const features: Feature[] = [];
	const legs: GeoJSON.Position[] = [];
	checkpoints.forEach((checkpoint, index) => {
		const fence = checkpoint.geofence;
		const geometry = fence && outline(fence);
		if (!fence || !geometry) return;
		const color = fence.color ?? palette.role[checkpoint.role] ?? palette.role.zone;
		features.push({ type: 'Feature', properties: { part: 'shape', color }, geometry });
		const at = labelPoint(geometry);
		if (at) {
			const properties = { part: 'name', color, order: index, label: checkpointLabel(checkpoint, index + 1, roles) };
			features.push({ type: 'Feature', properties, geometry: { type: 'Point', coordinates: at } });
		}
		if (checkpoint.role !== 'zone') legs.push(middle(fence));
	});
	if (legs.length > 1) {
		features.push({ type: 'Feature', properties: { part: 'leg' }, geometry: { type: 'LineString', coordinates: legs } });
	}
	return features;
}

function middle(fence: Geofence): GeoJSON.Position {
	if (fence.geometry?.type === 'Point') return fence.geometry.coordinates;
	const box = boundsOf(verticesOf(fence.geometry!))!;
	return [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
}

/** The box to show a course in: every fence's middle with a margin, and whole fences unless they are vast. */
export function courseBounds(checkpoints: Checkpoint[]): Box | null {
	const VAST_M = 15_000;
	const vertices: GeoJSON.Position[] = [];
	for (const { geofence } of checkpoints) {
		if (!geofence?.geometry) continue;
		if (geofence.geometry.type === 'Point') {
			const radius = geofence.radius_m && geofence.radius_m < VAST_M ? geofence.radius_m : 2000;
			for (const course of [0, 90, 180, 270]) vertices.push(destination(geofence.geometry.coordinates, course, radius));
		} else {
			vertices.push(...verticesOf(geofence.geometry));
		}
	}
	return boundsOf(vertices);
}
