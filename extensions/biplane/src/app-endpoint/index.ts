import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { defineEndpoint } from '@directus/extensions-sdk';

/** The built reference client, beside the bundle that this is in. */
const FILES = fileURLToPath(new URL('./spa/', import.meta.url));
const YEAR_MS = 365 * 24 * 3600 * 1000;

/** The race client at `/biplane/app/`: static files for everybody; what it shows, Directus lets its users see. */
export default defineEndpoint({
	id: 'biplane',
	handler: (router, { logger }) => {
		if (!existsSync(FILES)) logger.warn('The race client is not built: /biplane/app/ has nothing to show');

		router.get('/app', (request, response, next) => {
			// Its files are named from where it is: without the last slash that would be one level up.
			if (request.path.endsWith('/')) next();
			else response.redirect(`${request.baseUrl}/app/`);
		});
		router.get('/app/config.json', (_request, response) => {
			response.json({ directus: '../..' });
		});
		router.use('/app', (request, response, next) => {
			const path = request.path === '/' ? 'index.html' : request.path.slice(1);
			// Names of assets change with their content.
			const maxAge = path.startsWith('assets/') ? YEAR_MS : 0;
			response.sendFile(path, { root: FILES, dotfiles: 'deny', maxAge, immutable: maxAge > 0 }, (error) => {
				if (error && !response.headersSent) next();
			});
		});
	},
});
