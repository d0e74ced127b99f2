import type { Feature } from 'geojson';
import type { MapMouseEvent } from 'maplibre-gl';

import type { Checkpoint } from '../shared/app/race-types.ts';
import { courseBounds, courseFeatures } from '../shared/map/course.ts';
import { GroundMap } from '../shared/map/ground-map.ts';
import type { Palette } from '../shared/map/palette.ts';
import { boundsOf } from '../shared/map/shapes.ts';
import type { Field } from './field.ts';
import { overlay, SOURCES } from './style.ts';

/** With more competitors than this, marks jump from fix to fix instead of gliding. */
const MOST_GLIDING = 400;
/** Shortest time between two drawings of the marks, and of the trails (ms). */
const MARKS_MS = 40;
const TRAILS_MS = 500;
/** Without a graphics card a picture takes long: the page keeps this share of the time for everything else. */
const BREATH = 1.5;
const SLOWEST_MS = 1000;

export interface Scene {
	field: Field;
	checkpoints: Checkpoint[];
	palette: Palette;
	tiles: string | null;
	labels: boolean;
	trailMinutes: number;
	/** The entry that the view stays on. */
	followed: string | null;
}

export interface MapEvents {
	/** A mark was clicked. */
	pick(entry: string): void;
	/** The user moved the map: it no longer follows. */
	moved(): void;
	/** Everything is drawn for the first time. */
	drawn(): void;
	failed(reason: string): void;
}

/** Draws a scene. What it shows is set from outside; it decides only when to draw. */
export class LiveMap {
	private readonly ground: GroundMap;
	private scene: Scene;
	private readonly reducedMotion = matchMedia('(prefers-reduced-motion: reduce)').matches;
	private drawnAt = 0;
	/** When the browser last asked for a picture, and about how long one takes it (ms). */
	private askedAt = 0;
	private pictureMs = 0;
	private trailsAt = 0;
	private frame = 0;
	private dirty = true;

	private constructor(ground: GroundMap, scene: Scene) {
		this.ground = ground;
		this.scene = scene;
	}

	/** Rejects with a sentence when the browser can't draw. */
	static async open(container: HTMLElement, scene: Scene, events: MapEvents): Promise<LiveMap> {
		const opened: { live?: LiveMap } = {};
		const ground = await GroundMap.open(container, {
			look: scene,
			overlay: ({ palette }) => overlay(palette, opened.live?.scene.labels ?? scene.labels),
			bounds: courseBounds(scene.checkpoints),
			label: 'Map of the event. The list beside it has the same competitors as text.',
			failed: (reason) => events.failed(reason),
		});
		const live = (opened.live = new LiveMap(ground, scene));
		live.listen(events);
		live.drawCourse();
		live.loop();
		return live;
	}

	private listen(events: MapEvents): void {
		const { map } = this.ground;
		map.on('style.load', () => this.touch());
		map.once('idle', () => events.drawn());
		map.on('dragstart', () => events.moved());
		map.on('click', 'marks', (event: MapMouseEvent & { features?: { properties: Record<string, unknown> }[] }) => {
			const entry = event.features?.[0]?.properties['entry'];
			if (typeof entry === 'string') events.pick(entry);
		});
		map.on('mouseenter', 'marks', () => (map.getCanvas().style.cursor = 'pointer'));
		map.on('mouseleave', 'marks', () => (map.getCanvas().style.cursor = ''));
	}

	get gliding(): boolean {
		return !this.reducedMotion && this.scene.field.all.length <= MOST_GLIDING;
	}

	/** Something new is to be seen. */
	touch(): void {
		this.dirty = true;
	}

	async update(change: Partial<Scene>): Promise<void> {
		this.scene = { ...this.scene, ...change };
		this.trailsAt = 0;
		this.dirty = true;
		if ('checkpoints' in change || 'palette' in change) this.drawCourse();
		const { palette, tiles } = this.scene;
		if ('palette' in change || 'tiles' in change || 'labels' in change) await this.ground.restyle({ palette, tiles });
	}

	showCourse(): void {
		this.ground.show(courseBounds(this.scene.checkpoints));
	}

	showCompetitors(): void {
		const now = performance.now();
		const placed = this.scene.field.all.filter((one) => one.fix);
		this.ground.show(boundsOf(placed.map((one) => one.place(now))), { padding: 64, maxZoom: 13 });
	}

	/** Brings a competitor into the middle; the next fixes keep it there. */
	goTo(entry: string): void {
		const competitor = this.scene.field.byEntry.get(entry);
		const { map } = this.ground;
		if (competitor?.fix) map.easeTo({ center: competitor.place(performance.now()), zoom: Math.max(map.getZoom(), 11) });
	}

	close(): void {
		cancelAnimationFrame(this.frame);
		this.ground.close();
	}

	private loop = (): void => {
		this.frame = requestAnimationFrame(this.loop);
		if (!this.ground.isStyled) return;
		const now = performance.now();
		// The longest of late; a hidden page is not a slow one.
		const gap = document.hidden || this.askedAt === 0 ? 0 : now - this.askedAt;
		this.askedAt = now;
		this.pictureMs = Math.min(SLOWEST_MS, Math.max(gap, this.pictureMs * 0.95));
		const moving = this.gliding && this.scene.field.moving(now);
		const pause = this.pictureMs < MARKS_MS ? MARKS_MS : this.pictureMs * (1 + BREATH);
		if ((!this.dirty && !moving) || now - this.drawnAt < pause) return;
		// One more drawing after the last movement, so that marks end on their fix.
		this.dirty = moving;
		this.drawnAt = now;
		this.drawMarks(now);
		if (now - this.trailsAt >= TRAILS_MS) {
			this.trailsAt = now;
			this.drawTrails();
		} else {
			this.dirty = true;
		}
		this.keepFollowing(now);
	};

	private keepFollowing(now: number): void {
		const competitor = this.scene.followed ? this.scene.field.byEntry.get(this.scene.followed) : undefined;
		const { map } = this.ground;
		if (competitor?.fix && !map.isMoving()) map.setCenter(competitor.place(now));
	}

	private drawMarks(now: number): void {
		const features: Feature[] = [];
		for (const one of this.scene.field.all) {
			if (!one.fix) continue;
			const { color, entry } = one;
			features.push({ type: 'Feature', properties: { part: 'head', color }, geometry: { type: 'LineString', coordinates: one.head(now) } });
			const properties = {
				part: 'mark',
				color,
				entry: entry.id,
				number: entry.number,
				followed: entry.id === this.scene.followed,
				directed: one.courseDeg !== null && (one.speedKmh ?? 1) > 0.5,
				course: one.courseDeg ?? 0,
			};
			features.push({ type: 'Feature', properties, geometry: { type: 'Point', coordinates: one.place(now) } });
		}
		this.ground.set(SOURCES.marks, features);
	}

	private drawTrails(): void {
		const { field, trailMinutes } = this.scene;
		const lines = trailMinutes > 0 ? field.all.flatMap((one) => one.trail.lines(field.newestMs, trailMinutes * 60_000, { color: one.color })) : [];
		this.ground.set(SOURCES.trails, lines);
	}

	private drawCourse(): void {
		this.ground.set(SOURCES.course, courseFeatures(this.scene.checkpoints, this.scene.palette));
	}
}
