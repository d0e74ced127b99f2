import type { Caller, Host } from './host.ts';
import { itemsOf } from './items.ts';
import { append } from './outbox.ts';
import { type Held, thePlane } from './plane.ts';
import type { Effect } from './protocol.ts';
import { askForReview } from './reviews.ts';

type Claim = Extract<Effect, { op: 'items.claim' }>;
type Lasting = Exclude<Effect, { op: 'log' } | Claim>;

/**
 * Carries out what a rule decided, on the connection of the caller: with his transaction it stands or
 * falls. Where he has none it gets one, so that several effects happen together or not at all.
 */
export async function carryOut(effects: Effect[], caller: Caller, host: Host): Promise<void> {
	for (const effect of effects) {
		if (effect.op === 'log') host.logger[effect.level](`[biplane] ${effect.message}`);
	}
	const lasting = effects.filter((effect) => effect.op !== 'log' && effect.op !== 'items.claim') as Lasting[];
	if (lasting.length > 0) {
		if (caller.database.isTransaction) await write(lasting, caller, host);
		else await caller.database.transaction((transaction) => write(lasting, { ...caller, database: transaction }, host));
	}
	// One that fails keeps no other from being claimed.
	const failures: unknown[] = [];
	for (const effect of effects) {
		if (effect.op === 'items.claim') await claim(effect, caller, host).catch((error: unknown) => failures.push(error));
	}
	if (failures.length > 0) throw failures[0];
}

/**
 * Of several who claim an item one succeeds: a row that somebody else has in hand is passed over. Directus
 * tells of it only after the commit, or its subscribers would read what was before.
 */
async function claim({ collection, items, status, patch }: Claim, caller: Caller, host: Host): Promise<void> {
	const held: Held[] = [];
	await caller.database.transaction(async (transaction) => {
		const keys = await transaction(collection).whereIn('id', items.map(({ key }) => key)).where({ status })
			.orderBy('id').forUpdate().skipLocked().pluck('id') as string[];
		if (keys.length === 0) return;
		// As Directus itself: that a command is on its way is for nobody else to say.
		const itself: Caller = { ...caller, database: transaction, accountability: null };
		await itemsOf(collection, itself, host).updateMany(keys, patch, {
			bypassEmitAction: (event) => held.push(event as Held),
			// They are as many as the rule takes at a time, whatever a client may.
			bypassLimits: true,
		});
		const claimed = new Set(keys);
		for (const { key, entry } of items) {
			if (entry && claimed.has(key)) await append(transaction, entry.stream, entry.fields);
		}
	});
	if (held.length > 0) thePlane().committed(held);
}

async function write(effects: Lasting[], caller: Caller, host: Host): Promise<void> {
	for (const effect of effects) {
		if (effect.op === 'review.ask') await askForReview(effect, caller, host);
		else if (effect.op === 'items.create') await itemsOf(effect.collection, caller, host).createMany(effect.items);
		else await append(caller.database, effect.stream, effect.fields);
	}
}
