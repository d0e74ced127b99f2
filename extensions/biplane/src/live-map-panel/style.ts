import type { LayerSpecification } from 'maplibre-gl';

import type { Palette } from '../shared/map/palette.ts';
import { BOLD, colorOr, part, REGULAR, type Overlay } from '../shared/map/style.ts';

/** Sources that the panel fills while it runs; what moves is drawn over the map. */
export const SOURCES = { course: 'course', fences: 'fences' } as const;

export const overlay = (palette: Palette): Overlay => ({
	sources: { [SOURCES.fences]: 0.375, [SOURCES.course]: 0.1 },
	layers: [...fences(palette), ...course(palette)],
});

const fences = (palette: Palette): LayerSpecification[] => [
	{
		id: 'other-fences',
		type: 'fill',
		source: SOURCES.fences,
		filter: ['==', ['geometry-type'], 'Polygon'],
		paint: { 'fill-color': ['get', 'color'], 'fill-opacity': palette.dark ? 0.1 : 0.08, 'fill-antialias': false },
	},
	{
		id: 'other-fence-lines',
		type: 'line',
		source: SOURCES.fences,
		filter: part('shape'),
		layout: { 'line-join': 'round' },
		paint: { 'line-color': ['get', 'color'], 'line-width': 1.2, 'line-dasharray': [4, 2] },
	},
	{
		id: 'other-fence-names',
		type: 'symbol',
		source: SOURCES.fences,
		filter: part('name'),
		layout: { 'text-field': ['get', 'label'], 'text-font': REGULAR, 'text-size': 11, 'text-anchor': 'bottom', 'text-max-width': 16 },
		paint: { 'text-color': ['get', 'color'], 'text-halo-color': palette.labelHalo, 'text-halo-width': 1.4 },
	},
];

const course = (palette: Palette): LayerSpecification[] => [
	{
		id: 'course-fences',
		type: 'fill',
		source: SOURCES.course,
		filter: ['all', part('shape'), ['==', ['geometry-type'], 'Polygon']],
		paint: { 'fill-color': ['get', 'color'], 'fill-opacity': palette.dark ? 0.08 : 0.07, 'fill-antialias': false },
	},
	{
		id: 'legs',
		type: 'line',
		source: SOURCES.course,
		filter: part('leg'),
		paint: { 'line-color': colorOr(palette.place), 'line-width': 1.2, 'line-dasharray': [2, 3], 'line-opacity': 0.7 },
	},
	{
		id: 'fence-lines',
		type: 'line',
		source: SOURCES.course,
		filter: part('shape'),
		layout: { 'line-join': 'round' },
		paint: { 'line-color': ['get', 'color'], 'line-width': 1.8 },
	},
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
