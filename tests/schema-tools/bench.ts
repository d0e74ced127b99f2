// One case of one tool: its databases, its folders, its steps.
import { join } from 'node:path';
import { NotStarted, type Server } from './directus.ts';
import { compare, observe, tell, type Change, type Facts } from './observe.ts';
import type { Postgres } from './postgres.ts';
import type { Ran } from './process.ts';
import type { State, States } from './states.ts';
import { copyFiles, type ApplyOptions, type Tool } from './tool.ts';

export interface Step {
	what: string;
	exit: number | null;
	seconds: number;
	said: string[];
	changes: Change[];
	tells: string;
}

export type Mark = 'done' | 'kept' | 'lost' | 'refused' | 'ignored' | 'failed' | 'n/a';

export interface Outcome {
	part: string;
	mark: Mark;
	cell: string;
	steps: Step[];
}

let serial = 0;

/** Exports are made once a state and tool. */
const exported = new Map<string, Promise<string>>();

export class Bench {
	readonly tool: Tool;
	readonly postgres: Postgres;
	private readonly states: States;
	private readonly hidden: [string, string][];
	private readonly mine: string[] = [];

	constructor(tool: Tool, postgres: Postgres, states: States, hidden: [string, string][]) {
		this.tool = tool;
		this.postgres = postgres;
		this.states = states;
		this.hidden = hidden;
	}

	/** A folder to run in, with the files that the tool makes of a state. */
	async files(state: State): Promise<string> {
		const home = this.home();
		copyFiles(this.tool, await this.export(state), home);
		return home;
	}

	home(): string {
		return this.tool.directus.home(`case-${this.tool.name}-${++serial}`, this.tool.extension);
	}

	/** A running database in a state, and what was done to it past Directus. */
	async database(state: State | 'empty', sql?: string): Promise<string> {
		const name = `c${++serial}`;
		this.mine.push(name);
		if (state === 'empty') await this.postgres.create(name);
		else await this.postgres.create(name, await this.states.ensure(state));
		if (sql) await this.postgres.sql(name, sql);
		return name;
	}

	apply(database: string, home: string, options?: ApplyOptions): Promise<Step> {
		return this.step(this.tool.commands.apply, database, () => this.tool.apply(database, home, options));
	}

	boot(database: string, home: string): Promise<Step> {
		return this.step(this.tool.commands.boot!, database, () => this.tool.boot!(database, home));
	}

	/** Somebody works in the database, with no tool around. */
	async edit(database: string, work: (server: Server) => Promise<unknown>): Promise<void> {
		const { directus } = this.tool;
		const server = await directus.serve(directus.home(`edit-${++serial}`), database);
		try {
			await work(server);
		} finally {
			await server.stop();
		}
	}

	/** Two at the same time; the first step has all changes. */
	async twice(database: string, homes: [string, string], how: 'apply' | 'boot'): Promise<[Step, Step]> {
		const before = await observe(this.postgres, database);
		const run = how === 'boot' ? this.tool.boot! : this.tool.apply;
		const [one, other] = await Promise.all(homes.map((home) => attempt(() => run(database, home))));
		const changes = compare(before, await observe(this.postgres, database));
		const what = how === 'boot' ? this.tool.commands.boot! : this.tool.commands.apply;
		return [this.record(what, one!, changes), this.record(what, other!, [])];
	}

	async step(what: string, database: string, run: () => Promise<Ran>): Promise<Step> {
		const look = (): Promise<Facts> => observe(this.postgres, database);
		const before = await look();
		const ran = await attempt(run);
		return this.record(what, ran, compare(before, await look()));
	}

	async close(): Promise<void> {
		for (const name of this.mine) await this.postgres.drop(name);
	}

	private record(what: string, ran: Ran, changes: Change[]): Step {
		const seconds = Math.round(ran.seconds * 10) / 10;
		return { what, exit: ran.exit, seconds, said: said(ran.output, this.hidden), changes, tells: tell(changes) };
	}

	private export(state: State): Promise<string> {
		const { tool } = this;
		const name = `${tool.name}-${tool.directus.version}-${state}`;
		let home = exported.get(name);
		if (!home) exported.set(name, (home = this.exportNow(state, name)));
		return home;
	}

	private async exportNow(state: State, name: string): Promise<string> {
		const deployed = state === 'base' && this.tool.baseFiles?.();
		if (deployed) return deployed;
		// A copy, since a state that somebody uses can't be copied by others.
		const database = `e_${name}`.replaceAll('.', '_');
		await this.postgres.create(database, await this.states.ensure(state));
		const home = this.tool.directus.home(join('exports', name), this.tool.extension);
		const ran = await this.tool.export(database, home);
		if (ran.exit !== 0) throw new Error(`export of ${name}: ${ran.output.slice(-2000)}`);
		return home;
	}
}

/** A server that doesn't come up is a result, too: without an exit code if it hung. */
async function attempt(run: () => Promise<Ran>): Promise<Ran> {
	try {
		return await run();
	} catch (error) {
		if (error instanceof NotStarted) return { exit: error.exit, output: error.output, seconds: error.seconds };
		return { exit: null, output: error instanceof Error ? error.message : String(error), seconds: 0 };
	}
}

const NOISE = /Extensions loaded|Loaded extensions|No config file found|directus-sync\.config|Server started|Shutting down|^\s*at |^Done!$|unreachable for updates|PostGIS isn't installed|Upload directory|^request completed$|Database connections destroyed|shut down OK/;

/** The first and last lines of what it said, without colours, times, and where on this machine it ran. */
function said(output: string, hidden: [string, string][]): string[] {
	let text = output.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '');
	for (const [path, name] of hidden) text = text.replaceAll(path, name);
	text = text.replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT').replace(/^\[[\d:.]+\] /gm, '').replace(/(INFO|ERROR|WARN|DEBUG) \(\d+\)/g, '$1');
	text = text.replace(/<work>\/[\w./-]*?(case|home|exports)[\w.-]*/g, '<folder>');
	const lines = text.split('\n').map((line) => {
		if (!line.startsWith('{"level"')) return line;
		try {
			const log = JSON.parse(line);
			return [log.level >= 50 ? 'ERROR' : log.level >= 40 ? 'WARN' : '', log.msg, log.err?.message !== log.msg && log.err?.message].filter(Boolean).join(' ');
		} catch {
			return line;
		}
	});
	const kept = lines.map((line) => line.trimEnd().slice(0, 400)).filter((line) => line.trim() && !NOISE.test(line));
	return kept.length > 24 ? [...kept.slice(0, 12), '…', ...kept.slice(-12)] : kept;
}
