import type { Feature, FeatureCollection } from 'geojson';
import type { ExpressionSpecification, LayerSpecification, SourceSpecification, StyleSpecification } from 'maplibre-gl';

import { TOWN_RANKS, type Ground } from './basemap.ts';
import type { Palette } from './palette.ts';

// No `glyphs` address: MapLibre then draws text with the page's own fonts, without a server.
export const REGULAR = ['Inter', 'system-ui', 'sans-serif'];
export const BOLD = ['Inter Bold', 'Inter', 'system-ui', 'sans-serif'];

const geojson = (features: Feature[], tolerance = 0.375) => ({ type: 'geojson' as const, data: collection(features), tolerance });

export const collection = (features: Feature[]): FeatureCollection => ({ type: 'FeatureCollection', features });

/**
 * A feature's own colour, or this. Colours are told by feature everywhere, where one for all would do, too: a layer
 * whose colours are told otherwise is another shader program, and a browser without a graphics card takes some 50 ms
 * for the first picture by each.
 */
export const colorOr = (color: string): ExpressionSpecification => ['coalesce', ['get', 'color'], color];

/** Features whose property `part` is this. */
export const part = (name: string): ExpressionSpecification => ['==', ['get', 'part'], name];

/** How a map looks, whatever is on it. */
export interface Look {
	palette: Palette;
	/** A raster tile template, laid over the built-in map. */
	tiles: string | null;
}

/** What a panel lays over the ground. */
export interface Overlay {
	/** GeoJSON sources that are filled while the map is shown, with the tolerance of their simplification in pixels; 0: none. */
	sources: Record<string, number>;
	/** Above the ground and its names, the first lowest. */
	layers: LayerSpecification[];
}

/** Features by source. */
export type Contents = ReadonlyMap<string, Feature[]>;

/** The source of meridians and parallels. */
export const GRATICULE = 'graticule';

/** `contents`: what sources hold to begin with, those of the ground and the graticule among them. */
export function style(contents: Contents, palette: Palette, { sources, layers }: Overlay): StyleSpecification {
	const own = Object.entries(sources).map(([name, tolerance]): [string, SourceSpecification] => [name, geojson(contents.get(name) ?? [], tolerance)]);
	const ground = (name: keyof Ground | typeof GRATICULE) => geojson(contents.get(name) ?? []);
	return {
		version: 8,
		sources: {
			land: { ...ground('land'), attribution: 'Natural Earth' },
			borders: ground('borders'),
			countries: ground('countries'),
			towns: { ...ground('towns'), attribution: '© GeoNames' },
			[GRATICULE]: ground(GRATICULE),
			...Object.fromEntries(own),
		},
		layers: [...surface(palette), ...names(palette), ...layers],
	};
}

/** Over the sea, which is the page's. Fills have lines around them, and need no smooth edge of their own. */
const surface = (palette: Palette): LayerSpecification[] => [
	{ id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': colorOr(palette.land), 'fill-antialias': false } },
	{ id: 'graticule', type: 'line', source: 'graticule', paint: { 'line-color': colorOr(palette.grid), 'line-width': 1 } },
	{ id: 'coast', type: 'line', source: 'land', paint: { 'line-color': colorOr(palette.coast), 'line-width': 1 } },
	{
		id: 'borders',
		type: 'line',
		source: 'borders',
		paint: { 'line-color': colorOr(palette.border), 'line-width': 1.2, 'line-dasharray': [4, 2, 1, 2] },
	},
];

const names = (palette: Palette): LayerSpecification[] => [
	{
		id: 'graticule-labels',
		type: 'symbol',
		source: 'graticule',
		filter: ['has', 'label'],
		layout: {
			'text-field': ['get', 'label'],
			'text-font': REGULAR,
			'text-size': 10,
			'text-anchor': ['match', ['get', 'edge'], 'top', 'top-left', 'bottom-left'],
			'text-offset': [0.3, 0.2],
		},
		paint: { 'text-color': colorOr(palette.gridLabel), 'text-halo-color': palette.placeHalo, 'text-halo-width': 1 },
	},
	{
		id: 'towns',
		type: 'symbol',
		source: 'towns',
		filter: ['<=', ['get', 'rank'], ['step', ['zoom'], TOWN_RANKS[0]![1], ...TOWN_RANKS.slice(1).flat()]],
		layout: {
			'text-field': ['get', 'name'],
			'text-font': REGULAR,
			'text-size': ['match', ['get', 'rank'], [0, 1], 14, 2, 13, 3, 12, 11],
			'text-variable-anchor': ['left', 'right', 'top', 'bottom'],
			'text-radial-offset': 0.5,
			'text-justify': 'auto',
			'symbol-sort-key': ['get', 'rank'],
			'icon-image': 'town',
			'icon-allow-overlap': false,
		},
		paint: {
			'text-color': colorOr(palette.place),
			'text-halo-color': palette.placeHalo,
			'text-halo-width': 1.2,
			'icon-color': colorOr(palette.place),
		},
	},
	{
		id: 'countries',
		type: 'symbol',
		source: 'countries',
		maxzoom: 7,
		filter: ['<=', ['get', 'rank'], ['step', ['zoom'], 0, 2, 1, 3, 2, 4.5, 3]],
		layout: {
			'text-field': ['get', 'name'],
			'text-font': REGULAR,
			'text-transform': 'uppercase',
			'text-letter-spacing': 0.12,
			'text-size': 11,
			'text-max-width': 7,
		},
		paint: { 'text-color': colorOr(palette.place), 'text-halo-color': palette.placeHalo, 'text-halo-width': 1 },
	},
];
