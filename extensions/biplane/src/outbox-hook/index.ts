import { defineHook } from '@directus/extensions-sdk';

import { drainOutbox } from '../shared/hooks.ts';
import { Outbox } from '../shared/outbox.ts';
import { Plane, providePlane } from '../shared/plane.ts';
import { RedisConnection } from '../shared/redis.ts';

const DEFAULT_URL = 'redis://127.0.0.1:6379';

export default defineHook((register, { env, database, logger, emitter }) => {
	const redis = new RedisConnection(String(env.BIPLANE_REDIS_URL || DEFAULT_URL));
	const outbox = new Outbox(database, logger, redis);
	providePlane(new Plane(redis, outbox, emitter));
	drainOutbox(outbox, register);
});
