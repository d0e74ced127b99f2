import { defineInterface } from '@directus/extensions-sdk';

import InterfaceComponent from './interface.vue';

export default defineInterface({
	id: 'biplane-geofence',
	name: 'Geofence',
	icon: 'fence',
	description: 'Draws a polygon, a circle or a gate line on the map, and says at once what the rules would.',
	component: InterfaceComponent,
	types: ['geometry'],
	group: 'other',
	options: [],
});
