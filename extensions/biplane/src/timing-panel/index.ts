import { definePanel } from '@directus/extensions-sdk';

import PanelComponent from './panel.vue';

export default definePanel({
	id: 'biplane-timing',
	name: 'Timing',
	icon: 'timer',
	description: 'Results of an event with splits and gaps as they come, and the edits that people make of crossings.',
	component: PanelComponent,
	minWidth: 24,
	minHeight: 14,
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
			field: 'rankBy',
			name: 'Rank by',
			type: 'string',
			schema: { default_value: 'elapsed' },
			meta: {
				interface: 'select-dropdown',
				width: 'half',
				options: {
					choices: [
						{ text: 'Time since the own start', value: 'elapsed' },
						{ text: 'Time of day', value: 'clock' },
					],
				},
				note: 'What the panel opens with; whoever looks may choose otherwise.',
			},
		},
		{
			field: 'category',
			name: 'Category',
			type: 'string',
			meta: {
				interface: 'input',
				width: 'half',
				options: { placeholder: 'All' },
				note: 'What the panel opens with.',
			},
		},
	],
});
