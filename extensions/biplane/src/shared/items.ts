import type { Caller, Host } from './host.ts';

/** Directus's own service for a collection, as the caller has it. */
export const itemsOf = (collection: string, { database: knex, schema, accountability }: Caller, host: Host) =>
	new host.services.ItemsService(collection, { knex, schema, accountability });
