import { AttributionControl, Map as MapLibre, NavigationControl, prewarm, ScaleControl, setWorkerUrl } from 'maplibre-gl';
import type { GeoJSONSource, LngLatBoundsLike } from 'maplibre-gl';
import packedWorker from 'maplibre-gl/dist/maplibre-gl-worker.mjs?packed';
import 'maplibre-gl/dist/maplibre-gl.css';
import type { Feature } from 'geojson';

import { unpackText } from '../unpack.ts';
import { BaseMap, type Piece } from './basemap.ts';
import type { Box } from './cut.ts';
import { addIcons } from './icons.ts';
import { graticule } from './shapes.ts';
import { collection, GRATICULE, style, type Look, type Overlay } from './style.ts';

type Padding = number | { top: number; right: number; bottom: number; left: number };

const PADDING = 48;
/** Where there is nothing to look at: Europe. */
const EVERYWHERE: LngLatBoundsLike = [-11, 35, 31, 60];
/** Pixels of a draft for each of the whole picture's, a side. */
const DRAFT = 1 / 8;
/** The source and the layer of raster tiles. */
const TILES = 'tiles';

let workerReady: Promise<void> | undefined;

/** Directus serves no file beside the extension's script, so the worker is made from text; it starts at once, and is there for all maps to come. */
const prepareWorker = (): Promise<void> =>
	(workerReady ??= unpackText(packedWorker).then((text) => {
		setWorkerUrl(URL.createObjectURL(new Blob([text], { type: 'text/javascript' })));
		prewarm();
	}));

export interface GroundOptions {
	look: Look;
	/** What lies over the ground, by the look. */
	overlay(look: Look): Overlay;
	/** What is shown first. */
	bounds: Box | null;
	/** Between that and the edges (CSS pixels). */
	padding?: Padding;
	/** What a screen reader says of the canvas. */
	label: string;
	/** MapLibre's own words, by its keys; English for those that are missing. */
	locale?: Record<string, string>;
	/** One sentence, the first time that something could not be drawn. */
	failed(reason: string): void;
}

/** A map with the built-in ground, as much of it as is in sight, and layers of its owner's over it that outlive a change of theme. */
export class GroundMap {
	readonly map: MapLibre;
	private readonly base: BaseMap;
	/** Of the base, what the map has. */
	private piece: Piece | undefined;
	private look: Look;
	private readonly options: GroundOptions;
	private readonly contents = new Map<string, Feature[]>();
	/** Sources that were filled after a style was set and before it was there. */
	private readonly late = new Set<string>();
	private readonly resizes: ResizeObserver;
	/** Layers and sources are there to be drawn into. */
	private styled = false;
	/** Everything was there for the first time. */
	private isWhole = false;
	/** When all of it is in sight for the first time. */
	readonly drawn: Promise<void>;

	private constructor(map: MapLibre, base: BaseMap, container: HTMLElement, options: GroundOptions) {
		this.map = map;
		this.base = base;
		this.options = options;
		this.look = options.look;
		this.drawn = this.comeIntoSight();
		this.resizes = new ResizeObserver(() => map.resize());
		this.resizes.observe(container);
	}

	/** Unpacks what a map needs while its owner is still reading. */
	static prepare(): Promise<unknown> {
		return Promise.all([BaseMap.load(), prepareWorker()]);
	}

	/** Rejects with a sentence when the browser can't draw. */
	static async open(container: HTMLElement, options: GroundOptions): Promise<GroundMap> {
		const [base] = await Promise.all([BaseMap.load(), prepareWorker()]);
		let map: MapLibre;
		try {
			map = new MapLibre({
				container,
				pixelRatio: DRAFT,
				bounds: options.bounds ?? EVERYWHERE,
				fitBoundsOptions: { padding: options.padding ?? PADDING },
				attributionControl: false,
				...(options.locale && { locale: options.locale }),
				maxPitch: 0,
				dragRotate: false,
				pitchWithRotate: false,
				renderWorldCopies: true,
			});
		} catch (error) {
			throw new Error(
				(error as Error).name === 'GPUInitializationError'
					? 'This browser can’t draw the map: WebGL is off or missing. Everything beside it works without.'
					: `The map could not be drawn: ${(error as Error).message}`,
			);
		}
		const ground = new GroundMap(map, base, container, options);
		ground.listen();
		ground.draw();
		return ground;
	}

