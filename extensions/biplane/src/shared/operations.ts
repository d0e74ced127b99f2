import type { OperationApiConfig } from '@directus/types';

import type { Engine } from './engine.ts';
import { runRule } from './host.ts';
import { operationId } from './operation-id.ts';

/** An operation for each rule of that kind. What it throws goes to the Flow's failure path. */
export function operationsOf(engine: Engine): OperationApiConfig[] {
	return engine.manifest.rules.filter((rule) => rule.kind === 'operation').map((rule) => {
		const waiting = new Waiting();
		return {
			id: operationId(rule.name),
			handler: async (options: Record<string, unknown>, { services, logger, database, getSchema, accountability }) => {
				const payload = known(options);
				const run = async () => {
					const caller = { database, schema: await getSchema(), accountability: rule.together ? null : accountability };
					const { result } = await runRule(engine, rule, { payload }, caller, { services, logger });
					return result ?? null;
				};
				const result = rule.together ? waiting.join(JSON.stringify(payload), run) : run();
				// A Flow without a failure path says nothing of it.
				return result.catch((error: unknown) => {
					logger.warn(`[biplane] ${rule.name} in a Flow: ${String(error)}`);
					throw error;
				});
			},
		};
	});
}

/** A run that takes longer no longer keeps the next from its turn. */
const LONGEST_MS = 30_000;

function within<T>(run: Promise<T>, ms: number): Promise<T> {
	const late = new Promise<never>((_, reject) => {
		const timer = setTimeout(() => reject(new Error(`no end within ${ms} ms`)), ms);
		const stop = () => clearTimeout(timer);
		run.then(stop, stop);
	});
	return Promise.race([run, late]);
}

/** Runs that have not begun, by what is asked for: one serves all who ask for the same. */
class Waiting {
	#next = new Map<string, Promise<unknown>>();
	#running: Promise<unknown> = Promise.resolve();

	join(asked: string, run: () => Promise<unknown>): Promise<unknown> {
		const waiting = this.#next.get(asked);
		if (waiting) return waiting;
		const begin = () => {
			this.#next.delete(asked);
			return within(run(), LONGEST_MS);
		};
		const mine = this.#running.then(begin, begin);
		this.#next.set(asked, mine);
		this.#running = mine;
		return mine;
	}
}

/** Without what a form has left empty. */
const known = (options: Record<string, unknown>) =>
	Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null && value !== undefined && value !== ''));
