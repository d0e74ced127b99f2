import { definePanel } from '@directus/extensions-sdk';

import PanelComponent from './panel.vue';

export default definePanel({
	id: 'biplane-live-map',
	name: 'Live map',
	icon: 'share_location',
	description: 'Competitors on the map as they move, with the course, their last fixes and their crossings.',
	component: PanelComponent,
	minWidth: 20,
	minHeight: 16,
	options: [
		{
			field: 'event',
			name: 'Event',
			type: 'json',
			meta: {
				interface: 'collection-item-dropdown',
				width: 'full',
				options: { selectedCollection: 'events', template: '{{name}}' },
				note: 'Without one: the running event that started last, else the latest.',
			},
		},
		{
			field: 'trailMinutes',
			name: 'Trail',
			type: 'integer',
			schema: { default_value: 10 },
			meta: {
				interface: 'input',
				width: 'half',
				options: { min: 0, max: 240, iconRight: 'timer' },
				note: 'Minutes of flight or drive drawn behind each competitor; 0 for none.',
			},
		},
		{
			field: 'labels',
			name: 'Numbers',
			type: 'boolean',
			schema: { default_value: true },
			meta: { interface: 'boolean', width: 'half', options: { label: 'Write numbers beside the marks' } },
		},
		{
			field: 'list',
			name: 'List',
			type: 'boolean',
			schema: { default_value: true },
			meta: { interface: 'boolean', width: 'half', options: { label: 'Show the list beside the map' } },
		},
	],
});
