import { definePanel } from '@directus/extensions-sdk';

import PanelComponent from './panel.vue';

export default definePanel({
	id: 'biplane-fleet-health',
	name: 'Fleet health',
	icon: 'vital_signs',
	description: 'Which devices are connected and by what, how late their positions come, how many are faulty, and who is away since when.',
	component: PanelComponent,
	minWidth: 24,
	minHeight: 14,
	options: [
		{
			field: 'organization',
			name: 'Organization',
			type: 'json',
			meta: {
				interface: 'collection-item-dropdown',
				width: 'half',
				options: { selectedCollection: 'organizations', template: '{{name}}' },
				note: 'Without one: all devices that you may see.',
			},
		},
		{
			field: 'within',
			name: 'Faulty fixes of',
			type: 'string',
			schema: { default_value: 'hour' },
			meta: {
				interface: 'select-dropdown',
				width: 'half',
				options: { choices: [{ text: 'The last hour', value: 'hour' }, { text: 'The last day', value: 'day' }] },
				note: 'Counted back from the newest fix of the fleet.',
			},
		},
	],
});
