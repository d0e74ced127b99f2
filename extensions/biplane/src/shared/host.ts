import { createHash } from 'node:crypto';

import type { Accountability, ApiExtensionContext, SchemaOverview } from '@directus/types';

import { carryOut } from './effects.ts';
import { type Engine, RuleCrash } from './engine.ts';
import { hostError, payloadTooLarge, rejected, ruleCrashed } from './errors.ts';
import type { Change } from './items.ts';
import { fits } from './payload-size.ts';
import type { Call, ItemEvent, Outcome, Rule } from './protocol.ts';
import { read } from './reads.ts';

/** A rule that still asks after this many answers is wrong. */
const MAX_ROUNDS = 4;

/** Whose call it is, and the database connection that he is on. */
export interface Caller {
	database: ApiExtensionContext['database'];
	schema: SchemaOverview;
	accountability: Accountability | null;
	/** What he is about to write, if that is what this is about. */
	change?: Change;
}

export type Host = Pick<ApiExtensionContext, 'services' | 'logger'>;

export interface Question {
	payload: unknown;
	/** Of hooks; endpoints and operations have none. */
	event?: ItemEvent;
	collection?: string;
	keys?: unknown[];
}

/**
 * Runs a rule to its decision: it may ask for reads, which are made with the caller's own permissions.
 * Throws what Directus shall answer when the rule rejects; carries out the effects; decides nothing itself.
 */
export async function runRule(engine: Engine, rule: Rule, question: Question, caller: Caller, host: Host): Promise<Outcome> {
	const { event = null, collection = '', keys = [], payload } = question;
	const limits = engine.manifest;
	const answers = { ...limits, max_payload_bytes: limits.max_answer_bytes };
	if (!fits(payload, limits) || !fits(keys, limits)) throw payloadTooLarge(limits);
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
			for (const { status, message } of outcome.reject) {
				if (status >= 500) host.logger.error(`[biplane] ${rule.name}: ${message}`);
			}
			throw rejected(outcome.reject, collection, rule.name);
		}
		if (!outcome.need) {
			await carryOut(outcome.effects ?? [], caller, host);
			return outcome;
		}
		for (const need of outcome.need) {
			const found = await read(need, limits, caller, host);
			// Positions are bounded by their rows.
			if (need.op !== 'positions.read' && !fits(found, answers)) throw payloadTooLarge(answers);
			results[need.as] = found;
		}
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
