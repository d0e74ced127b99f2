// What the runner wants of a tool: make files from a database, apply files to a database.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Directus } from './directus.ts';
import type { Ran } from './process.ts';

/** A Directus snapshot, however a tool lays it out in files. */
export interface Snapshot {
	collections: any[];
	fields: any[];
	relations: any[];
	[key: string]: any;
}

export interface Tool {
	name: string;
	title: string;
	version: string;
	directus: Directus;
	madeFor: string;
	/** The command lines, as documentation has them. */
	commands: { export: string; apply: string; boot?: string };
	/** The folder of the extension that it needs inside Directus. */
	extension?: string;
	/** What it keeps, below the folder that it runs in. */
	files: string;
	/** Its databases are copies of a base of its own, since what it leaves there would hold up others; tools of one name share it. */
	apart?: string;
	/** What it leaves in the base database, made once. */
	install?(database: string): Promise<void>;
	/** The folder with the files that `install` left, where the base database remembers them as its last. */
	baseFiles?(): string;
	export(database: string, home: string): Promise<Ran>;
	apply(database: string, home: string, options?: ApplyOptions): Promise<Ran>;
	/** The apply that happens by itself when Directus starts. */
	boot?(database: string, home: string): Promise<Ran>;
	/** `apply` without what says yes to a deletion; absent where there is no such thing. */
	ask?(database: string, home: string): Promise<Ran>;
	/** `apply` with what says yes, where it is given apart from `apply`. */
	consent?(database: string, home: string): Promise<Ran>;
	/** Says that a field, `collection.field`, was renamed; absent where there is no way to. */
	rename?(home: string, from: string, to: string): Promise<void>;
	/** Brings back what the last apply took away; absent where there is no such thing. */
	restore?: { command: string; run(database: string, home: string): Promise<Ran> };
	load(home: string): Snapshot;
	save(home: string, snapshot: Snapshot): void;
	/** How case 10 damages the files. */
	cuts: { part: string; cut(home: string): void }[];
}

export interface ApplyOptions {
	/** A port where no database listens; for tools that speak to a server: no server. */
	away?: boolean;
	/** The database has no tables. */
	empty?: boolean;
}

export function copyFiles(tool: Tool, from: string, to: string): void {
	cpSync(join(from, tool.files), join(to, tool.files), { recursive: true });
}

export function readJson(path: string): any {
	return JSON.parse(readFileSync(path, 'utf8'));
}

export function writeJson(path: string, value: unknown): void {
	mkdirSync(dirname(path), { recursive: true });
	writeFileSync(path, `${JSON.stringify(value, null, 2)}\n`);
}

export function jsonFiles(folder: string): string[] {
	if (!existsSync(folder)) return [];
	const names = readdirSync(folder, { recursive: true }) as string[];
	return names.filter((name) => name.endsWith('.json')).sort().map((name) => join(folder, name));
}

export function clear(folder: string): void {
	rmSync(folder, { recursive: true, force: true });
}

/** A file that stops in its middle, and a file that is not there. */
export function damage(file: string): Tool['cuts'] {
	return [
		{ part: 'JSON', cut: (home) => truncateSync(join(home, file), Math.floor(statSync(join(home, file)).size / 2)) },
		{ part: 'a file missing', cut: (home) => clear(join(home, file)) },
	];
}
