import { defineEndpoint } from '@directus/extensions-sdk';

import { driftWatch } from '../shared/drift-watch.ts';
import { forAdministrators, forAnyone } from '../shared/routes.ts';
import { health } from '../shared/schema.ts';

export default defineEndpoint({
	id: 'biplane',
	handler: (router, context) => {
		const watch = driftWatch(context);

		router.get('/schema/drift', forAdministrators(async (request, response) => {
			if ('refresh' in request.query) watch.changed();
			response.set('Cache-Control', 'no-store').json({ data: await watch.report() });
		}));

		router.get('/health', forAnyone(async (request, response) => {
			const report = await watch.report();
			response.set('Cache-Control', 'no-store').json(health(report, request.accountability?.admin ?? false));
		}));
	},
});
