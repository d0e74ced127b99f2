// directus-extension-schema-sync: commands inside Directus's own, and an import when Directus starts.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Directus } from '../directus.ts';
import type { Ran } from '../process.ts';
import { clear, damage, jsonFiles, readJson, writeJson, type Snapshot, type Tool } from '../tool.ts';

const NOWHERE = 1;

export function schemaSync(directus: Directus, extension: string, safe: boolean): Tool {
	const env: Record<string, string> = safe ? { SCHEMA_SYNC_SAFE: 'true' } : {};
	const version = readJson(join(extension, 'package.json')).version;
	const name = safe ? 'schema-sync-safe' : 'schema-sync';
	const command = (database: string, home: string, args: string[], databasePort?: number) =>
		directus.cli(home, database, ['schema-sync', ...args], { env, databasePort });
	const schema = (home: string) => join(home, 'schema-sync/data/schema');
	const files = async (database: string, home: string): Promise<Ran> => {
		const installed = await command(database, home, ['install', '--force']);
		if (installed.exit !== 0) return installed;
		// The default configuration has flows as a comment, to be opened by who wants them.
		const config = join(home, 'schema-sync/directus_config.js');
		const text = readFileSync(config, 'utf8');
		writeFileSync(config, text.replace('/*directus_flows', 'directus_flows').replace(/\},\*\/(\s+directus_translations)/, '},$1'));
		return command(database, home, ['export']);
	};
	const deployed = `schema-sync-${directus.version}-${name}`;
	let base = '';
	return {
		name,
		title: safe ? 'schema-sync, `SCHEMA_SYNC_SAFE`' : 'schema-sync',
		version,
		directus,
		madeFor: safe
			? 'the same as schema-sync, on projects that add collections of their own to a base schema'
			: 'carrying schema, configuration and chosen rows in files, imported when Directus starts',
		commands: {
			export: 'directus schema-sync export',
			apply: `${safe ? 'SCHEMA_SYNC_SAFE=true ' : ''}directus schema-sync import`,
			boot: `${safe ? 'SCHEMA_SYNC_SAFE=true ' : ''}SCHEMA_SYNC=IMPORT directus start`,
		},
		extension,
		files: 'schema-sync',
		cuts: damage('schema-sync/data/schema/devices.json'),
		async install(database) {
			const home = directus.home(deployed, extension);
			const ran = await files(database, home);
			if (ran.exit !== 0) throw new Error(`schema-sync could not be installed: ${ran.output}`);
			base = home;
		},
		baseFiles: () => base,
		export: files,
		apply: (database, home, options) => command(database, home, ['import'], options?.away ? NOWHERE : undefined),
		async boot(database, home) {
			const began = performance.now();
			const server = await directus.serve(home, database, { env: { ...env, SCHEMA_SYNC: 'IMPORT' } });
			await server.stop();
			return { exit: 0, output: server.output(), seconds: (performance.now() - began) / 1000 };
		},
		load(home) {
			const snapshot: Snapshot = { ...readJson(`${schema(home)}.json`), collections: [], fields: [], relations: [] };
			for (const path of jsonFiles(schema(home))) {
				const { fields, relations, ...one } = readJson(path);
				const collection = one.collection ?? basename(path, '.json');
				if (one.meta) snapshot.collections.push(one);
				snapshot.fields.push(...fields.map((field: object) => ({ collection, ...field })));
				snapshot.relations.push(...relations.map((relation: object) => ({ collection, ...relation })));
			}
			return snapshot;
		},
		// A file holds a collection with its fields, so a collection that is left out takes its fields with it.
		save(home, { collections, fields, relations, ...info }) {
			clear(schema(home));
			// The import skips the schema if this hash is that of the database; a snapshot of other content has another.
			writeJson(`${schema(home)}.json`, { ...info, hash: 'of other content' });
			const system = new Set(fields.map((field) => field.collection).filter((name: string) => name.startsWith('directus_')));
			const all = [...collections, ...[...system].map((collection) => ({ collection }))];
			const own = (parts: any[], name: string) =>
				parts.filter((part) => part.collection === name).map(({ collection, ...part }) => part);
			for (const one of all) {
				const parts = { fields: own(fields, one.collection), relations: own(relations, one.collection) };
				writeJson(join(schema(home), `${one.collection}.json`), { ...one, ...parts });
			}
		},
	};
}
