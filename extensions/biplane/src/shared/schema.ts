import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { Accountability, ApiExtensionContext } from '@directus/types';

import type { Drift } from './drift.ts';
import type { DriftTexts, Engine } from './engine.ts';

/** Why nobody can say how the schema stands. */
export interface DriftUnknown {
	status: 'unknown';
	sentence: string;
	/** Of what could not be read. */
	code?: string;
}

/** How the schema stands, and since when that is known. */
export type DriftReport = (Drift | DriftUnknown) & { checked_at: string };

export type SchemaHost = Pick<ApiExtensionContext, 'services' | 'database' | 'logger' | 'env'>;

/** Every change of the schema by way of this Directus, be it from the admin UI, the API or MCP, ends in one of these. */
export const SCHEMA_EVENTS = ['collections', 'fields', 'relations'].flatMap((what) =>
	['create', 'update', 'delete'].map((change) => `${what}.${change}`),
);

/** A change made elsewhere (another replica, the command line) shows after this long (ms) at the latest. */
const MAX_AGE_MS = 10_000;

const ADMINISTRATOR: Accountability = { user: null, role: null, roles: [], admin: true, app: false, ip: null };

/** What PostgreSQL says where nothing was ever applied by `biplane schema apply`. */
const NO_TABLE = ['42P01', '3F000'];
const NOT_ALLOWED = '42501';

/**
 * Compares the schema of this instance with its snapshot, once for all who ask: a snapshot costs Directus some
 * hundred milliseconds. One comparison at a time, and none older than the last change that came by here.
 */
export class DriftWatch {
	readonly #engine: Engine;
	readonly #host: SchemaHost;
	/** Counts changes of the schema: a comparison is as new as the change that it began after. */
	#changes = 0;
	#last: { changes: number; at: number; report: DriftReport } | undefined;
	#running: Promise<void> | undefined;
	#saidForbidden = false;

	constructor(engine: Engine, host: SchemaHost) {
		this.#engine = engine;
		this.#host = host;
	}

	/** What is known is no longer true. */
	changed(): void {
		this.#changes += 1;
	}

	/** How the schema stands; never rejects. */
	async report(): Promise<DriftReport> {
		const asked = { changes: this.#changes, at: Date.now() };
		for (;;) {
			const last = this.#last;
			if (last && last.changes >= asked.changes && last.at > asked.at - MAX_AGE_MS) return last.report;
			this.#running ??= this.#compare();
			await this.#running;
		}
	}

	async #compare(): Promise<void> {
		const changes = this.#changes;
		const at = Date.now();
		const checked_at = new Date(at).toISOString();
		try {
			const changed = changes !== this.#last?.changes;
			this.#last = { changes, at, report: { ...(await this.#drift(changed)), checked_at } };
		} catch (error) {
			this.#host.logger.error(`[biplane] The schema could not be compared with its snapshot: ${String(error)}`);
			const sentence = `The schema could not be compared with its snapshot: ${(error as Error).message}`;
			this.#last = { changes, at, report: { status: 'unknown', sentence, checked_at } };
		} finally {
			this.#running = undefined;
		}
	}

	async #drift(changed: boolean): Promise<Drift | DriftUnknown> {
		const [{ base, baseHash }, beside] = await Promise.all([this.#base(), this.#target()]);
		const target = beside ? { baseHash, ...beside } : base === undefined ? undefined : { baseHash: undefined, target: base, lineage: '' };
		if (!target) {
			const sentence = 'There is nothing to compare the schema with: BIPLANE_SNAPSHOT names no snapshot, and none was applied here.';
			return { status: 'unknown', sentence };
		}
		const drift = this.#engine.schemaDrift({ base, running: await this.#snapshot(changed), ...target });
		if (!('error' in drift)) return drift;
		const { code, message } = drift.error;
		return { status: 'unknown', code, sentence: `The schema could not be compared with its snapshot: ${message}` };
	}

	async #snapshot(changed: boolean): Promise<string> {
		const { services, database: knex } = this.#host;
		const options = { knex, accountability: ADMINISTRATOR, schema: { collections: {}, relations: [] } };
		// Directus keeps the columns that it read; who read while they changed has left it the old ones.
		if (changed) await new services.UtilsService(options).clearCache({ system: true });
		return JSON.stringify(await new services.SchemaService(options).snapshot());
	}

	/** The snapshot that was applied to this database last. */
	async #base(): Promise<Pick<DriftTexts, 'base' | 'baseHash'>> {
		const { database, logger } = this.#host;
		try {
			const row = await database('schema_bases').withSchema('telemetry').orderBy('id', 'desc').first('snapshot', 'hash');
			const { snapshot, hash } = (row ?? {}) as { snapshot?: string; hash?: string };
			return { base: snapshot, baseHash: hash };
		} catch (error) {
			const { code, message } = error as { code?: string; message: string };
			if (code === NOT_ALLOWED) {
				if (!this.#saidForbidden) logger.warn(`[biplane] Which snapshot was applied last can't be read: ${message}`);
				this.#saidForbidden = true;
			} else if (!code || !NO_TABLE.includes(code)) {
				throw error;
			}
			return { base: undefined, baseHash: undefined };
		}
	}

	/** The snapshot that this instance came with. */
	async #target(): Promise<Pick<DriftTexts, 'target' | 'lineage'> | undefined> {
		const file = this.#host.env.BIPLANE_SNAPSHOT as string | undefined;
		if (!file) return undefined;
		const lineage = readFile(join(dirname(file), 'lineage'), 'utf8').catch((error: NodeJS.ErrnoException) => {
			if (error.code === 'ENOENT') return '';
			throw error;
		});
		const [target, ancestors] = await Promise.all([readFile(file, 'utf8'), lineage]);
		return { target, lineage: ancestors };
	}
}

/** What `/biplane/health` says: to administrators why, to others whether. */
export function health(report: DriftReport, admin: boolean) {
	const status = report.status === 'clean' ? 'ok' : 'warn';
	if (!admin) return { status };
	return { status, schema: { status: report.status, sentence: report.sentence, checked_at: report.checked_at } };
}
