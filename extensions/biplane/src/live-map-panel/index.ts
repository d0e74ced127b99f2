import { definePanel } from '@directus/extensions-sdk';

import PanelComponent from './panel.vue';
import { settings } from './settings.ts';
import { textsIn } from './texts.ts';

/** Directus asks for a panel's words outside of any component. */
const texts = () => textsIn(document.documentElement.lang);

export default definePanel({
	id: 'biplane-live-map',
	get name() {
		return texts().panel.name;
	},
	icon: 'share_location',
	get description() {
		return texts().panel.description;
	},
	component: PanelComponent,
	minWidth: 20,
	minHeight: 16,
	options: () => settings(texts().settings),
});
