import { gunzipSync } from 'node:zlib';

import { defineEndpoint } from '@directus/extensions-sdk';

import openapi from '../../../../docs/openapi.json';
import { forUsers, registerEndpoints } from '../shared/routes.ts';
import { moduleDownload, rules } from '../shared/rules.ts';

export default defineEndpoint({
	id: 'biplane',
	handler: (router, context) => {
		router.get('/module', forUsers((_request, response) => {
			const { manifest, moduleBytes, memoryBytes, replaced } = rules();
			const { version, abi } = manifest;
			response.json({ data: { version, abi, manifest, module_bytes: moduleBytes, memory_bytes: memoryBytes, replaced } });
		}));
		router.get('/module.wasm', forUsers((request, response) => {
			const { gzipped, etag } = moduleDownload();
			// Kept by the browser, and asked each time whether it is still the one.
			response.set({ ETag: etag, 'Cache-Control': 'private, no-cache' });
			if (request.fresh) return response.status(304).end();
			response.type('application/wasm').vary('Accept-Encoding');
			if (!request.acceptsEncodings('gzip')) return response.send(gunzipSync(gzipped));
			return response.set('Content-Encoding', 'gzip').send(gzipped);
		}));
		router.get('/openapi.json', forUsers((_request, response) => {
			response.json(openapi);
		}));
		registerEndpoints(rules(), router, context);
	},
});
