import { definePanel } from '@directus/extensions-sdk';

import PanelComponent from './panel.vue';

export default definePanel({
	id: 'biplane-command-console',
	name: 'Command console',
	icon: 'settings_remote',
	description: 'Commands to one tracker or to hundreds: given, approved, followed and taken back.',
	component: PanelComponent,
	minWidth: 24,
	minHeight: 20,
	options: [
		{
			field: 'organization',
			name: 'Organization',
			type: 'json',
			meta: {
				interface: 'collection-item-dropdown',
				width: 'half',
				options: { selectedCollection: 'organizations', template: '{{name}}' },
				note: 'Only its devices and commands. Without one: all that the user may see.',
			},
		},
		{
			field: 'event',
			name: 'Event',
			type: 'json',
			meta: {
				interface: 'collection-item-dropdown',
				width: 'half',
				options: { selectedCollection: 'events', template: '{{name}}' },
				note: 'The event whose trackers are listed at first.',
			},
		},
		{
			field: 'map',
			name: 'Map',
			type: 'boolean',
			schema: { default_value: true },
			meta: { interface: 'boolean', width: 'half', options: { label: 'Show the map above the list' } },
		},
	],
});
