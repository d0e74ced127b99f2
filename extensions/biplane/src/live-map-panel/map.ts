import { AttributionControl, Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl } from 'maplibre-gl';
import type { GeoJSONSource, MapMouseEvent } from 'maplibre-gl';
import packedWorker from 'maplibre-gl/dist/maplibre-gl-worker.mjs?packed';
import 'maplibre-gl/dist/maplibre-gl.css';
import type { Feature } from 'geojson';

import { baseMap } from './basemap.ts';
import { courseBounds, courseFeatures } from './course.ts';
import type { Field } from './field.ts';
import { addIcons } from './icons.ts';
import type { Palette } from './palette.ts';
import { boundsOf, graticule } from './shapes.ts';
import { SOURCES, style } from './style.ts';
import type { Checkpoint } from './types.ts';
import { unpackText } from './unpack.ts';

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

let workerReady: Promise<void> | undefined;

/** Directus serves no file beside the extension's script, so the worker is made from text. */
const prepareWorker = (): Promise<void> =>
	(workerReady ??= unpackText(packedWorker).then((text) =>
		setWorkerUrl(URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))),
	));

/** Draws a scene. What it shows is set from outside; it decides only when to draw. */
export class LiveMap {
	private readonly map: MapLibre;
	private scene: Scene;
	private readonly reducedMotion: boolean;
	private drawnAt = 0;
	/** When the browser last asked for a picture, and about how long one takes it (ms). */
	private askedAt = 0;
	private pictureMs = 0;
	private trailsAt = 0;
	private frame = 0;
	private dirty = true;
	private styled = false;

	private constructor(map: MapLibre, scene: Scene, reducedMotion: boolean) {
		this.map = map;
		this.scene = scene;
		this.reducedMotion = reducedMotion;
	}

	/** Unpacks what the map needs while the event is still being read. */
	static prepare(): Promise<unknown> {
		return Promise.all([baseMap(), prepareWorker()]);
	}

	/** Rejects with a sentence when the browser can't draw. */
	static async open(container: HTMLElement, scene: Scene, events: MapEvents): Promise<LiveMap> {
		const [base] = await Promise.all([baseMap(), prepareWorker()]);
		let map: MapLibre;
		try {
			map = new MapLibre({
				container,
				style: style(base, scene),
				bounds: courseBounds(scene.checkpoints) ?? [-11, 35, 31, 60],
				fitBoundsOptions: { padding: 48 },
				attributionControl: false,
				maxPitch: 0,
				dragRotate: false,
				pitchWithRotate: false,
				renderWorldCopies: true,
			});
		} catch (error) {
			throw new Error(
				(error as Error).name === 'GPUInitializationError'
					? 'This browser can’t draw the map: WebGL is off or missing. The list and the crossings work without it.'
					: `The map could not be drawn: ${(error as Error).message}`,
			);
		}
		const live = new LiveMap(map, scene, matchMedia('(prefers-reduced-motion: reduce)').matches);
		live.listen(events);
		return live;
	}

	private listen(events: MapEvents): void {
		const { map } = this;
		map.touchZoomRotate.disableRotation();
		map.addControl(new NavigationControl({ showCompass: false }), 'top-right');
		map.addControl(new ScaleControl({ maxWidth: 120 }), 'bottom-left');
		map.addControl(new AttributionControl({ compact: true }), 'bottom-right');
		map.on('style.load', () => {
			addIcons(map);
			this.styled = true;
			this.drawCourse();
			this.drawGraticule();
			this.dirty = true;
		});
		map.once('idle', () => events.drawn());
		map.on('moveend', () => this.drawGraticule());
		map.on('dragstart', () => events.moved());
		map.on('click', 'marks', (event: MapMouseEvent & { features?: { properties: Record<string, unknown> }[] }) => {
			const entry = event.features?.[0]?.properties['entry'];
			if (typeof entry === 'string') events.pick(entry);
		});
		map.on('mouseenter', 'marks', () => (map.getCanvas().style.cursor = 'pointer'));
		map.on('mouseleave', 'marks', () => (map.getCanvas().style.cursor = ''));
		let told = false;
		map.on('error', ({ error }) => {
			// One sentence, not one a tile.
			if (!told) events.failed(error.message);
			told = true;
		});
		this.map.getCanvas().setAttribute('aria-label', 'Map of the event. The list beside it has the same competitors as text.');
		this.loop();
	}

	get gliding(): boolean {
		return !this.reducedMotion && this.scene.field.all.length <= MOST_GLIDING;
	}

	/** Something new is to be seen. */
	touch(): void {
		this.dirty = true;
	}

	async update(change: Partial<Scene>): Promise<void> {
		const restyle = ['palette', 'tiles', 'labels'].some((key) => key in change);
		this.scene = { ...this.scene, ...change };
		this.trailsAt = 0;
		this.dirty = true;
		if (restyle) {
			this.styled = false;
			this.map.setStyle(style(await baseMap(), this.scene), { diff: false });
		} else if ('checkpoints' in change && this.styled) {
			this.drawCourse();
		}
	}

	resize(): void {
		this.map.resize();
	}

	showCourse(): void {
		const bounds = courseBounds(this.scene.checkpoints);
		if (bounds) this.map.fitBounds(bounds, { padding: 48 });
	}

	showCompetitors(): void {
		const now = performance.now();
		const bounds = boundsOf(this.scene.field.all.filter((one) => one.fix).map((one) => one.place(now)));
		if (bounds) this.map.fitBounds(bounds, { padding: 64, maxZoom: 13 });
	}

	/** Brings a competitor into the middle; the next fixes keep it there. */
	goTo(entry: string): void {
		const competitor = this.scene.field.byEntry.get(entry);
		if (competitor?.fix) this.map.easeTo({ center: competitor.place(performance.now()), zoom: Math.max(this.map.getZoom(), 11) });
	}

	close(): void {
		cancelAnimationFrame(this.frame);
		this.map.remove();
	}

	private loop = (): void => {
		this.frame = requestAnimationFrame(this.loop);
		if (!this.styled) return;
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
		if (competitor?.fix && !this.map.isMoving()) this.map.setCenter(competitor.place(now));
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
		this.set(SOURCES.marks, features);
	}

	private drawTrails(): void {
		const { field, trailMinutes } = this.scene;
		const lines = trailMinutes > 0 ? field.all.flatMap((one) => one.trail.lines(field.newestMs, trailMinutes * 60_000, { color: one.color })) : [];
		this.set(SOURCES.trails, lines);
	}

	private drawCourse(): void {
		this.set(SOURCES.course, courseFeatures(this.scene.checkpoints, this.scene.palette));
	}

	private drawGraticule(): void {
		if (!this.styled) return;
		const bounds = this.map.getBounds();
		this.set(SOURCES.graticule, graticule(bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()));
	}

	private set(source: string, features: Feature[]): void {
		void this.map.getSource<GeoJSONSource>(source)?.setData({ type: 'FeatureCollection', features });
	}
}
