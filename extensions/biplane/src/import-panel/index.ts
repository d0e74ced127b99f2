import { definePanel } from '@directus/extensions-sdk';

import PanelComponent from './panel.vue';

export default definePanel({
	id: 'biplane-import',
	name: 'Import and flag',
	icon: 'upload_file',
	description: 'Entries and devices from a spreadsheet, checked before anything is written; flags for many devices at once.',
	component: PanelComponent,
	minWidth: 24,
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
				note: 'Chosen when the panel opens; people may choose another.',
			},
		},
	],
});
