// The official `@directus/cli` (`d6s`), which speaks to a running Directus 12.2 or newer.
import { join } from 'node:path';
import { TOKEN, type Directus } from '../directus.ts';
import { freePort } from '../postgres.ts';
import { run, type Ran } from '../process.ts';
import { damage, jsonFiles, readJson, writeJson, type Snapshot, type Tool } from '../tool.ts';

const SCHEMA = 'directus/default/schema';

export function d6s(directus: Directus, modules: string, mode: 'merge' | 'mirror'): Tool {
	const cli = (url: string, home: string, args: string[]): Promise<Ran> => {
		writeJson(join(home, 'directus.config.json'), { profiles: { here: { url } } });
		const env = { PATH: process.env.PATH ?? '', HOME: home, DIRECTUS_HERE_TOKEN: TOKEN, NO_COLOR: '1', CI: 'true' };
		return run([process.execPath, join(modules, '@directus/cli/dist/bin.js'), 'sync', ...args], { cwd: home, env });
	};
	const served = async (database: string, home: string, args: string[]): Promise<Ran> => {
		const server = await directus.serve(home, database);
		try {
			return await cli(server.url, home, args);
		} finally {
			await server.stop();
		}
	};
	const push = ['push', '--to', 'here', '--mode', mode, ...(mode === 'mirror' ? ['--dangerously-allow-delete'] : [])];
	return {
		name: `d6s-${mode}`,
		title: `@directus/cli, \`--mode ${mode}\``,
		version: readJson(join(modules, '@directus/cli/package.json')).version,
		directus,
		madeFor:
			mode === 'merge'
				? 'carrying schema and configuration between instances, adding and updating only'
				: 'making an instance equal to the files, after a consent to deletions',
		commands: { export: 'd6s sync pull --from here', apply: `d6s sync ${[...push, '--yes'].join(' ')}` },
		files: 'directus',
		cuts: damage(`${SCHEMA}/devices_ade15a1287dabe92.json`),
		export: (database, home) => served(database, home, ['pull', '--from', 'here']),
		// Without a database Directus has no server to speak to.
		apply: async (database, home, options) =>
			options?.away || options?.empty
				? cli(`http://127.0.0.1:${await freePort()}`, home, [...push, '--yes'])
				: served(database, home, [...push, '--yes']),
		ask: (database, home) => served(database, home, ['push', '--to', 'here', '--mode', mode, '--yes']),
		// A file a collection, each listed in `metadata.json`; that of a system collection has no definition.
		load(home) {
			const snapshot: Snapshot = { collections: [], fields: [], relations: [] };
			for (const path of parts(home)) {
				const { definition, fields, relations } = readJson(path);
				if (definition) snapshot.collections.push(definition);
				snapshot.fields.push(...fields);
				snapshot.relations.push(...relations);
			}
			return snapshot;
		},
		save(home, snapshot) {
			for (const path of parts(home)) {
				const { collection, systemFields } = readJson(path);
				const own = (list: any[]) => list.filter((one) => one.collection === collection);
				const [definition = null] = own(snapshot.collections);
				const [fields, relations] = [own(snapshot.fields), own(snapshot.relations)];
				writeJson(path, { collection, definition, fields, relations, systemFields });
			}
		},
	};
}

function parts(home: string): string[] {
	return jsonFiles(join(home, SCHEMA)).filter((path) => !path.endsWith('/metadata.json'));
}
