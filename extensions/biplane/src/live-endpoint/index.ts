import { defineEndpoint } from '@directus/extensions-sdk';

import { liveToken } from '../shared/live-token.ts';
import { forUsers } from '../shared/routes.ts';

const DEFAULT_URL = 'ws://127.0.0.1:8056/live';

export default defineEndpoint({
	id: 'biplane',
	handler: (router, { env }) => {
		const url = String(env.BIPLANE_LIVE_URL || DEFAULT_URL);
		const tiles = env.BIPLANE_TILES ? String(env.BIPLANE_TILES) : null;

		router.get('/live/config', forUsers((_request, response) => {
			response.json({ data: { url, tiles } });
		}));

		router.post('/live/token', forUsers((request, response) => {
			const token = liveToken(request.token, String(env.SECRET ?? ''), Date.now());
			response.set('Cache-Control', 'no-store').json({ data: { ...token, url } });
		}));
	},
});
