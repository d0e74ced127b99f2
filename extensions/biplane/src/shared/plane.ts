import type { ActionHandler } from '@directus/types';
import type { Redis } from 'ioredis';

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
/** How a claim begins that cancels. */
const CANCELS = 'cancel/';
/** KEYS: the claims. ARGV: whose, for how long, how those begin that count as the same. Answers with the places of those that others have. */
const CLAIM = `
local theirs = {}
for n, key in ipairs(KEYS) do
	local holder = redis.call('GET', key)
	if holder and string.sub(holder, 1, #ARGV[3]) ~= ARGV[3] then theirs[#theirs + 1] = n end
end
if #theirs == 0 then
	for _, key in ipairs(KEYS) do redis.call('SET', key, ARGV[1], 'EX', ARGV[2], 'NX') end
end
return theirs`;

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
		const instances = await this.#ask(async (redis) => {
			const pipeline = redis.pipeline();
			for (const imei of asked) pipeline.hmget(`registry:${imei}`, 'instance');
			return answers<(string | null)[]>(await pipeline.exec()).map(([instance]) => instance);
		});
		return asked.flatMap((imei, at) => (instances[at] ? [{ imei, instance: instances[at] }] : []));
	}

	/**
	 * Takes attempts away from gateways, in a user's name, all of them or none; those that were taken so
	 * before are ours too.
	 */
	async claim(attempts: Attempt[], user: string | null): Promise<(Attempt & { ours: boolean })[]> {
		if (attempts.length === 0) return [];
		const keys = attempts.map(({ command, attempt }) => `command:${command}:${attempt}`);
		const theirs = await this.#ask((redis) => redis.eval(CLAIM, keys.length, ...keys, `${CANCELS}${user ?? ''}`, CLAIM_S, CANCELS));
		const taken = new Set(theirs as number[]);
		return attempts.map((attempt, at) => ({ ...attempt, ours: !taken.has(at + 1) }));
	}

	/** What was held back until now may be told: it is committed. */
	committed(held: Held[]): void {
		for (const { event, meta, context } of held) this.#emitter.emitAction(event, meta, context);
		void this.#outbox.drain();
	}

	async #ask<T>(question: (redis: Redis) => Promise<T>): Promise<T> {
		try {
			return await question(await this.#redis.get());
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
