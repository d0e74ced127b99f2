import type { LayerSpecification } from 'maplibre-gl';

import type { Palette } from '../shared/map/palette.ts';
import { BOLD, part, type Overlay } from '../shared/map/style.ts';

/** Sources that the panel fills while it runs. */
export const SOURCES = { course: 'course', trails: 'trails', marks: 'marks' } as const;

export const overlay = (palette: Palette, labels: boolean): Overlay => ({
	sources: { [SOURCES.course]: 0.1, [SOURCES.trails]: 0, [SOURCES.marks]: 0 },
	layers: [...course(palette), ...competitors(palette, labels)],
});

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
