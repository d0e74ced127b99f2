import { Marker, type MapMouseEvent, type MapTouchEvent, type PointLike } from 'maplibre-gl';

import type { Geofence } from '../shared/app/race-types.ts';
import { outline } from '../shared/map/course.ts';
import type { Box } from '../shared/map/cut.ts';
import { GroundMap } from '../shared/map/ground-map.ts';
import type { Palette } from '../shared/map/palette.ts';
import { boundsOf, geodesicRing, verticesOf } from '../shared/map/shapes.ts';
import { fenceFeatures, handleFeatures, handlesOf, neighbourFeatures, type Handle } from './features.ts';
import { geometryOf, type LonLat, type Shape, type Vertex } from './shape.ts';
import { overlay, SOURCES } from './style.ts';

/** How far (pixels) a pointer may be from what it takes hold of. */
const REACH = { mouse: 10, touch: 22 };
/** A pointer that moved less (pixels) has clicked. */
const STILL = 3;
/** A single place is shown with this much around it. */
const CLOSEST_ZOOM = 15;

export interface Scene {
	shape: Shape;
	/** The line to which positions are added. */
	drawing: number | null;
	selected: Vertex | null;
	/** Vertices to mark, and the place of the fault with its sentence. */
	faulty: Vertex[];
	fault: { at: LonLat; message: string } | null;
	neighbours: Geofence[];
	editable: boolean;
	color: string | null;
	palette: Palette;
	tiles: string | null;
	label: string;
}

export interface MapEvents {
	/** What is held would come to lie here. */
	drag(handle: Handle, at: LonLat): void;
	drop(): void;
	/** A handle was clicked. */
	pick(handle: Handle): void;
	/** Nothing was clicked but the ground. */
	place(at: LonLat): void;
	/** The pointer moves while something is drawn. */
	hover(at: LonLat): void;
	finish(): void;
	remove(vertex: Vertex): void;
}

type Pointer = MapMouseEvent | MapTouchEvent;

const lonLat = ({ lngLat }: Pointer): LonLat => {
	const { lng, lat } = lngLat.wrap();
	return [lng, lat];
};

/** The geofence on the ground, with handles; says what is done to it and decides nothing. */
export class FenceMap {
	private readonly ground: GroundMap;
	private readonly events: MapEvents;
	private scene: Scene;
	private held: { handle: Handle; from: { x: number; y: number }; moved: boolean } | null = null;
	private pointer: LonLat | null = null;
	/** A press on a handle is no click on the ground. */
	private onHandle = false;
	private fault: Marker | null = null;

	private constructor(ground: GroundMap, scene: Scene, events: MapEvents) {
		this.ground = ground;
		this.scene = scene;
		this.events = events;
	}

	/** Rejects with a sentence when the browser can't draw. */
	static async open(container: HTMLElement, scene: Scene, events: MapEvents): Promise<FenceMap> {
		const ground = await GroundMap.open(container, {
			look: scene,
			overlay: ({ palette }) => overlay(palette),
			bounds: null,
			label: scene.label,
			failed: (reason) => console.warn(`Geofence: ${reason}`),
		});
		const opened = new FenceMap(ground, scene, events);
		opened.listen();
		opened.show(false);
		opened.draw();
		return opened;
	}

	update(scene: Scene): void {
		const { neighbours } = this.scene;
		this.scene = scene;
		this.ground.restyle(scene);
		if (scene.neighbours !== neighbours && !boundsOfShape(scene.shape)) this.show(false);
		this.draw();
	}

	/** Brings the fence into view; where there is none, the others. */
	show(moves = true): void {
		const around = this.scene.neighbours.flatMap((fence) => [...verticesOf(outline(fence) ?? { type: 'GeometryCollection', geometries: [] })]);
		const bounds = boundsOfShape(this.scene.shape) ?? boundsOf(around);
		if (bounds) this.ground.map.fitBounds(bounds, { padding: 56, maxZoom: CLOSEST_ZOOM, animate: moves });
	}

	/** The middle of what is seen. */
	get centre(): LonLat {
		return this.ground.map.getCenter().wrap().toArray();
	}

	/** Where a place is drawn, in pixels from the map's corner. */
	onScreen(at: LonLat): { x: number; y: number } {
		return this.ground.map.project(at);
	}

	close(): void {
		window.removeEventListener('mouseup', this.release);
		window.removeEventListener('touchend', this.release);
		this.ground.close();
	}

