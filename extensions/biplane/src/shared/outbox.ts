import type { ApiExtensionContext } from '@directus/types';
import { Redis } from 'ioredis';

type Database = ApiExtensionContext['database'];
type Logger = ApiExtensionContext['logger'];

/** An entry that waits for Redis. */
interface Waiting {
	id: string;
	stream: string;
	fields: Record<string, string>;
}

/** How many entries go to Redis in one transaction. */
const BATCH = 500;

/** Puts an entry of a stream into the outbox, on the caller's connection: it waits for his commit. */
export async function append(database: Database, stream: string, fields: Record<string, string>): Promise<void> {
	await database.raw('INSERT INTO telemetry.outbox (stream, fields) VALUES (?, ?::jsonb)', [stream, JSON.stringify(fields)]);
}

/**
 * Hands the outbox's entries to Redis, in their order, at least once: an entry goes when Redis has it. Its
 * `outbox_id` tells a reader that he has it already. While Redis is away everything stays where it is.
 */
export class Outbox {
	#database: Database;
	#logger: Logger;
	#url: string;
	#redis: Redis | undefined;
	#running: Promise<void> | undefined;
	#away = false;

	constructor(database: Database, logger: Logger, url: string) {
		this.#database = database;
		this.#logger = logger;
		this.#url = url;
	}

	/** Never rejects. Who comes while another drains waits for that one. */
	drain(): Promise<void> {
		this.#running ??= this.#drain().finally(() => (this.#running = undefined));
		return this.#running;
	}

	/** Ends the connection. */
	close(): void {
		this.#redis?.disconnect();
		this.#redis = undefined;
	}

	async #drain(): Promise<void> {
		try {
			while ((await this.#batch()) === BATCH);
			if (this.#away) this.#logger.info('[biplane] Redis is back: the outbox is empty');
			this.#away = false;
		} catch (error) {
			if (!this.#away) this.#logger.warn(`[biplane] the outbox waits, nothing is lost: ${String(error)}`);
			this.#away = true;
		}
	}

	/** How many entries went. Other processes of Directus leave these alone meanwhile. */
	#batch(): Promise<number> {
		return this.#database.transaction(async (transaction) => {
			const { rows } = await transaction.raw(
				'SELECT id::text, stream, fields FROM telemetry.outbox ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED', [BATCH],
			) as { rows: Waiting[] };
			if (rows.length === 0) return 0;
			const pipeline = (await this.#connected()).pipeline();
			for (const { id, stream, fields } of rows) pipeline.xadd(stream, '*', 'outbox_id', id, ...Object.entries(fields).flat());
			const answers = await pipeline.exec();
			const refused = answers?.find(([error]) => error)?.[0];
			if (!answers || refused) throw refused ?? new Error('Redis did not answer');
			await transaction.raw('DELETE FROM telemetry.outbox WHERE id = ANY (?::bigint[])', [rows.map(({ id }) => id)]);
			return rows.length;
		});
	}

	async #connected(): Promise<Redis> {
		if (this.#redis?.status === 'ready') return this.#redis;
		this.close();
		// No queue and no retries: what waits is in the database.
		const redis = new Redis(this.#url, {
			lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 0, retryStrategy: () => null,
			connectTimeout: 2000, commandTimeout: 5000,
		});
		// Every failure reaches who waits for it; without a listener it would be printed as well.
		redis.on('error', () => undefined);
		await redis.connect();
		this.#redis = redis;
		return redis;
	}
}
