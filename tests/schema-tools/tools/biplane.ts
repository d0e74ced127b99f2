// Biplane's own pipeline: as in development, with nothing set, and as in production, with its approval.
//
// The base of its three-way merge lives in the database, so the base state is adopted once, as its
// documentation has it for a Directus that is there already: db-init, snapshot, apply.
import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { Directus } from '../directus.ts';
import type { Postgres } from '../postgres.ts';
import { run, type Ran } from '../process.ts';
import { clear, readJson, type ApplyOptions, type Snapshot, type Tool } from '../tool.ts';
import { yamlCuts } from './directus-apply.ts';

const yaml = createRequire(import.meta.url)('js-yaml');
const FILE = 'snapshots/schema.yaml';
const APPROVED = 'snapshots/approved';
/** What the pipeline itself needs of db-init/; the rest is the telemetry's. */
const SQL = ['001_telemetry.sql', '002_schema_pipeline.sql', 'always/050_schema_freeze.sql'];
/** As in the image: no superuser, so the pipeline does without its event trigger. */
const OWNER = 'biplane_owner';
const NOWHERE = 1;
const PRODUCTION = { BIPLANE_ENV: 'production' };

export function biplane(directus: Directus, postgres: Postgres, project: string, binary: string): Tool[] {
	const environment = (home: string, database: string, port = postgres.port) => ({
		BIPLANE_HOME: home,
		BIPLANE_DIRECTUS_CLI: join(home, 'cli.js'),
		BIPLANE_NODE: process.execPath,
		BIPLANE_OWNER_DATABASE_URL: `postgres://${OWNER}@127.0.0.1:${port}/${database}`,
	});
	const furnish = (home: string): void => {
		// What the official image has in /directus.
		writeFileSync(join(home, 'cli.js'), `import './node_modules/@directus/api/dist/cli/run.js';\n`);
		const dependencies = { directus: directus.version };
		writeFileSync(join(home, 'package.json'), JSON.stringify({ private: true, type: 'module', dependencies }));
		for (const folder of ['db-init/always', 'snapshots']) mkdirSync(join(home, folder), { recursive: true });
		for (const file of SQL) copyFileSync(join(project, 'db-init', file), join(home, 'db-init', file));
	};
	const command = (database: string, home: string, args: string[], extra: Record<string, string> = {}, databasePort?: number): Promise<Ran> => {
		furnish(home);
		const env = { ...directus.env(home, database, 1, { databasePort }), ...environment(home, database, databasePort), ...extra };
		return run([binary, ...args], { cwd: home, env });
	};
	const must = async (doing: Promise<Ran>): Promise<Ran> => {
		const ran = await doing;
		if (ran.exit !== 0) throw new Error(`Biplane: ${ran.output}`);
		return ran;
	};
	let adopted: Promise<string> | undefined;
	let base = '';
	const adopt = async (database: string): Promise<string> => {
		const home = directus.home('biplane-base');
		await postgres.sql('postgres', `CREATE ROLE ${OWNER} LOGIN IN ROLE postgres`);
		for (const args of [['db-init'], ['schema', 'snapshot'], ['schema', 'apply']]) await must(command(database, home, args));
		return home;
	};
	const snapshot = async (database: string, home: string): Promise<Ran> => {
		// A developer works in a checkout of what is deployed.
		cpSync(join(base, 'snapshots'), join(home, 'snapshots'), { recursive: true });
		return must(command(database, home, ['schema', 'snapshot']));
	};
	// Of files alone: what production has, and what it is to have.
	const approve = (home: string, ...rest: string[]): Promise<Ran> =>
		must(command('none', home, ['schema', 'approve', '--base', join(base, FILE), ...rest]));
	const tool = (production: boolean): Tool => {
		const extra: Record<string, string> = production ? PRODUCTION : {};
		const prefix = production ? 'BIPLANE_ENV=production ' : '';
		const apply = (database: string, home: string, options?: ApplyOptions) =>
			command(database, home, ['schema', 'apply'], extra, options?.away ? NOWHERE : undefined);
		return {
			name: production ? 'biplane-production' : 'biplane',
			title: production ? 'Biplane, in production, approved' : 'Biplane, nothing set',
			version: readJson(join(project, 'package.json')).version,
			directus,
			apart: 'biplane',
			madeFor: production
				? 'the same on a server, where plans that lose rows need a committed approval'
				: 'booting from a snapshot without losing what people made since the last one; what would delete is only shown',
			commands: {
				export: `biplane schema snapshot${production ? '`, `biplane schema approve' : ''}`,
				apply: `${prefix}biplane schema apply`,
				boot: `${prefix}biplane boot`,
			},
			files: 'snapshots',
			cuts: [
				...yamlCuts(FILE, FILE),
				{ part: 'a file missing', cut: (home) => clear(join(home, FILE)) },
			],
			async install(database) {
				base = await (adopted ??= adopt(database));
			},
			baseFiles: () => base,
			async export(database, home) {
				const ran = await snapshot(database, home);
				return production ? approve(home) : ran;
			},
			apply,
			async boot(database, home) {
				furnish(home);
				const began = performance.now();
				const env = { ...environment(home, database), ...extra };
				const server = await directus.serve(home, database, { env, argv: [binary, 'boot'] });
				await server.stop();
				return { exit: 0, output: server.output(), seconds: (performance.now() - began) / 1000 };
			},
			async ask(database, home) {
				clear(join(home, APPROVED));
				return apply(database, home);
			},
			consent: production ? undefined : (database, home) => command(database, home, ['schema', 'apply', '--mode', 'auto']),
			restore: {
				command: 'biplane schema rescue restore 1',
				run: (database, home) => command(database, home, ['schema', 'rescue', 'restore', '1']),
			},
			async rename(home, from, to) {
				clear(join(home, APPROVED));
				await approve(home, '--rename', `${from}=${to}`);
			},
			load: (home) => yaml.load(readFileSync(join(home, FILE), 'utf8')) as Snapshot,
			save: (home, snapshot) => writeFileSync(join(home, FILE), yaml.dump(snapshot)),
		};
	};
	return [tool(false), tool(true)];
}
