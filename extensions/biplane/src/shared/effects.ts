import type { Caller, Host } from './host.ts';
import { itemsOf } from './items.ts';
import { append } from './outbox.ts';
import type { Effect } from './protocol.ts';

/**
 * Carries out what a rule decided, on the connection of the caller: with his transaction it stands or
 * falls. Where he has none it gets one, so that several effects happen together or not at all.
 */
export async function carryOut(effects: Effect[], caller: Caller, host: Host): Promise<void> {
	for (const effect of effects) {
		if (effect.op === 'log') host.logger[effect.level](`[biplane] ${effect.message}`);
	}
	const lasting = effects.filter((effect) => effect.op !== 'log');
	if (lasting.length === 0) return;
	if (caller.database.isTransaction) return write(lasting, caller, host);
	await caller.database.transaction((transaction) => write(lasting, { ...caller, database: transaction }, host));
}

async function write(effects: Exclude<Effect, { op: 'log' }>[], caller: Caller, host: Host): Promise<void> {
	for (const effect of effects) {
		if (effect.op === 'items.create') await itemsOf(effect.collection, caller, host).createMany(effect.items);
		else await append(caller.database, effect.stream, effect.fields);
	}
}
