import type { LayerSpecification } from 'maplibre-gl';

import type { Palette } from '../shared/map/palette.ts';
import { BOLD, colorOr, part, type Overlay } from '../shared/map/style.ts';

/** Sources that the panel fills. */
export const SOURCES = { course: 'course', way: 'way', selected: 'selected', pointed: 'pointed' } as const;

export const overlay = (palette: Palette): Overlay => ({
	sources: { [SOURCES.course]: 0.1, [SOURCES.way]: 0.2, [SOURCES.selected]: 0.2, [SOURCES.pointed]: 0 },
	layers: [...course(palette), ...way(palette), ...selection(palette)],
});

const course = (palette: Palette): LayerSpecification[] => [
	{
		id: 'fences',
		type: 'fill',
		source: SOURCES.course,
		filter: ['all', part('shape'), ['==', ['geometry-type'], 'Polygon']],
		paint: { 'fill-color': ['get', 'color'], 'fill-opacity': palette.dark ? 0.08 : 0.07, 'fill-antialias': false },
	},
	{
		id: 'fence-lines',
		type: 'line',
		source: SOURCES.course,
		filter: part('shape'),
		paint: { 'line-color': ['get', 'color'], 'line-width': 1.8 },
	},
	{
		id: 'fence-names',
		type: 'symbol',
		source: SOURCES.course,
		filter: part('name'),
		layout: { 'text-field': ['get', 'label'], 'text-font': BOLD, 'text-size': 12, 'text-anchor': 'bottom', 'text-offset': [0, -0.25] },
		paint: { 'text-color': ['get', 'color'], 'text-halo-color': palette.labelHalo, 'text-halo-width': 1.6 },
	},
];

const way = (palette: Palette): LayerSpecification[] => [
	{
		id: 'way',
		type: 'line',
		source: SOURCES.way,
		filter: part('line'),
		layout: { 'line-join': 'round' },
		paint: { 'line-color': colorOr(palette.role.turnpoint), 'line-width': 2, 'line-opacity': 0.75 },
	},
	{
		id: 'way-fixes',
		type: 'circle',
		source: SOURCES.way,
		filter: part('fix'),
		minzoom: 12,
		paint: { 'circle-color': palette.role.turnpoint, 'circle-radius': 2.4, 'circle-stroke-color': palette.mark, 'circle-stroke-width': 0.8 },
	},
	{
		id: 'way-faulty',
		type: 'circle',
		source: SOURCES.way,
		filter: part('faulty'),
		paint: {
			'circle-color': palette.mark, 'circle-radius': 4, 'circle-stroke-color': palette.role.finish, 'circle-stroke-width': 2,
		},
	},
];

const selection = (palette: Palette): LayerSpecification[] => [
	{
		id: 'selected',
		type: 'line',
		source: SOURCES.selected,
		filter: part('line'),
		layout: { 'line-join': 'round', 'line-cap': 'round' },
		paint: { 'line-color': colorOr(palette.role.zone), 'line-width': 6, 'line-opacity': 0.55 },
	},
	{
		id: 'selected-fixes',
		type: 'circle',
		source: SOURCES.selected,
		filter: part('selected'),
		minzoom: 12,
		paint: { 'circle-color': palette.role.zone, 'circle-radius': 3.4, 'circle-opacity': 0.9 },
	},
	{
		id: 'pointed',
		type: 'circle',
		source: SOURCES.pointed,
		paint: { 'circle-color': palette.label, 'circle-radius': 5, 'circle-stroke-color': palette.labelHalo, 'circle-stroke-width': 2.5 },
	},
];
