import type { Feature } from 'geojson';
import type { MapMouseEvent } from 'maplibre-gl';

import type { Checkpoint, Geofence } from '../shared/app/race-types.ts';
import { courseBounds, courseFeatures, outline } from '../shared/map/course.ts';
import { GroundMap } from '../shared/map/ground-map.ts';
import type { Palette } from '../shared/map/palette.ts';
import { boundsOf, labelPoint } from '../shared/map/shapes.ts';
import { channels, rgb } from './colors.ts';
import type { Field } from './field.ts';
import { MarkLayer, type Hit } from './marks/mark-layer.ts';
import { viewOf, type View } from './marks/world.ts';
import type { Layer } from './settings.ts';
import { overlay, SOURCES } from './style.ts';
import type { Texts } from './texts.ts';

/** What of the panel's words is said on the map. */
export type MapTexts = Pick<Texts, 'map' | 'roles' | 'controls'>;

/** A picture that takes longer than this (ms) is drawn without a graphics card. */
const SMOOTH_MS = 40;
/** Then between two pictures everything else has this share of the time that one takes. */
const BREATH = 0.5;
const SLOWEST_MS = 1000;
/** Around what is to be seen as a whole: room for numbers and for the map's own buttons (CSS pixels). */
const MARGIN = { top: 40, right: 88, bottom: 56, left: 48 };

export interface Scene {
	field: Field;
	/** The clock by which the field's marks glide, ms. */
	clock: () => number;
	checkpoints: Checkpoint[];
	fences: Geofence[];
	palette: Palette;
	tiles: string | null;
	layers: Layer[];
	trailMs: number;
	/** Entries: of the one whose card is open, and of the one that the view stays on. */
	selected: string | null;
	followed: string | null;
	/** So much at the edges lies under something else (CSS pixels). */
	covered: { top: number; left: number };
}

export interface MapEvents {
	/** A mark or an implausible fix was clicked. */
	pick(hit: Hit): void;
	/** The pointer came to something, at this place of the map, or left it. */
	hover(hit: Hit | null, x: number, y: number): void;
	/** The user moved the map: it no longer follows. */
	moved(): void;
	/** Everything is drawn for the first time. */
	drawn(): void;
	failed(reason: string): void;
}

/** Draws a scene. What it shows is set from outside; it decides only when to draw. */
export class LiveMap {
	private readonly ground: GroundMap;
	private readonly marks: MarkLayer;
	private readonly texts: MapTexts;
	private scene: Scene;
	private drawnAt = 0;
	/** When the browser last asked for a picture, and about how long one takes it (ms). */
	private askedAt = 0;
	private pictureMs = 0;
	private frame = 0;
	private dirty = true;
	/** The ground was drawn as a whole. Before that marks would only keep it waiting. */
	private isWhole = false;
	/** The view was set to something that is to be seen. */
	private aimed: boolean;
	private pointer: { x: number; y: number } | null = null;

	private constructor(ground: GroundMap, scene: Scene, texts: MapTexts) {
		this.ground = ground;
		this.scene = scene;
		this.texts = texts;
		this.aimed = courseBounds(scene.checkpoints) !== null;
		this.marks = new MarkLayer(ground.map.getCanvasContainer(), scene.field, scene.clock());
	}

	/** Rejects with a sentence when the browser can't draw. */
	static async open(container: HTMLElement, scene: Scene, texts: MapTexts, events: MapEvents): Promise<LiveMap> {
		const ground = await GroundMap.open(container, {
			look: scene,
			overlay: ({ palette }) => overlay(palette),
			bounds: courseBounds(scene.checkpoints),
			padding: marginIn(container, scene),
			label: texts.map,
			locale: texts.controls,
			failed: (reason) => events.failed(reason),
		});
		const live = new LiveMap(ground, scene, texts);
		live.listen(events);
		live.drawCourse();
		live.drawFences();
		live.loop();
		return live;
	}

	private listen(events: MapEvents): void {
		const { map } = this.ground;
		const resize = (): void => {
			this.marks.resize(map.getContainer().clientWidth, map.getContainer().clientHeight);
			this.touch();
		};
		resize();
		map.on('resize', resize);
		// In the same frame as the ground below them.
		map.on('render', () => this.isWhole && this.drawMarks());
		map.on('zoom', () => this.marks.replace());
		map.on('moveend', () => this.marks.replace());
		void this.ground.drawn.then(() => {
			this.isWhole = true;
			this.drawMarks();
			events.drawn();
		});
		map.on('dragstart', () => events.moved());
		map.on('click', ({ point }: MapMouseEvent) => {
			const hit = this.hit(point.x, point.y);
			if (hit) events.pick(hit);
		});
		map.on('mousemove', ({ point }: MapMouseEvent) => {
			const isAsked = this.pointer !== null;
			this.pointer = { x: point.x, y: point.y };
			if (!isAsked) requestAnimationFrame(() => this.hover(events));
		});
		map.on('mouseout', () => events.hover(null, 0, 0));
	}

	private hover(events: MapEvents): void {
		if (!this.pointer) return;
		const { x, y } = this.pointer;
		this.pointer = null;
		const hit = this.hit(x, y);
		this.ground.map.getCanvas().style.cursor = hit ? 'pointer' : '';
		events.hover(hit, x, y);
	}

