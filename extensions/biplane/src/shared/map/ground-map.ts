import { AttributionControl, Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl } from 'maplibre-gl';
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

let workerReady: Promise<void> | undefined;

/** Directus serves no file beside the extension's script, so the worker is made from text. */
const prepareWorker = (): Promise<void> =>
	(workerReady ??= unpackText(packedWorker).then((text) =>
		setWorkerUrl(URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))),
	));

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
	private styled = false;

	private constructor(map: MapLibre, base: BaseMap, container: HTMLElement, options: GroundOptions) {
		this.map = map;
		this.base = base;
		this.options = options;
		this.look = options.look;
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

	/** Whether layers and sources are there to be drawn into. */
	get isStyled(): boolean {
		return this.styled;
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

	/** Replaces what a source of the overlay holds; kept over a change of look. */
	set(source: string, features: Feature[]): void {
		this.contents.set(source, features);
		if (this.styled) this.fill(source);
		else this.late.add(source);
	}

	/** Draws ground and overlay anew where they are to look otherwise, say after a change of theme. */
	restyle(change: Partial<Look>): void {
		const { palette, tiles } = { ...this.look, ...change };
		if (palette === this.look.palette && tiles === this.look.tiles) return;
		this.look = { palette, tiles };
		this.draw();
	}

	private draw(): void {
		this.styled = false;
		this.cutGround();
		this.drawGraticule();
		this.late.clear();
		this.map.setStyle(style(this.contents, this.look, this.options.overlay(this.look)), { diff: false });
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
