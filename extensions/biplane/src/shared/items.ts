import type { Caller, Host } from './host.ts';

/** Directus's own service for a collection, as the caller has it. */
export const itemsOf = (collection: string, { database: knex, schema, accountability }: Caller, host: Host) =>
	new host.services.ItemsService(collection, { knex, schema, accountability });

/** What a caller writes into which items. */
export interface Change {
	collection: string;
	keys: unknown[];
	payload: Record<string, unknown>;
}

class Allowed extends Error {}

/**
 * Filters run before Directus looks whether the caller may write: what lasts, whatever becomes of the
 * request, must not be done for one who may not. Directus's own look at item, fields and values, without
 * the write behind it.
 */
export async function mustBeAllowed({ collection, keys, payload }: Change, caller: Caller, host: Host): Promise<void> {
	if (!caller.accountability) return;
	const preMutationError = new Allowed() as never;
	try {
		await itemsOf(collection, caller, host).updateMany([...keys] as string[], payload, { emitEvents: false, preMutationError });
	} catch (error) {
		if (error !== preMutationError) throw error;
	}
}
