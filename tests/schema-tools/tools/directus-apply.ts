// Directus's own `schema snapshot` and `schema apply`.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Directus } from '../directus.ts';
import type { Snapshot, Tool } from '../tool.ts';

const yaml = createRequire(import.meta.url)('js-yaml');
const FILE = 'schema.yaml';
const JSON_FILE = 'schema.json';
const NOWHERE = 1;

export function directusApply(directus: Directus): Tool {
	const file = (home: string) => (existsSync(join(home, JSON_FILE)) ? JSON_FILE : FILE);
	return {
		name: `directus-apply-${directus.version.split('.')[0]}`,
		title: 'Directus `schema apply`',
		version: directus.version,
		directus,
		madeFor: 'making a database equal to a snapshot: schema only',
		commands: { export: 'directus schema snapshot --yes schema.yaml', apply: 'directus schema apply --yes schema.yaml' },
		files: FILE,
		cuts: yamlCuts(FILE, JSON_FILE),
		export: (database, home) => directus.cli(home, database, ['schema', 'snapshot', '--yes', FILE]),
		apply: (database, home, options) =>
			directus.cli(home, database, ['schema', 'apply', '--yes', file(home)], options?.away ? { databasePort: NOWHERE } : {}),
		ask: (database, home) => directus.cli(home, database, ['schema', 'apply', FILE], { seconds: 20 }),
		load: (home) => yaml.load(readFileSync(join(home, FILE), 'utf8')) as Snapshot,
		save: (home, snapshot) => writeFileSync(join(home, FILE), yaml.dump(snapshot)),
	};
}

/** Half of a YAML file is often good YAML. `asJson` is where the tool takes JSON from. */
export function yamlCuts(file: string, asJson: string): Tool['cuts'] {
	const text = (home: string) => readFileSync(join(home, file), 'utf8');
	return [
		{
			part: 'YAML, after a whole field',
			cut(home) {
				const all = text(home);
				const at = all.lastIndexOf('\n  - collection:', all.length / 2);
				writeFileSync(join(home, file), all.slice(0, at + 1));
			},
		},
		{
			// The list of relations is the last; files often lose their end.
			part: 'YAML, before `relations`',
			cut(home) {
				const all = text(home);
				writeFileSync(join(home, file), all.slice(0, all.indexOf('\nrelations:') + 1));
			},
		},
		{
			part: 'JSON',
			cut(home) {
				const all = JSON.stringify(yaml.load(text(home)), null, 2);
				rmSync(join(home, file));
				writeFileSync(join(home, asJson), all.slice(0, all.length / 2));
			},
		},
	];
}
