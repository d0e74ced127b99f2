import type { ActionHandler } from '@directus/types';

import { hostError } from './errors.ts';
import type { Outbox } from './outbox.ts';
import type { Attempt } from './protocol.ts';
import type { RedisConnection } from './redis.ts';

/** An event of Directus's that waits for the commit of what it tells of. */
export interface Held {
	event: string | string[];
	meta: Parameters<ActionHandler>[0];
	context: Parameters<ActionHandler>[1];
}

/** A device's connection, as the registry has it. */
export interface Holder {
	imei: string;
	instance: string;
}

/** A claim lasts as long as a command may wait, and a day. */
const CLAIM_S = 8 * 86_400;

/** The telemetry plane as Directus reaches it: through Redis, and by what waits in the outbox. */
export class Plane {
	#redis: RedisConnection;
	#outbox: Pick<Outbox, 'drain'>;
	#emitter: Emitter;

	constructor(redis: RedisConnection, outbox: Pick<Outbox, 'drain'>, emitter: Emitter) {
		this.#redis = redis;
		this.#outbox = outbox;
		this.#emitter = emitter;
	}

	/** Which gateways hold these devices. */
	async holders(imeis: string[]): Promise<Holder[]> {
		const asked = [...new Set(imeis)];
		if (asked.length === 0) return [];
		const pipeline = (await this.#connected()).pipeline();
		for (const imei of asked) pipeline.hmget(`registry:${imei}`, 'instance');
		const instances = answers<(string | null)[]>(await pipeline.exec()).map(([instance]) => instance);
		return asked.flatMap((imei, at) => (instances[at] ? [{ imei, instance: instances[at] }] : []));
	}

	/** Takes attempts away from gateways, in a user's name; an attempt that was taken so before is ours too. */
	async claim(attempts: Attempt[], user: string | null): Promise<(Attempt & { ours: boolean })[]> {
		if (attempts.length === 0) return [];
		const pipeline = (await this.#connected()).pipeline();
		for (const { command, attempt } of attempts) {
			pipeline.set(`command:${command}:${attempt}`, `cancel/${user ?? ''}`, 'EX', CLAIM_S, 'NX', 'GET');
		}
		const before = answers<string | null>(await pipeline.exec());
		return attempts.map((attempt, at) => ({ ...attempt, ours: before[at]?.startsWith('cancel/') ?? true }));
	}

	/** What was held back until now may be told: it is committed. */
	committed(held: Held[]): void {
		for (const { event, meta, context } of held) this.#emitter.emitAction(event, meta, context);
		void this.#outbox.drain();
	}

	async #connected() {
		try {
			return await this.#redis.get();
		} catch {
			throw hostError('REDIS_AWAY', 'Redis can\'t be asked just now; nothing was changed.');
		}
	}
}

interface Emitter {
	emitAction(event: string | string[], meta: Held['meta'], context: Held['context']): void;
}

function answers<T>(replies: [Error | null, unknown][] | null): T[] {
	if (!replies) throw new Error('Redis did not answer');
	return replies.map(([error, answer]) => {
		if (error) throw error;
		return answer as T;
	});
}

let plane: Plane | undefined;

/** What the entries of the bundle share; the hook that drains the outbox makes it. */
export function providePlane(provided: Plane): void {
	plane = provided;
}

export function thePlane(): Plane {
	if (!plane) throw hostError('RULE_CONTRACT', 'A rule needs the telemetry plane, which is not there yet.');
	return plane;
}