	private listen(): void {
		const { map, options } = this;
		map.touchZoomRotate.disableRotation();
		map.keyboard.disableRotation();
		map.addControl(new NavigationControl({ showCompass: false }), 'top-right');
		map.addControl(new ScaleControl({ maxWidth: 120 }), 'bottom-left');
		map.addControl(new AttributionControl({ compact: true }), 'bottom-right');
		map.on('style.load', () => {
			addIcons(map);
			this.styled = true;
			if (this.isWhole) this.layTiles();
			for (const source of this.late) this.fill(source);
			this.late.clear();
		});
		map.on('move', () => this.cutGround());
		map.on('moveend', () => this.drawGraticule());
		let told = false;
		map.on('error', ({ error }) => {
			// One sentence, not one a tile.
			if (!told) options.failed(error.message);
			told = true;
		});
		map.getCanvas().setAttribute('aria-label', options.label);
	}

	/**
	 * A picture is drawn for each source that comes in. Those are drafts, out of sight: a browser without a graphics
	 * card would be busy with painting and showing all of them.
	 */
	private async comeIntoSight(): Promise<void> {
		const { map } = this;
		map.getCanvas().style.visibility = 'hidden';
		await map.once('load');
		this.isWhole = true;
		// Unless its look was changed just now: then a new style is on its way.
		if (this.styled) this.layTiles();
		map.getCanvas().style.visibility = '';
		// The screen's own from now on.
		map.setPixelRatio(null!);
		await map.once('render');
	}

	/** Over the built-in map, which stays in sight where the tile server does not answer: nothing waits for it. */
	private layTiles(): void {
		const { map, look: { tiles } } = this;
		if (map.getSource(TILES)) {
			map.removeLayer(TILES);
			map.removeSource(TILES);
		}
		if (!tiles) return;
		map.addSource(TILES, { type: 'raster', tiles: [tiles], tileSize: 256 });
		map.addLayer({ id: TILES, type: 'raster', source: TILES }, this.options.overlay(this.look).layers[0]?.id);
	}

	/** Replaces what a source of the overlay holds; kept over a change of look. */
	set(source: string, features: Feature[]): void {
		this.contents.set(source, features);
		if (this.styled) this.fill(source);
		else this.late.add(source);
	}

	/** Draws ground and overlay anew where they are to look otherwise, say after a change of theme. */
	restyle(change: Partial<Look>): void {
		const { palette, tiles } = { ...this.look, ...change };
		const before = this.look;
		this.look = { palette, tiles };
		if (palette !== before.palette) this.draw();
		else if (tiles !== before.tiles && this.isWhole && this.styled) this.layTiles();
	}

	private draw(): void {
		this.styled = false;
		this.cutGround();
		this.drawGraticule();
		this.late.clear();
		this.map.getContainer().style.backgroundColor = this.look.palette.sea;
		this.map.setStyle(style(this.contents, this.look.palette, this.options.overlay(this.look)), { diff: false, validate: false });
	}

	show(bounds: Box | null, options: { padding?: Padding; maxZoom?: number; animate?: boolean } = {}): void {
		if (bounds) this.map.fitBounds(bounds, { padding: PADDING, ...options });
	}

	close(): void {
		this.resizes.disconnect();
		this.map.remove();
	}

	private get view(): Box {
		const bounds = this.map.getBounds();
		return [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
	}

	/** Gives the map another piece of the ground where the one that it has does not do. */
	private cutGround(): void {
		const { view } = this;
		const zoom = this.map.getZoom();
		if (this.piece?.shows(view, zoom)) return;
		this.piece = this.base.cut(view, zoom);
		for (const [source, features] of Object.entries(this.piece.ground)) this.set(source, features);
	}

	private drawGraticule(): void {
		this.set(GRATICULE, graticule(...this.view));
	}

	private fill(source: string): void {
		void this.map.getSource<GeoJSONSource>(source)?.setData(collection(this.contents.get(source) ?? []));
	}
}
