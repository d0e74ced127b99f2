import type { OperationApiConfig } from '@directus/types';

import type { Engine } from './engine.ts';
import { runRule } from './host.ts';
import { operationId } from './operation-id.ts';

/** An operation for each rule of that kind. What it throws goes to the Flow's failure path. */
export function operationsOf(engine: Engine): OperationApiConfig[] {
	return engine.manifest.rules.filter((rule) => rule.kind === 'operation').map((rule) => ({
		id: operationId(rule.name),
		handler: async (options: Record<string, unknown>, { services, logger, database, getSchema, accountability }) => {
			const caller = { database, schema: await getSchema(), accountability };
			const { result } = await runRule(engine, rule, { payload: known(options) }, caller, { services, logger });
			return result ?? null;
		},
	}));
}

/** Without what a form has left empty. */
const known = (options: Record<string, unknown>) =>
	Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null && value !== undefined && value !== ''));
