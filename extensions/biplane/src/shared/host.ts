import { createHash } from 'node:crypto';

import type { AbstractService, Accountability, ApiExtensionContext, SchemaOverview } from '@directus/types';

import { type Engine, RuleCrash } from './engine.ts';
import { hostError, payloadTooLarge, rejected, ruleCrashed } from './errors.ts';
import { fits } from './payload-size.ts';
import type { Call, Effect, ItemEvent, Need, Outcome, Rule } from './protocol.ts';

/** A rule that still asks after this many answers is wrong. */
const MAX_ROUNDS = 4;

/** Whose call it is, and the database connection that he is on. */
export interface Caller {
	database: ApiExtensionContext['database'];
	schema: SchemaOverview;
	accountability: Accountability | null;
}

export type Host = Pick<ApiExtensionContext, 'services' | 'logger'>;

export interface Question {
	event: ItemEvent | null;
	collection: string;
	keys: unknown[];
	payload: unknown;
}

/**
 * Runs a rule to its decision: it may ask for reads, which are made with the caller's own permissions.
 * Throws what Directus shall answer when the rule rejects; carries out the effects; decides nothing itself.
 */
export async function runRule(engine: Engine, rule: Rule, question: Question, caller: Caller, host: Host): Promise<Outcome> {
	const { event, collection, keys, payload } = question;
	if (!fits(payload) || !fits(keys)) throw payloadTooLarge();
	const results: Record<string, unknown> = {};
	const call: Call = {
		kind: rule.kind,
		name: rule.name,
		event,
		payload,
		ctx: {
			now_ms: Date.now(),
			collection,
			keys,
			user: caller.accountability?.user ?? null,
			role: caller.accountability?.role ?? null,
			admin: caller.accountability?.admin ?? false,
			results,
		},
	};
	for (let round = 0; round < MAX_ROUNDS; round += 1) {
		const outcome = callOnce(engine, call, host);
		if (outcome.reject) {
			if (outcome.reject.status >= 500) host.logger.error(`[biplane] ${rule.name}: ${outcome.reject.message}`);
			throw rejected(outcome.reject, collection, rule.name);
		}
		if (!outcome.need?.length) {
			for (const effect of outcome.effects ?? []) carryOut(effect, host);
			return outcome;
		}
		for (const need of outcome.need) results[need.as] = await read(need, caller, host);
		if (!fits(results)) throw payloadTooLarge();
	}
	host.logger.error(`[biplane] ${rule.name}: no decision after ${MAX_ROUNDS} rounds`);
	throw hostError('RULE_CONTRACT', 'A rule came to no decision; the change was not made.');
}

function callOnce(engine: Engine, call: Call, host: Host): Outcome {
	try {
		return engine.call(call);
	} catch (error) {
		if (!(error instanceof RuleCrash)) throw error;
		// The input itself may hold what does not belong in a log.
		const digest = createHash('sha256').update(JSON.stringify(call)).digest('hex').slice(0, 16);
		host.logger.error(`[biplane] ${call.name} crashed, instance replaced (input ${digest}): ${error.message}`);
		throw ruleCrashed();
	}
}

async function read(need: Need, caller: Caller, host: Host): Promise<unknown[]> {
	const kept = need.keep ? keptIn(caller.database) : undefined;
	const { as: _, ...asked } = need;
	const key = kept && JSON.stringify([caller.accountability?.user, asked]);
	const before = key && kept.get(key);
	if (before) return before;
	const items = new host.services.ItemsService(need.collection, {
		knex: caller.database,
		schema: caller.schema,
		accountability: caller.accountability,
	});
	const found = await query(items, need);
	// What is not there yet may be made later in the transaction.
	if (key && found.length > 0) kept.set(key, found);
	return found;
}

function query(items: Pick<AbstractService, 'readMany' | 'readByQuery'>, need: Need): Promise<unknown[]> {
	const quietly = { emitEvents: false };
	switch (need.op) {
		case 'items.read':
			return items.readMany(need.keys, { fields: need.fields, limit: -1 }, quietly);
		case 'items.find':
			return items.readByQuery({ filter: need.filter, fields: need.fields, limit: -1 }, quietly);
		default:
			throw hostError('RULE_CONTRACT', 'A rule asked for what its host does not know.');
	}
}

/** Answers by transaction: they go with it. */
const kept = new WeakMap<object, Map<string, unknown[]>>();

/** The answers of a transaction; none outside of one, where nothing says how long they are true. */
function keptIn(database: Caller['database']): Map<string, unknown[]> | undefined {
	if (!database.isTransaction) return undefined;
	let answers = kept.get(database);
	if (!answers) kept.set(database, (answers = new Map()));
	return answers;
}

function carryOut(effect: Effect, host: Host): void {
	host.logger[effect.level](`[biplane] ${effect.message}`);
}
