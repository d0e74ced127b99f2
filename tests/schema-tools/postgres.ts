// A private PostgreSQL 15 on the loopback interface, in a folder of its own.
import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { createRequire } from 'node:module';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start, type Running } from './process.ts';

const BINARIES = '/usr/lib/postgresql/15/bin';
const { Client } = createRequire(import.meta.url)('pg');

export type Row = Record<string, any>;

export async function freePort(): Promise<number> {
	return new Promise((resolve, reject) => {
		const server = createServer().once('error', reject);
		server.listen(0, '127.0.0.1', () => {
			const { port } = server.address() as { port: number };
			server.close(() => resolve(port));
		});
	});
}

export class Postgres {
	readonly port: number;
	readonly version: string;
	private readonly folder: string;
	private readonly server: Running;
	// `CREATE DATABASE … TEMPLATE` bears no other connection to the template.
	private turn: Promise<unknown> = Promise.resolve();

	private constructor(port: number, folder: string, server: Running) {
		this.port = port;
		this.folder = folder;
		this.server = server;
		this.version = execFileSync(join(BINARIES, 'postgres'), ['--version'], { encoding: 'utf8' }).trim();
	}

	static async start(): Promise<Postgres> {
		const port = await freePort();
		const folder = mkdtempSync(join(tmpdir(), 'biplane-schema-tools-pg-'));
		const asPostgres: string[] = [];
		if (process.getuid!() === 0) {
			// PostgreSQL refuses to run as root.
			const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
			chownSync(folder, id('-u'), id('-g'));
			asPostgres.push('setpriv', '--reuid', 'postgres', '--regid', 'postgres', '--init-groups');
		}
		const data = join(folder, 'data');
		const argv = [...asPostgres, join(BINARIES, 'initdb'), '-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8'];
		execFileSync(argv[0]!, [...argv.slice(1), '--no-sync'], { cwd: '/', stdio: 'ignore' });
		// `--pdeathsig` so that it doesn't outlive a killed runner.
		const death = ['setpriv', ...asPostgres.slice(1), '--pdeathsig', 'KILL'];
		const options = { fsync: 'off', max_connections: '300', listen_addresses: '127.0.0.1', unix_socket_directories: '' };
		const settings = Object.entries(options).flatMap(([key, value]) => ['-c', `${key}=${value}`]);
		const server = start([...death, join(BINARIES, 'postgres'), '-D', data, '-p', String(port), ...settings], {
			cwd: '/',
			env: {},
		});
		const postgres = new Postgres(port, folder, server);
		for (let tries = 0; ; tries++) {
			try {
				await postgres.sql('postgres', 'SELECT 1');
				return postgres;
			} catch (error) {
				if (tries > 100) throw new Error(`PostgreSQL did not start: ${server.output()}`, { cause: error });
				await new Promise((resolve) => setTimeout(resolve, 100));
			}
		}
	}

	async sql(database: string, text: string): Promise<Row[]> {
		const client = new Client({ host: '127.0.0.1', port: this.port, user: 'postgres', database });
		await client.connect();
		try {
			const result = await client.query(text);
			return Array.isArray(result) ? result.at(-1).rows : result.rows;
		} finally {
			await client.end();
		}
	}

	/** Makes a database, empty or as a copy of another that nobody uses at the moment. */
	async create(database: string, template = 'template0'): Promise<void> {
		const mine = this.turn.then(() => this.sql('postgres', `CREATE DATABASE "${database}" TEMPLATE "${template}"`));
		this.turn = mine.catch(() => undefined);
		await mine;
	}

	async drop(database: string): Promise<void> {
		await this.sql('postgres', `DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`);
	}

	/** A dump of everything but what changes with each request: to tell whether a second apply did anything. */
	dump(database: string): string {
		const skip = ['activity', 'revisions', 'sessions'].flatMap((name) => ['-T', `directus_${name}`]);
		const argv = ['-h', '127.0.0.1', '-p', String(this.port), '-U', 'postgres', ...skip, database];
		return execFileSync(join(BINARIES, 'pg_dump'), argv, { encoding: 'utf8', maxBuffer: 1 << 28 });
	}

	async stop(): Promise<void> {
		await this.server.stop();
		rmSync(this.folder, { recursive: true, force: true });
	}
}

export function emptyFolder(path: string): string {
	rmSync(path, { recursive: true, force: true });
	mkdirSync(path, { recursive: true });
	return path;
}
