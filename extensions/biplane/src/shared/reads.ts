import type { AbstractService } from '@directus/types';

import { hostError } from './errors.ts';
import type { Caller, Host } from './host.ts';
import { itemsOf, mustBeAllowed } from './items.ts';
import { thePlane } from './plane.ts';
import { countPositions, noteShown } from './position-counts.ts';
import { readPositions } from './positions.ts';
import type { Attempt, Manifest, Need } from './protocol.ts';
import { readRecomputes, readReviews } from './reviews.ts';

type CountNeed = Extract<Need, { op: 'items.count' }>;
type ItemsNeed = Extract<Need, { op: 'items.read' | 'items.find' }>;

/** Reads what a rule asks for, with the caller's own permissions. */
export function read(need: Need, limits: Pick<Manifest, 'max_position_rows'>, caller: Caller, host: Host): Promise<unknown> {
	switch (need.op) {
		case 'items.read':
		case 'items.find':
			return readItems(need, caller, host);
		case 'items.count':
			return countItems(need, caller, host);
		case 'positions.read':
			return readPositions(need, limits, caller, host);
		case 'positions.count':
			return countPositions(need, caller, host);
		case 'registry.read':
			return thePlane().holders(need.imeis);
		case 'attempts.claim':
			return claimAttempts(need.attempts, caller, host);
		case 'reviews.read':
			return readReviews(need, caller);
		case 'recomputes.read':
			return readRecomputes(need, caller, host);
		default:
			throw hostError('RULE_CONTRACT', 'A rule asked for what its host does not know.');
	}
}

async function claimAttempts(attempts: Attempt[], caller: Caller, host: Host): Promise<unknown> {
	if (!caller.change) throw hostError('RULE_CONTRACT', 'Attempts are taken away in an update only.');
	await mustBeAllowed(caller.change, caller, host);
	return thePlane().claim(attempts, caller.accountability?.user ?? null);
}

async function readItems(need: ItemsNeed, caller: Caller, host: Host): Promise<unknown[]> {
	const kept = need.keep ? keptIn(caller.database) : undefined;
	const { as: _, ...asked } = need;
	const key = kept && JSON.stringify([caller.accountability?.user, asked]);
	const before = key && kept.get(key);
	if (before) return before;
	const found = await query(itemsOf(need.collection, caller, host), need);
	noteShown(caller, need, found);
	// What is not there yet may be made later in the transaction.
	if (key && found.length > 0) kept.set(key, found);
	return found;
}

async function countItems({ collection, filter, group, distinct }: CountNeed, caller: Caller, host: Host): Promise<unknown[]> {
	const aggregate = distinct === undefined ? { count: ['*'] } : { countDistinct: [distinct] };
	const rows = await itemsOf(collection, caller, host).readByQuery({ filter, group, aggregate, limit: -1 }, { emitEvents: false });
	return rows.map(({ count, countDistinct, ...fields }) =>
		({ ...fields, count: Number(distinct === undefined ? count : countDistinct[distinct]) }));
}

function query(items: Pick<AbstractService, 'readMany' | 'readByQuery'>, need: ItemsNeed): Promise<unknown[]> {
	const quietly = { emitEvents: false };
	const { fields } = need;
	return need.op === 'items.read'
		? items.readMany(need.keys, { fields, limit: -1 }, quietly)
		: items.readByQuery({ filter: need.filter, fields, limit: need.limit ?? -1 }, quietly);
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
