import type { ApiExtensionContext } from '@directus/types';

import type { RedisConnection } from './redis.ts';

type Database = ApiExtensionContext['database'];
type Logger = ApiExtensionContext['logger'];

/** An entry that waits for Redis. */
interface Waiting {
	id: string;
	stream: string;
	fields: Record<string, string>;
}

interface Batch {
	/** The last entry, where there may be more. */
	last?: string | undefined;
	/** Why an entry did not go: it stays, the others went. */
	refused?: Error | undefined;
}

/** How many entries go to Redis in one transaction. */
const BATCH = 500;

/** Puts an entry of a stream into the outbox, on the caller's connection: it waits for his commit. */
export async function append(database: Database, stream: string, fields: Record<string, string>): Promise<void> {
	await database.raw('INSERT INTO telemetry.outbox (stream, fields) VALUES (?, ?::jsonb)', [stream, JSON.stringify(fields)]);
}

/**
 * Hands the outbox's entries to Redis, in their order, at least once: an entry goes when Redis has it. Its
 * `outbox_id` tells a reader that he has it already. While Redis is away everything stays where it is;
 * an entry that Redis refuses stays too, and holds up no other.
 */
export class Outbox {
	#database: Database;
	#logger: Logger;
	#redis: RedisConnection;
	#running: Promise<void> | undefined;
	#again = false;
	#away = false;

	constructor(database: Database, logger: Logger, redis: RedisConnection) {
		this.#database = database;
		this.#logger = logger;
		this.#redis = redis;
	}

	/** Never rejects. Who comes while another drains waits for that one, which looks once more for what came meanwhile. */
	drain(): Promise<void> {
		this.#again = true;
		this.#running ??= this.#drainAll();
		return this.#running;
	}

	/** Ends the connection. */
	close(): void {
		this.#redis.close();
	}

	async #drainAll(): Promise<void> {
		while (this.#again) {
			this.#again = false;
			await this.#drain();
		}
		// In the same breath as the last look: who asks from here on begins anew.
		this.#running = undefined;
	}

	async #drain(): Promise<void> {
		try {
			let refused: Error | undefined;
			for (let last: string | undefined = '0'; last !== undefined;) {
				const batch: Batch = await this.#batch(last);
				refused ??= batch.refused;
				last = batch.last;
			}
			if (refused) throw refused;
			if (this.#away) this.#logger.info('[biplane] Redis is back: the outbox is empty');
			this.#away = false;
		} catch (error) {
			if (!this.#away) this.#logger.warn(`[biplane] the outbox waits, nothing is lost: ${String(error)}`);
			this.#away = true;
		}
	}

	/** Sends the entries after one of them. Other processes of Directus leave these alone meanwhile. */
	#batch(after: string): Promise<Batch> {
		return this.#database.transaction(async (transaction) => {
			const { rows } = await transaction.raw(
				'SELECT id::text, stream, fields FROM telemetry.outbox WHERE id > ?::bigint ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED',
				[after, BATCH],
			) as { rows: Waiting[] };
			if (rows.length === 0) return {};
			const pipeline = (await this.#redis.get()).pipeline();
			for (const { id, stream, fields } of rows) pipeline.xadd(stream, '*', 'outbox_id', id, ...Object.entries(fields).flat());
			const answers = await pipeline.exec();
			if (!answers) throw new Error('Redis did not answer');
			const went = rows.filter((_, index) => answers[index]?.[0] === null).map(({ id }) => id);
			await transaction.raw('DELETE FROM telemetry.outbox WHERE id = ANY (?::bigint[])', [went]);
			const refused = answers.find(([error]) => error)?.[0] ?? undefined;
			return { last: rows.length === BATCH ? rows.at(-1)?.id : undefined, refused };
		});
	}
}
