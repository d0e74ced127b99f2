import { defineEndpoint } from '@directus/extensions-sdk';

import openapi from '../../../../docs/openapi.json';
import { forUsers, registerEndpoints } from '../shared/routes.ts';
import { rules } from '../shared/rules.ts';

export default defineEndpoint({
	id: 'biplane',
	handler: (router, context) => {
		router.get('/module', forUsers((_request, response) => {
			const { manifest, moduleBytes, memoryBytes, replaced } = rules();
			const { version, abi } = manifest;
			response.json({ data: { version, abi, manifest, module_bytes: moduleBytes, memory_bytes: memoryBytes, replaced } });
		}));
		router.get('/openapi.json', forUsers((_request, response) => {
			response.json(openapi);
		}));
		registerEndpoints(rules(), router, context);
	},
});
