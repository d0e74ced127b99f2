import { createItem, updateItem } from '@directus/sdk';
import { useCallback } from 'react';

import { ask, type Directus } from '../directus/client.ts';
import type { CatalogueCommand, Command } from '../directus/schema.ts';
import { useChanges } from './use-business.ts';
import { useResource, type Resource } from './use-resource.ts';

const FIELDS = ['id', 'organization', 'device', 'name', 'parameters', 'status', 'result', 'expires_at', 'date_created', 'user_created', 'transitions.to_status', 'transitions.occurred_at', 'transitions.attempt'];
const DEEP = { transitions: { _sort: ['occurred_at'], _limit: 50 } };
const SHOWN = 8;

export interface Commands {
	catalogue: Resource<CatalogueCommand[]>;
	sent: Resource<Command[]>;
	send(name: string, parameters: Record<string, unknown>): Promise<void>;
	/** Approves a command, or takes it back. */
	decide(command: string, status: 'pending' | 'cancelled'): Promise<void>;
}

/** What can be said to a device, what was said, and what became of it. */
export function useCommands(directus: Directus, organization: string, device: string): Commands {
	const catalogue = useResource(device, async () => (await ask<{ data: CatalogueCommand[] }>(directus, `/biplane/devices/${device}/commands`)).data);
	const filter = { device: { _eq: device } };
	const sent = useResource(
		device,
		() => directus.request(() => ({ path: '/items/commands', method: 'SEARCH' as const, body: JSON.stringify({ query: { filter, fields: FIELDS, deep: DEEP, sort: ['-date_created'], limit: SHOWN } }) })) as Promise<Command[]>,
	);
	const { reload } = sent;
	useChanges('commands', { fields: ['id', 'status'], filter, limit: 1 }, reload);

	const send = useCallback(
		async (name: string, parameters: Record<string, unknown>) => {
			await directus.request(createItem('commands', { organization, device, name, parameters }));
			reload();
		},
		[directus, organization, device, reload],
	);
	const decide = useCallback(
		async (command: string, status: 'pending' | 'cancelled') => {
			await directus.request(updateItem('commands', command, { status }));
			reload();
		},
		[directus, reload],
	);
	return { catalogue, sent, send, decide };
}