	private listen(): void {
		const { map } = this.ground;
		map.on('mousedown', (event) => event.originalEvent.button === 0 && this.press(event, REACH.mouse));
		map.on('touchstart', (event) => event.points.length === 1 && this.press(event, REACH.touch));
		map.on('mousemove', (event) => this.move(event));
		map.on('touchmove', (event) => this.move(event));
		// Wherever the pointer is let go of.
		window.addEventListener('mouseup', this.release);
		window.addEventListener('touchend', this.release);
		map.on('click', (event) => {
			if (!this.onHandle && this.scene.editable) this.events.place(lonLat(event));
			this.onHandle = false;
		});
		// The second click of two ends what is drawn; the map stays where it is.
		if (this.scene.editable) map.doubleClickZoom.disable();
		map.on('dblclick', (event) => {
			if (this.scene.drawing === null) return;
			event.preventDefault();
			this.events.finish();
		});
		map.on('contextmenu', (event) => {
			const handle = this.scene.editable ? this.hit(event.point, REACH.mouse) : null;
			if (handle?.part !== 'vertex') return;
			event.originalEvent.preventDefault();
			this.events.remove(handle);
		});
		map.on('mouseout', () => {
			this.pointer = null;
			this.draw();
		});
	}

	/** Of what lies below a pointer the nearest. */
	private hit(point: PointLike, reach: number): Handle | null {
		const { x, y } = point as { x: number; y: number };
		let nearest: Handle | null = null;
		let closest = reach;
		for (const { at, ...handle } of handlesOf(this.scene.shape)) {
			if (this.scene.drawing !== null && handle.part === 'middle') continue;
			const place = this.ground.map.project(at);
			const distance = Math.hypot(place.x - x, place.y - y);
			if (distance < closest) [nearest, closest] = [handle as Handle, distance];
		}
		return nearest;
	}

	private press(event: Pointer, reach: number): void {
		const handle = this.scene.editable ? this.hit(event.point, reach) : null;
		this.onHandle = handle !== null;
		if (!handle) return;
		event.preventDefault();
		this.held = { handle, from: event.point, moved: false };
	}

	private move(event: Pointer): void {
		const { held } = this;
		const { map } = this.ground;
		if (held) {
			const { x, y } = event.point;
			held.moved ||= Math.hypot(x - held.from.x, y - held.from.y) > STILL;
			if (held.moved) this.events.drag(held.handle, lonLat(event));
			return;
		}
		if (!this.scene.editable) return;
		const over = this.hit(event.point, REACH.mouse);
		map.getCanvas().style.cursor = over ? 'pointer' : this.scene.drawing === null ? '' : 'crosshair';
		if (this.scene.drawing === null) return;
		this.pointer = lonLat(event);
		this.events.hover(this.pointer);
		this.draw();
	}

	private readonly release = (): void => {
		const { held } = this;
		this.held = null;
		if (held?.moved) this.events.drop();
		else if (held) this.events.pick(held.handle);
	};

	private draw(): void {
		const { shape, selected, faulty, editable, palette, neighbours, fault } = this.scene;
		const color = this.scene.color ?? palette.role.turnpoint;
		this.ground.set(SOURCES.neighbours, neighbourFeatures(neighbours));
		this.ground.set(SOURCES.fence, fenceFeatures(shape, color, this.rubber(), fault === null));
		this.ground.set(SOURCES.handles, editable ? handleFeatures(shape, color, selected, faulty) : []);
		if (this.fault?.getElement().dataset['at'] === String(fault?.at) && this.fault?.getElement().textContent === fault?.message) return;
		this.fault?.remove();
		this.fault = fault && markOf(fault).addTo(this.ground.map);
	}

	/** From what is drawn so far to the pointer, and back to the beginning of a ring. */
	private rubber(): LonLat[] {
		const { drawing, shape } = this.scene;
		const { pointer } = this;
		if (drawing === null || !pointer || shape.kind === 'circle') return [];
		const positions = shape.lines[drawing]?.positions ?? [];
		const last = positions[positions.length - 1];
		if (!last) return [];
		return shape.kind === 'polygon' && positions.length > 1 ? [last, pointer, positions[0]!] : [last, pointer];
	}
}

function boundsOfShape(shape: Shape): Box | null {
	const geometry = geometryOf(shape);
	if (!geometry) return null;
	const centre = shape.lines[0]?.positions[0];
	if (shape.kind === 'circle' && centre && shape.radiusM) return boundsOf(geodesicRing(centre, shape.radiusM, 36));
	return boundsOf(verticesOf(geometry));
}

/** A ring around the place of a fault, and its sentence; the same stands below the map. */
function markOf({ at, message }: { at: LonLat; message: string }): Marker {
	const element = document.createElement('div');
	element.className = 'geofence-fault';
	element.dataset['fault'] = '';
	element.dataset['at'] = String(at);
	element.ariaHidden = 'true';
	const text = document.createElement('span');
	text.textContent = message;
	element.append(text);
	return new Marker({ element }).setLngLat(at);
}
