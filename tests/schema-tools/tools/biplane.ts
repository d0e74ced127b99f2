// Biplane's own pipeline. Left out unless `--biplane` is given.
//
// The base of its three-way merge lives in the database, so each running database is first
// deployed from base's files, as an earlier boot would have done.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Directus } from '../directus.ts';
import { run, type Ran } from '../process.ts';
import type { Snapshot, Tool } from '../tool.ts';
import { yamlCuts } from './directus-apply.ts';

const yaml = createRequire(import.meta.url)('js-yaml');
const FILE = 'schema.yaml';
const NOWHERE = 1;

export function biplane(directus: Directus, project: string): Tool {
	const command = (database: string, home: string, args: string[], databasePort?: number): Promise<Ran> => {
		const env = { ...directus.env(home, database, 1, { databasePort }), HOME: process.env.HOME ?? home, DIRECTUS_SCHEMA_APPLY_MODE: 'auto' };
		return run([join(project, 'scripts/biplane'), 'schema', ...args], { cwd: home, env });
	};
	return {
		name: 'biplane',
		title: 'Biplane',
		version: JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')).version,
		directus,
		madeFor: 'booting from a snapshot without losing what people made since the last one',
		commands: { export: 'biplane schema snapshot schema.yaml', apply: 'biplane schema apply schema.yaml' },
		files: FILE,
		cuts: yamlCuts(),
		deployed: (database, home) => command(database, home, ['apply', FILE]),
		export: (database, home) => command(database, home, ['snapshot', FILE]),
		apply: (database, home, options) => command(database, home, ['apply', FILE], options?.away ? NOWHERE : undefined),
		load: (home) => yaml.load(readFileSync(join(home, FILE), 'utf8')) as Snapshot,
		save: (home, snapshot) => writeFileSync(join(home, FILE), yaml.dump(snapshot)),
	};
}
