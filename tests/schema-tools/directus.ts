// A Directus of one version: its command line, its server, its REST API.
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { emptyFolder, freePort, type Postgres } from './postgres.ts';
import { run, start, type Ran, type Running } from './process.ts';

export const TOKEN = 'schema-tools-admin-token';

export interface Server {
	url: string;
	rest(method: string, path: string, body?: unknown): Promise<any>;
	output(): string;
	stop(): Promise<void>;
}

export class Directus {
	readonly version: string;
	private readonly modules: string;
	private readonly postgres: Postgres;
	private readonly work: string;

	constructor(modules: string, postgres: Postgres, work: string) {
		this.modules = modules;
		this.postgres = postgres;
		this.work = work;
		this.version = JSON.parse(readFileSync(join(modules, 'directus/package.json'), 'utf8')).version;
	}

	/** A folder to run in: without `.env`, which would override the environment. */
	home(name: string, extension?: string): string {
		const home = emptyFolder(join(this.work, name));
		writeFileSync(join(home, 'package.json'), '{"private":true,"type":"module"}\n');
		symlinkSync(this.modules, join(home, 'node_modules'));
		emptyFolder(join(home, 'extensions'));
		if (extension) cpSync(extension, join(home, 'extensions', 'peer'), { recursive: true });
		return home;
	}

	async cli(home: string, database: string, args: string[], options: CliOptions = {}): Promise<Ran> {
		return run([process.execPath, this.program(), ...args], {
			cwd: home,
			env: this.env(home, database, options.port ?? 1, options),
			seconds: options.seconds ?? 120,
		});
	}

	async serve(home: string, database: string, options: CliOptions = {}): Promise<Server> {
		const port = await freePort();
		const url = `http://127.0.0.1:${port}`;
		const running = start(options.argv ?? [process.execPath, this.program(), 'start'], {
			cwd: home,
			env: this.env(home, database, port, options),
		});
		await this.ready(url, running);
		return {
			url,
			output: () => running.output(),
			stop: () => running.stop(),
			async rest(method, path, body) {
				const response = await fetch(url + path, {
					method,
					headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
					body: body === undefined ? undefined : JSON.stringify(body),
				});
				const text = await response.text();
				if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
				return text ? JSON.parse(text).data : undefined;
			},
		};
	}

	private async ready(url: string, running: Running): Promise<void> {
		const began = performance.now();
		while (performance.now() - began < 90_000) {
			if (running.child.exitCode !== null) break;
			const answer = await fetch(`${url}/server/ping`).catch(() => undefined);
			if (answer?.ok) return;
			await new Promise((resolve) => setTimeout(resolve, 100));
		}
		const exit = running.child.exitCode;
		await running.stop();
		throw new NotStarted(exit, running.output(), (performance.now() - began) / 1000);
	}

	// Not `directus/cli.js`, which asks npm for updates first.
	private program(): string {
		const path = join(this.modules, '@directus/api/dist/cli/run.js');
		if (!existsSync(path)) throw new Error(`${path} is missing`);
		return path;
	}

	env(home: string, database: string, port: number, options: CliOptions): Record<string, string> {
		return {
			PATH: process.env.PATH ?? '',
			HOME: home,
			HOST: '127.0.0.1',
			PORT: String(port),
			PUBLIC_URL: `http://127.0.0.1:${port}`,
			DB_CLIENT: 'pg',
			DB_HOST: '127.0.0.1',
			DB_PORT: String(options.databasePort ?? this.postgres.port),
			DB_DATABASE: database,
			DB_USER: 'postgres',
			DB_PASSWORD: 'postgres',
			SECRET: 'schema-tools-secret-schema-tools-secret',
			ADMIN_EMAIL: 'admin@example.com',
			ADMIN_PASSWORD: 'schema-tools',
			ADMIN_TOKEN: TOKEN,
			PROJECT_NAME: 'Schema tools',
			EXTENSIONS_PATH: join(home, 'extensions'),
			STORAGE_LOCATIONS: 'local',
			STORAGE_LOCAL_ROOT: join(home, 'uploads'),
			TELEMETRY: 'false',
			LOG_STYLE: 'raw',
			NO_COLOR: '1',
			RATE_LIMITER_ENABLED: 'false',
			...options.env,
		};
	}
}

export class NotStarted extends Error {
	readonly exit: number | null;
	readonly output: string;
	readonly seconds: number;

	constructor(exit: number | null, output: string, seconds: number) {
		super(`Directus did not start: ${output.slice(-2000)}`);
		this.exit = exit;
		this.output = output;
		this.seconds = seconds;
	}
}

export interface CliOptions {
	/** What becomes the server; Directus's own `start` unless given. */
	argv?: string[];
	env?: Record<string, string>;
	seconds?: number;
	port?: number;
	/** Another port than the database's: where no database listens. */
	databasePort?: number;
}
