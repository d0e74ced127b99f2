import type { Feature, Position } from 'geojson';
import type { MapMouseEvent } from 'maplibre-gl';

import type { Checkpoint } from '../shared/app/race-types.ts';
import { courseFeatures } from '../shared/map/course.ts';
import type { Box } from '../shared/map/cut.ts';
import { GroundMap } from '../shared/map/ground-map.ts';
import type { Palette } from '../shared/map/palette.ts';
import { boundsOf } from '../shared/map/shapes.ts';
import { BoxSelection } from './box-selection.ts';
import type { Fixes, Range } from './fixes.ts';
import { overlay, SOURCES } from './style.ts';

/** The pointer is at a fix when it is no farther away (px). */
const NEAR_PX = 14;
/** Vertices of one line; a longer one is slow to clip. */
const LINE = 2_000;

export interface MapEvents {
	/** A box was drawn: the range from its first fix to its last. */
	select(range: Range): void;
	hover(index: number | null): void;
	drawn(): void;
	failed(reason: string): void;
}

/** A device's way with its faulty fixes, and what of it is selected. */
export class ReviewMap {
	private readonly ground: GroundMap;
	private readonly fixes: Fixes;
	private readonly box: BoxSelection;

	private constructor(ground: GroundMap, fixes: Fixes, events: MapEvents) {
		this.ground = ground;
		this.fixes = fixes;
		this.box = new BoxSelection(ground.map, (inside) => {
			const found = this.rangeInside(inside);
			if (found) events.select(found);
		});
	}

	static async open(container: HTMLElement, fixes: Fixes, look: { palette: Palette; tiles: string | null }, label: string, events: MapEvents): Promise<ReviewMap> {
		const believed: Position[] = [];
		for (let index = 0; index < fixes.length; index++) {
			if (fixes.fault[index] === null && fixes.isOnEarth(index)) believed.push([fixes.lon[index]!, fixes.lat[index]!]);
		}
		const ground = await GroundMap.open(container, {
			look, label, overlay: ({ palette }) => overlay(palette), bounds: boundsOf(believed), failed: (reason) => events.failed(reason),
		});
		const map = new ReviewMap(ground, fixes, events);
		void ground.drawn.then(() => events.drawn());
		ground.map.on('mousemove', (event: MapMouseEvent) => events.hover(map.nearest(event.point)));
		ground.map.on('mouseout', () => events.hover(null));
		map.drawWay();
		return map;
	}

	/** From now on a drag draws a box; with Shift it always does. */
	set boxes(on: boolean) {
		this.box.always = on;
	}

	private drawWay(): void {
		const { fixes, ground } = this;
		const [way, faulty]: [Position[], Position[]] = [[], []];
		for (let index = 0; index < fixes.length; index++) {
			if (fixes.isOnEarth(index)) (fixes.fault[index] === null ? way : faulty).push([fixes.lon[index]!, fixes.lat[index]!]);
		}
		const features = lines(way);
		features.push({ type: 'Feature', properties: { part: 'fix' }, geometry: { type: 'MultiPoint', coordinates: way } });
		features.push({ type: 'Feature', properties: { part: 'faulty' }, geometry: { type: 'MultiPoint', coordinates: faulty } });
		ground.set(SOURCES.way, features);
	}

	drawCourse(checkpoints: Checkpoint[], palette: Palette): void {
		this.ground.set(SOURCES.course, courseFeatures(checkpoints, palette));
	}

	select(range: Range | null): void {
		const coordinates: Position[] = [];
		if (range) {
			const [first, end] = this.fixes.within(range);
			for (let index = first; index < end; index++) if (this.fixes.isOnEarth(index)) coordinates.push([this.fixes.lon[index]!, this.fixes.lat[index]!]);
		}
		const points: Feature = { type: 'Feature', properties: { part: 'selected' }, geometry: { type: 'MultiPoint', coordinates } };
		this.ground.set(SOURCES.selected, coordinates.length > 0 ? [...lines(coordinates), points] : []);
	}

	point(index: number | null): void {
		const shown = index !== null && this.fixes.isOnEarth(index);
		const points: Feature[] = [];
		if (shown) points.push({ type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: [this.fixes.lon[index]!, this.fixes.lat[index]!] } });
		this.ground.set(SOURCES.pointed, points);
	}

	/** Brings the fixes of a range into view; all believed ones without. */
	show(range: Range | null): void {
		const [first, end] = range ? this.fixes.within(range) : [0, this.fixes.length];
		const places: Position[] = [];
		for (let index = first; index < end; index++) {
			if (this.fixes.isOnEarth(index) && (range || this.fixes.fault[index] === null)) places.push([this.fixes.lon[index]!, this.fixes.lat[index]!]);
		}
		this.ground.show(boundsOf(places), { padding: 40, maxZoom: 16 });
	}

	restyle(palette: Palette): void {
		this.ground.restyle({ palette });
	}

	close(): void {
		this.box.close();
		this.ground.close();
	}

	/** The fix nearest to a place on the screen, if it is near. */
	private nearest({ x, y }: { x: number; y: number }): number | null {
		const { map } = this.ground;
		const corner = map.unproject([x - NEAR_PX, y + NEAR_PX]);
		const other = map.unproject([x + NEAR_PX, y - NEAR_PX]);
		let [best, distance] = [-1, NEAR_PX];
		for (let index = 0; index < this.fixes.length; index++) {
			const [lat, lon] = [this.fixes.lat[index]!, this.fixes.lon[index]!];
			if (lat < corner.lat || lat > other.lat || lon < corner.lng || lon > other.lng || !this.fixes.isOnEarth(index)) continue;
			const at = map.project([lon, lat]);
			const far = Math.hypot(at.x - x, at.y - y);
			if (far < distance) [best, distance] = [index, far];
		}
		return best < 0 ? null : best;
	}

	private rangeInside([west, south, east, north]: Box): Range | null {
		const found: number[] = [];
		for (let index = 0; index < this.fixes.length; index++) {
			const [lat, lon] = [this.fixes.lat[index]!, this.fixes.lon[index]!];
			if (lat < south || lat > north || lon < west || lon > east) continue;
			found.push(this.fixes.ms[index]!);
		}
		const [from, to] = [found[0], found.at(-1)];
		// A flag is longer than nothing.
		return from === undefined || to === undefined ? null : { from, to: Math.max(to, from + 1) };
	}
}

/** A way as lines, each beginning where the one before ends. */
function lines(way: Position[]): Feature[] {
	const features: Feature[] = [];
	for (let at = 0; at + 1 < way.length; at += LINE) {
		features.push({ type: 'Feature', properties: { part: 'line' }, geometry: { type: 'LineString', coordinates: way.slice(at, at + LINE + 1) } });
	}
	return features;
}
