import { defineHook } from '@directus/extensions-sdk';

import { drainOutbox } from '../shared/hooks.ts';
import { Outbox } from '../shared/outbox.ts';

const DEFAULT_URL = 'redis://127.0.0.1:6379';

export default defineHook((register, { env, database, logger }) => {
	drainOutbox(new Outbox(database, logger, String(env.BIPLANE_REDIS_URL || DEFAULT_URL)), register);
});
