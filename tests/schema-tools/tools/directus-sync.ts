// directus-sync: a command line that speaks to a running Directus with an extension.
import { join } from 'node:path';
import { TOKEN, type Directus } from '../directus.ts';
import { freePort } from '../postgres.ts';
import { run, type Ran } from '../process.ts';
import { clear, damage, jsonFiles, readJson, writeJson, type Snapshot, type Tool } from '../tool.ts';

const PARTS = ['collections', 'fields', 'relations'] as const;

export function directusSync(directus: Directus, modules: string): Tool {
	const extension = join(modules, 'directus-extension-sync');
	const cli = (url: string, home: string, args: string[]): Promise<Ran> =>
		run([process.execPath, join(modules, 'directus-sync/bin/index.js'), ...args], {
			cwd: home,
			env: { PATH: process.env.PATH ?? '', HOME: home, DIRECTUS_URL: url, DIRECTUS_TOKEN: TOKEN, NO_COLOR: '1' },
		});
	const served = async (database: string, home: string, args: string[]): Promise<Ran> => {
		const server = await directus.serve(home, database);
		try {
			return await cli(server.url, home, args);
		} finally {
			await server.stop();
		}
	};
	const snapshot = (home: string) => join(home, 'directus-config/snapshot');
	return {
		name: 'directus-sync',
		title: 'directus-sync',
		version: readJson(join(modules, 'directus-sync/package.json')).version,
		directus,
		madeFor: 'carrying schema, roles, policies, flows, dashboards and settings between instances over REST',
		commands: { export: 'directus-sync pull', apply: 'directus-sync push' },
		extension,
		files: 'directus-config',
		cuts: damage('directus-config/snapshot/fields/devices/name.json'),
		install: async (database) => void (await served(database, directus.home(`install-${database}-sync`, extension), ['pull'])),
		export: (database, home) => served(database, home, ['pull']),
		// Without a database Directus has no server to speak to.
		apply: async (database, home, options) =>
			options?.away || options?.empty ? cli(`http://127.0.0.1:${await freePort()}`, home, ['push']) : served(database, home, ['push']),
		load(home) {
			const parts = PARTS.map((part) => [part, jsonFiles(join(snapshot(home), part)).map(readJson)]);
			return { ...readJson(join(snapshot(home), 'info.json')), ...Object.fromEntries(parts) } as Snapshot;
		},
		save(home, { collections, fields, relations, ...info }) {
			clear(snapshot(home));
			writeJson(join(snapshot(home), 'info.json'), info);
			for (const one of collections) writeJson(join(snapshot(home), 'collections', `${one.collection}.json`), one);
			for (const one of fields) writeJson(join(snapshot(home), 'fields', one.collection, `${one.field}.json`), one);
			for (const one of relations) writeJson(join(snapshot(home), 'relations', one.collection, `${one.field}.json`), one);
		},
	};
}