	private hit(x: number, y: number): Hit | null {
		return this.marks.hit(this.view(), this.scene.clock(), x, y, this.scene.layers.includes('faulty'));
	}

	private view(): View {
		const { map } = this.ground;
		const { clientWidth, clientHeight } = map.getContainer();
		return viewOf(map.getCenter(), map.getZoom(), clientWidth, clientHeight);
	}

	/** Something new is to be seen. */
	touch(): void {
		this.dirty = true;
	}

	update(change: Partial<Scene>): void {
		this.scene = { ...this.scene, ...change };
		this.dirty = true;
		const { field, clock, palette, tiles } = this.scene;
		if ('field' in change) this.marks.setField(field, clock());
		if ('selected' in change) this.marks.replace();
		if ('checkpoints' in change || 'palette' in change || 'layers' in change) this.drawCourse();
		if ('fences' in change || 'palette' in change || 'layers' in change) this.drawFences();
		if ('palette' in change || 'tiles' in change) this.ground.restyle({ palette, tiles });
	}

	showCourse(): void {
		this.ground.show(courseBounds(this.scene.checkpoints), { padding: this.margin });
	}

	showAll(animate = true): void {
		const now = this.scene.clock();
		const placed = this.scene.field.all.filter((one) => one.fix);
		this.ground.show(boundsOf(placed.map((one) => one.place(now))), { padding: this.margin, maxZoom: 13, animate });
	}

	private get margin(): typeof MARGIN {
		return marginIn(this.ground.map.getContainer(), this.scene);
	}

	/** Brings a competitor into the middle; the next fixes keep it there. */
	goTo(entry: string): void {
		const competitor = this.scene.field.byEntry.get(entry);
		const { map } = this.ground;
		if (competitor?.fix) map.easeTo({ center: competitor.place(this.scene.clock()), zoom: Math.max(map.getZoom(), 11) });
	}

	close(): void {
		cancelAnimationFrame(this.frame);
		this.marks.close();
		this.ground.close();
	}

	private loop = (): void => {
		this.frame = requestAnimationFrame(this.loop);
		const { field, clock } = this.scene;
		const now = performance.now();
		// The longest of late; a hidden page is not a slow one.
		const gap = document.hidden || this.askedAt === 0 ? 0 : now - this.askedAt;
		this.askedAt = now;
		this.pictureMs = Math.min(SLOWEST_MS, Math.max(gap, this.pictureMs * 0.95));
		const moving = field.moving(clock());
		const pause = this.pictureMs < SMOOTH_MS ? 0 : this.pictureMs * (1 + BREATH);
		if (!this.isWhole || (!this.dirty && !moving) || now - this.drawnAt < pause) return;
		// One more drawing after the last movement, so that marks end on their fix.
		this.dirty = moving;
		this.drawnAt = now;
		this.drawMarks();
		if (!this.aimed && field.newestMs > 0) {
			this.aimed = true;
			this.showAll(false);
		}
		this.keepFollowing();
	};

	private keepFollowing(): void {
		const competitor = this.scene.followed ? this.scene.field.byEntry.get(this.scene.followed) : undefined;
		const { map } = this.ground;
		if (competitor?.fix && !map.isMoving()) map.setCenter(competitor.place(this.scene.clock()));
	}

	private drawMarks(): void {
		const { field, clock, layers, trailMs, selected, palette } = this.scene;
		this.marks.draw(this.view(), clock(), {
			numbers: layers.includes('numbers'),
			faulty: layers.includes('faulty'),
			trails: layers.includes('trails'),
			trailMs,
			selected: (selected && field.byEntry.get(selected)) || null,
			halo: channels(palette.mark),
			label: rgb(palette.label),
		});
	}

	private drawCourse(): void {
		const { checkpoints, palette, layers } = this.scene;
		this.ground.set(SOURCES.course, layers.includes('course') ? courseFeatures(checkpoints, palette, this.texts.roles) : []);
	}

	private drawFences(): void {
		const { fences, palette, layers } = this.scene;
		const features = layers.includes('fences') ? fences : [];
		this.ground.set(SOURCES.fences, features.flatMap((fence) => fenceFeatures(fence, palette)));
	}
}

/** A small map has no room to spare. */
function marginIn({ clientWidth, clientHeight }: HTMLElement, { covered }: Scene): typeof MARGIN {
	const top = covered.top < clientHeight / 3 ? covered.top : 0;
	const left = covered.left < clientWidth / 2 ? covered.left : 0;
	return { ...MARGIN, top: MARGIN.top + top, left: MARGIN.left + left };
}

function fenceFeatures(fence: Geofence, palette: Palette): Feature[] {
	const geometry = outline(fence);
	const at = geometry && labelPoint(geometry);
	if (!geometry || !at) return [];
	const color = fence.color ?? palette.role.zone;
	return [
		{ type: 'Feature', properties: { part: 'shape', color }, geometry },
		{ type: 'Feature', properties: { part: 'name', color, label: fence.name }, geometry: { type: 'Point', coordinates: at } },
	];
}
