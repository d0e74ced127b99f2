import { defineHook } from '@directus/extensions-sdk';

import { registerRules } from '../shared/hooks.ts';
import { rules } from '../shared/rules.ts';

export default defineHook((register, context) => {
	registerRules(rules(), register, context);
});
