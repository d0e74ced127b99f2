import { AttributionControl, Map as MapLibre, NavigationControl, ScaleControl, setWorkerUrl } from 'maplibre-gl';
import type { GeoJSONSource, LngLatBoundsLike } from 'maplibre-gl';
import packedWorker from 'maplibre-gl/dist/maplibre-gl-worker.mjs?packed';
import 'maplibre-gl/dist/maplibre-gl.css';
import type { Feature } from 'geojson';

import { unpackText } from '../unpack.ts';
import { baseMap } from './basemap.ts';
import { addIcons } from './icons.ts';
import { graticule } from './shapes.ts';
import { GRATICULE, style, type Look, type Overlay } from './style.ts';

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
	/** West, south, east, north: what is shown first. */
	bounds: [number, number, number, number] | null;
	/** Between that and the edges (CSS pixels). */
	padding?: Padding;
	/** What a screen reader says of the canvas. */
	label: string;
	/** MapLibre's own words, by its keys; English for those that are missing. */
	locale?: Record<string, string>;
	/** One sentence, the first time that something could not be drawn. */
	failed(reason: string): void;
}

/** A map with the built-in ground, and layers of its owner's over it that outlive a change of theme. */
export class GroundMap {
	readonly map: MapLibre;
	private look: Look;
	private readonly options: GroundOptions;
	private readonly contents = new Map<string, Feature[]>();
	private readonly resizes: ResizeObserver;
	private styled = false;

	private constructor(map: MapLibre, container: HTMLElement, options: GroundOptions) {
		this.map = map;
		this.options = options;
		this.look = options.look;
		this.resizes = new ResizeObserver(() => map.resize());
		this.resizes.observe(container);
	}

	/** Unpacks what a map needs while its owner is still reading. */
	static prepare(): Promise<unknown> {
		return Promise.all([baseMap(), prepareWorker()]);
	}

	/** Rejects with a sentence when the browser can't draw. */
	static async open(container: HTMLElement, options: GroundOptions): Promise<GroundMap> {
		const [base] = await Promise.all([baseMap(), prepareWorker()]);
		let map: MapLibre;
		try {
			map = new MapLibre({
				container,
				style: style(base, options.look, options.overlay(options.look)),
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
		const ground = new GroundMap(map, container, options);
		ground.listen();
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
			for (const [source, features] of this.contents) this.fill(source, features);
			this.drawGraticule();
		});
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
		if (this.styled) this.fill(source, features);
	}

	/** Draws ground and overlay anew, say after a change of theme. */
	async restyle(change: Partial<Look> = {}): Promise<void> {
		this.look = { ...this.look, ...change };
		const base = await baseMap();
		this.styled = false;
		this.map.setStyle(style(base, this.look, this.options.overlay(this.look)), { diff: false });
	}

	show(bounds: [number, number, number, number] | null, options: { padding?: Padding; maxZoom?: number; animate?: boolean } = {}): void {
		if (bounds) this.map.fitBounds(bounds, { padding: PADDING, ...options });
	}

	close(): void {
		this.resizes.disconnect();
		this.map.remove();
	}

	private drawGraticule(): void {
		if (!this.styled) return;
		const bounds = this.map.getBounds();
		this.fill(GRATICULE, graticule(bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()));
	}

	private fill(source: string, features: Feature[]): void {
		void this.map.getSource<GeoJSONSource>(source)?.setData({ type: 'FeatureCollection', features });
	}
}
