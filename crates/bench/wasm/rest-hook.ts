/**
 * An extension of Directus: what creates of polygons cost with no hook, with one in JavaScript and with ours. The
 * collections are alike but for their names.
 */

import { createError } from '@directus/errors';
import type { defineHook } from '@directus/extensions-sdk';

import type { Engine } from '../../../extensions/biplane/src/shared/engine.ts';
import { registerRules } from '../../../extensions/biplane/src/shared/hooks.ts';
import { newEngine } from './module.ts';
import { valid } from './sweep.ts';

const Invalid = createError('INVALID_POLYGON', 'geometry: the polygon is not valid', 400);

const hook: Parameters<typeof defineHook>[0] = (register, context) => {
	register.filter('bench_js.items.create', (payload) => {
		if (!valid((payload as { geometry: Parameters<typeof valid>[0] }).geometry)) throw new Invalid();
		return payload;
	});
	const engine = newEngine();
	const rules = engine.manifest.rules
		.filter(({ name }) => name === 'geofence.validate')
		.map((rule) => ({ ...rule, collections: ['bench_wasm'], ...(rule.kind === 'filter' && { events: ['items.create'] }) }));
	const ours = { manifest: { ...engine.manifest, rules }, call: engine.call.bind(engine) } as unknown as Engine;
	registerRules(ours, register, context);
	register.init('routes.before', ({ app }) => {
		// What the whole process has spent so far, in microseconds.
		app.get('/biplane-bench/cpu', (_request: unknown, response: { json: (body: unknown) => void }) => {
			const { user, system } = process.cpuUsage();
			response.json(user + system);
		});
	});
};

export default hook;
