import { Redis } from 'ioredis';

/** One connection, made when it is needed and made anew after it broke. */
export class RedisConnection {
	#url: string;
	#redis: Redis | undefined;
	#connecting: Promise<Redis> | undefined;

	constructor(url: string) {
		this.#url = url;
	}

	/** Rejects while Redis is away. */
	get(): Promise<Redis> {
		if (this.#redis?.status === 'ready') return Promise.resolve(this.#redis);
		this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
		return this.#connecting;
	}

	/** Ends the connection. */
	close(): void {
		this.#redis?.disconnect();
		this.#redis = undefined;
	}

	async #connect(): Promise<Redis> {
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
