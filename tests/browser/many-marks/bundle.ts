import { build } from 'vite';

import { packed } from '../../../extensions/biplane/build/packed.js';

/** A page's script with the extension's parts in it, as `page.js` in a folder. */
export async function bundle(page: string, folder: string): Promise<void> {
	await build({
		configFile: false,
		logLevel: 'error',
		plugins: [packed()],
		build: {
			outDir: folder,
			emptyOutDir: false,
			minify: false,
			rollupOptions: { input: page, output: { entryFileNames: 'page.js', format: 'es' } },
		},
	});
}
