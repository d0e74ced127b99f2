import { ForbiddenError } from '@directus/errors';

import type { Caller, Host } from './host.ts';

/** Directus's own service for a collection, as the caller has it. */
export const itemsOf = (collection: string, { database: knex, schema, accountability }: Caller, host: Host) =>
	new host.services.ItemsService(collection, { knex, schema, accountability });

/**
 * Filters run before Directus looks whether the caller may write: what lasts, whatever becomes of the
 * request, must not be done for one who may not.
 */
export async function mustBeAllowedToUpdate(
	collection: string, keys: string[], { database: knex, schema, accountability }: Caller, host: Host,
): Promise<void> {
	if (!accountability) return;
	const permissions = new host.services.PermissionsService({ knex, schema, accountability });
	for (const key of new Set(keys)) {
		const { update } = await permissions.getItemPermissions(collection, key);
		if (!update.access) throw new ForbiddenError();
	}
}
