import { definePanel } from '@directus/extensions-sdk';

import PanelComponent from './panel.vue';

export default definePanel({
	id: 'biplane-data-review',
	name: 'Data review',
	icon: 'fact_check',
	description: 'A device’s fixes in time and on the map, the faulty ones with their reasons; flag a range, and see first what timing again would change.',
	component: PanelComponent,
	minWidth: 32,
	minHeight: 28,
	options: [
		{
			field: 'event',
			name: 'Event',
			type: 'json',
			meta: {
				interface: 'collection-item-dropdown',
				width: 'half',
				options: { selectedCollection: 'events', template: '{{name}}' },
				note: 'Its entries are to choose from. Without one: all devices.',
			},
		},
		{
			field: 'device',
			name: 'Device',
			type: 'json',
			meta: {
				interface: 'collection-item-dropdown',
				width: 'half',
				options: { selectedCollection: 'devices', template: '{{name}}' },
				note: 'Shown first. Without one: the first of the list.',
			},
		},
		{
			field: 'hours',
			name: 'Span',
			type: 'integer',
			schema: { default_value: 12 },
			meta: {
				interface: 'input',
				width: 'half',
				options: { min: 1, max: 744, iconRight: 'timer' },
				note: 'Hours before the last fix that are read first.',
			},
		},
	],
});
