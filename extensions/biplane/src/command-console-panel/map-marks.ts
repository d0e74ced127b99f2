import type { Feature } from 'geojson';

import type { Palette } from '../shared/map/palette.ts';
import { colorOr, REGULAR, type Overlay } from '../shared/map/style.ts';
import type { Device, Standing } from './fleet.ts';

export const DEVICES = 'devices';

/** Connected ones are full, the others hollow: not by colour alone. Selected ones have a ring. */
export const overlay = (palette: Palette): Overlay => ({
	sources: { [DEVICES]: 0 },
	layers: [
		{
			id: 'device-rings',
			type: 'circle',
			source: DEVICES,
			filter: ['get', 'selected'],
			paint: {
				'circle-radius': 11,
				'circle-color': palette.role.turnpoint,
				'circle-opacity': 0.22,
				'circle-stroke-color': palette.role.turnpoint,
				'circle-stroke-width': 2.5,
			},
		},
		{
			id: 'device-marks',
			type: 'circle',
			source: DEVICES,
			layout: { 'circle-sort-key': ['case', ['get', 'connected'], 1, 0] },
			paint: {
				'circle-radius': 5,
				'circle-color': ['case', ['get', 'connected'], palette.role.start, palette.land],
				'circle-stroke-color': ['case', ['get', 'connected'], palette.mark, palette.place],
				'circle-stroke-width': ['case', ['get', 'connected'], 1.5, 2],
			},
		},
		{
			id: 'device-names',
			type: 'symbol',
			source: DEVICES,
			minzoom: 10,
			layout: {
				'text-field': ['get', 'name'],
				'text-font': REGULAR,
				'text-size': 11,
				'text-variable-anchor': ['left', 'right', 'bottom', 'top'],
				'text-radial-offset': 1,
			},
			paint: { 'text-color': colorOr(palette.label), 'text-halo-color': palette.labelHalo, 'text-halo-width': 1.4 },
		},
	],
});

/** Devices that were ever somewhere. */
export function marksOf(devices: Device[], standings: Map<string, Standing>, selected: Set<string>): Feature[] {
	return devices.flatMap(({ id, name }): Feature[] => {
		const standing = standings.get(id);
		if (!standing?.place) return [];
		const properties = { id, name, connected: standing.connected, selected: selected.has(id) };
		return [{ type: 'Feature', properties, geometry: { type: 'Point', coordinates: standing.place } }];
	});
}
