import type { LayerSpecification } from 'maplibre-gl';

import type { Palette } from '../shared/map/palette.ts';
import { BOLD, colorOr, part, REGULAR, type Overlay } from '../shared/map/style.ts';

/** Sources that the editor fills. */
export const SOURCES = { neighbours: 'neighbours', fence: 'fence', handles: 'handles' } as const;

export const overlay = (palette: Palette): Overlay => ({
	sources: { [SOURCES.neighbours]: 0.375, [SOURCES.fence]: 0, [SOURCES.handles]: 0 },
	layers: [...neighbours(palette), ...fence(palette), ...handles(palette)],
});

const neighbours = (palette: Palette): LayerSpecification[] => [
	{
		id: 'neighbours',
		type: 'fill',
		source: SOURCES.neighbours,
		filter: ['==', ['geometry-type'], 'Polygon'],
		paint: { 'fill-color': colorOr(palette.place), 'fill-opacity': 0.08, 'fill-antialias': false },
	},
	{
		id: 'neighbour-lines',
		type: 'line',
		source: SOURCES.neighbours,
		filter: part('shape'),
		paint: { 'line-color': colorOr(palette.place), 'line-width': 1.2, 'line-opacity': 0.8, 'line-dasharray': [4, 2] },
	},
	{
		id: 'neighbour-names',
		type: 'symbol',
		source: SOURCES.neighbours,
		filter: part('name'),
		layout: { 'text-field': ['get', 'label'], 'text-font': REGULAR, 'text-size': 11, 'text-anchor': 'bottom', 'text-offset': [0, -0.2] },
		paint: { 'text-color': colorOr(palette.place), 'text-halo-color': palette.placeHalo, 'text-halo-width': 1.4 },
	},
];

const fence = (palette: Palette): LayerSpecification[] => [
	{
		id: 'fence',
		type: 'fill',
		source: SOURCES.fence,
		filter: part('area'),
		paint: { 'fill-color': ['get', 'color'], 'fill-opacity': palette.dark ? 0.2 : 0.15, 'fill-antialias': false },
	},
	{
		id: 'fence-line',
		type: 'line',
		source: SOURCES.fence,
		filter: part('line'),
		layout: { 'line-join': 'round', 'line-cap': 'round' },
		paint: { 'line-color': ['get', 'color'], 'line-width': 2.5 },
	},
	{
		id: 'fence-rubber',
		type: 'line',
		source: SOURCES.fence,
		filter: part('rubber'),
		paint: { 'line-color': ['get', 'color'], 'line-width': 1.5, 'line-dasharray': [2, 2] },
	},
	{
		id: 'fence-forward',
		type: 'symbol',
		source: SOURCES.fence,
		filter: part('forward'),
		layout: {
			'icon-image': 'arrow',
			'icon-rotate': ['get', 'course'],
			'icon-rotation-alignment': 'map',
			'icon-offset': [0, -14],
			'icon-allow-overlap': true,
			'icon-ignore-placement': true,
		},
		paint: { 'icon-color': ['get', 'color'], 'icon-halo-color': palette.mark, 'icon-halo-width': 1.4 },
	},
];

const handles = (palette: Palette): LayerSpecification[] => [
	{
		id: 'middles',
		type: 'circle',
		source: SOURCES.handles,
		filter: part('middle'),
		paint: {
			'circle-radius': 4,
			'circle-color': palette.mark,
			'circle-opacity': 0.85,
			'circle-stroke-color': ['get', 'color'],
			'circle-stroke-width': 1.2,
		},
	},
	{
		id: 'vertices',
		type: 'circle',
		source: SOURCES.handles,
		filter: part('vertex'),
		paint: {
			'circle-radius': ['case', ['get', 'selected'], 8, 6],
			'circle-color': ['case', ['get', 'selected'], ['get', 'color'], ['get', 'fault'], palette.role.finish, palette.mark],
			'circle-stroke-color': ['case', ['get', 'fault'], palette.role.finish, ['get', 'selected'], palette.mark, ['get', 'color']],
			'circle-stroke-width': 2.2,
		},
	},
	{
		id: 'vertex-numbers',
		type: 'symbol',
		source: SOURCES.handles,
		filter: ['all', part('vertex'), ['has', 'number']],
		layout: {
			'text-field': ['get', 'number'],
			'text-font': BOLD,
			'text-size': 11,
			'text-variable-anchor': ['left', 'right', 'bottom', 'top'],
			'text-radial-offset': 0.9,
			'text-optional': true,
		},
		paint: { 'text-color': colorOr(palette.label), 'text-halo-color': palette.labelHalo, 'text-halo-width': 1.6 },
	},
];
