import type { ExpressionSpecification, LayerSpecification, StyleSpecification } from 'maplibre-gl';

import type { BaseMap } from './basemap.ts';
import type { Palette } from './palette.ts';

// No `glyphs` address: MapLibre then draws text with the page's own fonts, without a server.
const REGULAR = ['Inter', 'system-ui', 'sans-serif'];
const BOLD = ['Inter Bold', 'Inter', 'system-ui', 'sans-serif'];

const empty = { type: 'FeatureCollection' as const, features: [] };
const geojson = (data: GeoJSON.GeoJSON, tolerance = 0.375) => ({ type: 'geojson' as const, data, tolerance });
const part = (name: string): ExpressionSpecification => ['==', ['get', 'part'], name];

/** Sources that the panel fills while it runs. */
export const SOURCES = { graticule: 'graticule', course: 'course', trails: 'trails', marks: 'marks' } as const;

export interface StyleOptions {
	palette: Palette;
	/** A raster tile template, laid over the built-in map. */
	tiles: string | null;
	labels: boolean;
}

export function style(base: BaseMap, { palette, tiles, labels }: StyleOptions): StyleSpecification {
	return {
		version: 8,
		sources: {
			land: { ...geojson(base.land), attribution: 'Natural Earth' },
			borders: geojson(base.borders),
			countries: geojson(base.countries),
			towns: { ...geojson(base.towns), attribution: '© GeoNames' },
			...(tiles ? { tiles: { type: 'raster' as const, tiles: [tiles], tileSize: 256 } } : {}),
			graticule: geojson(empty),
			course: geojson(empty, 0.1),
			trails: geojson(empty, 0),
			marks: geojson(empty, 0),
		},
		layers: [
			...ground(palette),
			...names(palette),
			// Over the built-in map, which stays in sight where the tile server does not answer.
			...(tiles ? [{ id: 'tiles', type: 'raster' as const, source: 'tiles' }] : []),
			...course(palette),
			...competitors(palette, labels),
		],
	};
}

const ground = (palette: Palette): LayerSpecification[] => [
	{ id: 'sea', type: 'background', paint: { 'background-color': palette.sea } },
	{ id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': palette.land } },
	{ id: 'graticule', type: 'line', source: 'graticule', paint: { 'line-color': palette.grid, 'line-width': 1 } },
	{ id: 'coast', type: 'line', source: 'land', paint: { 'line-color': palette.coast, 'line-width': 1 } },
	{
		id: 'borders',
		type: 'line',
		source: 'borders',
		paint: { 'line-color': palette.border, 'line-width': 1.2, 'line-dasharray': [4, 2, 1, 2] },
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
		paint: { 'text-color': palette.gridLabel, 'text-halo-color': palette.placeHalo, 'text-halo-width': 1 },
	},
	{
		id: 'towns',
		type: 'symbol',
		source: 'towns',
		filter: ['<=', ['get', 'rank'], ['step', ['zoom'], 0, 4, 1, 5.5, 2, 7, 3, 8, 4, 8.8, 5]],
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
			'text-color': palette.place,
			'text-halo-color': palette.placeHalo,
			'text-halo-width': 1.2,
			'icon-color': palette.place,
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
		paint: { 'text-color': palette.place, 'text-halo-color': palette.placeHalo, 'text-halo-width': 1 },
	},
];

const course = (palette: Palette): LayerSpecification[] => [
	{
		id: 'fences',
		type: 'fill',
		source: SOURCES.course,
		filter: ['all', part('shape'), ['==', ['geometry-type'], 'Polygon']],
		paint: { 'fill-color': ['get', 'color'], 'fill-opacity': palette.dark ? 0.08 : 0.07 },
	},
	{
		id: 'legs',
		type: 'line',
		source: SOURCES.course,
		filter: part('leg'),
		paint: { 'line-color': palette.place, 'line-width': 1.2, 'line-dasharray': [2, 3], 'line-opacity': 0.7 },
	},
	{
		id: 'fence-lines',
		type: 'line',
		source: SOURCES.course,
		filter: part('shape'),
		layout: { 'line-join': 'round' },
		paint: { 'line-color': ['get', 'color'], 'line-width': 1.8 },
	},
];

const competitors = (palette: Palette, labels: boolean): LayerSpecification[] => [
	{
		id: 'trails',
		type: 'line',
		source: SOURCES.trails,
		layout: { 'line-join': 'round', 'line-cap': 'round' },
		paint: { 'line-color': ['get', 'color'], 'line-width': 2.2, 'line-opacity': ['*', 0.85, ['get', 'fade']] },
	},
	{
		id: 'heads',
		type: 'line',
		source: SOURCES.marks,
		filter: part('head'),
		layout: { 'line-cap': 'round' },
		paint: { 'line-color': ['get', 'color'], 'line-width': 2.2, 'line-opacity': 0.85 },
	},
	{
		id: 'followed',
		type: 'circle',
		source: SOURCES.marks,
		filter: ['all', part('mark'), ['get', 'followed']],
		paint: {
			'circle-radius': 17,
			'circle-color': ['get', 'color'],
			'circle-opacity': 0.18,
			'circle-stroke-color': ['get', 'color'],
			'circle-stroke-width': 2,
		},
	},
	{
		id: 'marks',
		type: 'symbol',
		source: SOURCES.marks,
		filter: part('mark'),
		layout: {
			'icon-image': ['case', ['get', 'directed'], 'arrow', 'dot'],
			'icon-rotate': ['get', 'course'],
			'icon-rotation-alignment': 'map',
			'icon-allow-overlap': true,
			'icon-ignore-placement': true,
			'symbol-sort-key': ['case', ['get', 'followed'], 1, 0],
		},
		paint: { 'icon-color': ['get', 'color'], 'icon-halo-color': palette.mark, 'icon-halo-width': 1.6 },
	},
	{
		id: 'numbers',
		type: 'symbol',
		source: SOURCES.marks,
		filter: part('mark'),
		layout: {
			visibility: labels ? 'visible' : 'none',
			'text-field': ['get', 'number'],
			'text-font': BOLD,
			'text-size': 12,
			'text-variable-anchor': ['left', 'right', 'bottom', 'top'],
			'text-radial-offset': 0.95,
			'symbol-sort-key': ['case', ['get', 'followed'], 0, 1],
		},
		paint: { 'text-color': palette.label, 'text-halo-color': palette.labelHalo, 'text-halo-width': 1.6 },
	},
	// Above the numbers, so that it is placed before them: a course must be readable in a crowd.
	{
		id: 'fence-names',
		type: 'symbol',
		source: SOURCES.course,
		filter: part('name'),
		layout: {
			'text-field': ['get', 'label'],
			'text-font': BOLD,
			'text-size': 12,
			'text-variable-anchor': ['bottom', 'bottom-left', 'bottom-right', 'left', 'right', 'top'],
			'text-radial-offset': 0.25,
			'text-max-width': 20,
			'symbol-sort-key': ['get', 'order'],
		},
		paint: { 'text-color': ['get', 'color'], 'text-halo-color': palette.labelHalo, 'text-halo-width': 1.6 },
	},
];
