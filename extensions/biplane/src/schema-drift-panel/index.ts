import { definePanel } from '@directus/extensions-sdk';

import PanelComponent from './panel.vue';

export default definePanel({
	id: 'biplane-schema-drift',
	name: 'Schema drift',
	icon: 'difference',
	description: 'What this instance’s schema and the committed snapshot have that the other lacks, and what a rebuild would do to it.',
	component: PanelComponent,
	minWidth: 18,
	minHeight: 10,
	options: [],
});
