import { defineHook } from '@directus/extensions-sdk';

import { driftWatch } from '../shared/drift-watch.ts';
import { watchSchema } from '../shared/hooks.ts';

export default defineHook((register, context) => {
	watchSchema(driftWatch(context), register, context);
});
