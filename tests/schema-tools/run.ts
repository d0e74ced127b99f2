// Runs every case with every tool and writes docs/schema-tools.json and the tables of docs/schema-tools.md.
//
//   npm run -s schema:compare -- [--tools a,b] [--cases 1,2] [--biplane] [--binary path] [--keep] [--write]
//
// What is not run keeps the result that the JSON already has; `--write` runs nothing and writes the tables anew.
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { Bench, type Outcome } from './bench.ts';
import { CASES } from './cases.ts';
import { Directus } from './directus.ts';
import { peers } from './peers.ts';
import { Postgres } from './postgres.ts';
import { stopAll } from './process.ts';
import { States } from './states.ts';
import { readJson, writeJson, type Tool } from './tool.ts';
import { biplane } from './tools/biplane.ts';
import { d6s } from './tools/d6s.ts';
import { directusApply } from './tools/directus-apply.ts';
import { directusSync } from './tools/directus-sync.ts';
import { schemaSync } from './tools/schema-sync.ts';
import { writeTables } from './table.ts';

export interface Report {
	node: string;
	postgres: string;
	tools: { name: string; title: string; version: string; directus: string; madeFor: string; commands: Tool['commands']; run: string }[];
	cases: { id: number; title: string }[];
	results: { tool: string; case: number; outcomes: Outcome[] }[];
}

const PROJECT = dirname(dirname(import.meta.dirname));
const REPORT = join(PROJECT, 'docs/schema-tools.json');
const TABLES = join(PROJECT, 'docs/schema-tools.md');
const AT_ONCE = 2;

const { values: args } = parseArgs({
	options: {
		tools: { type: 'string' },
		cases: { type: 'string' },
		biplane: { type: 'boolean', default: false },
		binary: { type: 'string', default: join(PROJECT, 'target/release/biplane') },
		keep: { type: 'boolean', default: false },
		write: { type: 'boolean', default: false },
	},
});

if (args.biplane && !existsSync(args.binary)) throw new Error(`${args.binary} is not there: build it by \`npm run -s biplane -- --version\`, or name one with --binary`);

if (args.write) {
	writeTables(TABLES, readReport());
	process.exit();
}

const work = mkdtempSync(join(tmpdir(), 'biplane-schema-tools-'));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stopAll().then(() => process.exit(130)));

try {
	const modules = await peers();
	const postgres = await Postgres.start();
	try {
		await compareAll(postgres, modules);
	} finally {
		await stopAll();
		await postgres.stop();
	}
} finally {
	if (args.keep) console.error(`kept: ${work}`);
	else rmSync(work, { recursive: true, force: true });
}

async function compareAll(postgres: Postgres, modules: string): Promise<void> {
	const [eleven, twelve] = [join(PROJECT, 'node_modules'), modules].map((path) => new Directus(path, postgres, work)) as [Directus, Directus];
	const everyTool = [
		directusApply(eleven),
		directusSync(eleven, modules),
		schemaSync(eleven, join(modules, 'directus-extension-schema-sync'), false),
		directusApply(twelve),
		schemaSync(twelve, join(modules, 'directus-extension-schema-sync-4'), true),
		d6s(twelve, modules, 'merge'),
		d6s(twelve, modules, 'mirror'),
		...(args.biplane ? biplane(eleven, postgres, PROJECT, resolve(args.binary)) : []),
	];
	const named = args.tools?.split(',');
	const tools = everyTool.filter(({ name }) => !named || named.includes(name));
	const ids = args.cases?.split(',').map(Number);
	const cases = CASES.filter(({ id }) => !ids || ids.includes(id));

	const states = new Map<string, States>();
	const shared = (tool: Tool) => tool.apart ?? tool.directus.version;
	for (const tool of tools) {
		const name = shared(tool);
		if (states.has(name)) continue;
		const installs = tools.filter((one) => shared(one) === name).flatMap(({ install }) => install ?? []);
		states.set(name, new States(tool.directus, postgres, installs, tool.apart));
		await states.get(name)!.ensure('base');
	}

	const report = readReport();
	const hidden: [string, string][] = [[work, '<work>'], [PROJECT, '<project>'], [modules, '<peers>']];
	const tasks = cases.flatMap((one) => tools.map((tool) => ({ one, tool })));
	const worker = async () => {
		for (let task = tasks.shift(); task; task = tasks.shift()) {
			const { one, tool } = task;
			const bench = new Bench(tool, postgres, states.get(shared(tool))!, hidden);
			const began = performance.now();
			const outcomes = await one.run(bench);
			await bench.close();
			report.results = report.results.filter((old) => old.tool !== tool.name || old.case !== one.id);
			report.results.push({ tool: tool.name, case: one.id, outcomes });
			const seconds = ((performance.now() - began) / 1000).toFixed(0);
			console.error(`case ${one.id}, ${tool.name}, ${seconds} s: ${outcomes.map(({ part, mark, cell }) => `${part && `${part}: `}${mark}: ${cell}`).join(' / ')}`);
		}
	};
	await Promise.all(Array.from({ length: AT_ONCE }, worker));

	const today = new Date().toISOString().slice(0, 10);
	report.node = process.version;
	report.postgres = postgres.version;
	const order = [...everyTool.map(({ name }) => name), 'biplane', 'biplane-production'];
	const old = report.tools.filter(({ name }) => !tools.some((tool) => tool.name === name));
	const now = tools.map(({ name, title, version, directus, madeFor, commands }) => ({ name, title, version, directus: directus.version, madeFor, commands, run: today }));
	report.tools = [...old, ...now].sort((a, b) => order.indexOf(a.name) - order.indexOf(b.name));
	report.cases = CASES.map(({ id, title }) => ({ id, title }));
	report.results.sort((a, b) => a.case - b.case || order.indexOf(a.tool) - order.indexOf(b.tool));
	writeJson(REPORT, report);
	writeTables(TABLES, report);
}

function readReport(): Report {
	if (existsSync(REPORT)) return readJson(REPORT);
	return { node: '', postgres: '', tools: [], cases: [], results: [] };
}
