import { defaultClientConditions, defineConfig, type Plugin } from 'vite';

// The map's data and worker ship packed, as they do inside Directus.
import { packed } from '../extensions/biplane/build/packed.js';

/** In development Directus may be anywhere: `BIPLANE_DIRECTUS_URL` puts it behind this server, so that there is one origin. */
const directus = process.env['BIPLANE_DIRECTUS_URL'];
const behind = Object.fromEntries(
	['/auth', '/biplane', '/items', '/permissions', '/users', '/websocket'].map((path) => [path, { target: directus, changeOrigin: true, ws: path === '/websocket' }]),
);
const proxy = directus ? behind : {};

export default defineConfig({
	// It may live under any path.
	base: './',
	plugins: [packed() as unknown as Plugin],
	esbuild: { jsx: 'automatic' },
	// The live client's own sources, as long as both are in one checkout.
	resolve: { conditions: ['@biplane/source', ...defaultClientConditions] },
	server: { proxy },
	preview: { proxy },
	build: {
		target: 'es2023',
		// The map's chunk carries its own data.
		chunkSizeWarningLimit: 3000,
	},
});
