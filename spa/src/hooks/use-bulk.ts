import { createItems } from '@directus/sdk';
import { useCallback, useState } from 'react';

import { ask, type Directus } from '../directus/client.ts';
import type { CatalogueCommand, Command } from '../directus/schema.ts';
import { useChanges } from './use-business.ts';
import { useResource, type Resource } from './use-resource.ts';
import { useSoon } from './use-soon.ts';

const FIELDS = ['id', 'device', 'status', 'result'] as const;

export type Told = Pick<Command, 'id' | 'device' | 'status' | 'result'>;

export interface Bulk {
	catalogue: Resource<CatalogueCommand[]>;
	/** What was given last, as it stands. */
	told: Told[];
	/** Why that can't be read. */
	error: unknown;
	send(name: string, parameters: Record<string, unknown>): Promise<void>;
}

/** One command to many devices in one request, and what comes of each. */
export function useBulk(directus: Directus, organization: string, devices: string[]): Bulk {
	const [given, setGiven] = useState<string[]>([]);
	const first = devices[0] ?? null;
	// What the first understands: a device that does not makes Directus refuse all of it, and say why.
	const catalogue = useResource(first, async () => (await ask<{ data: CatalogueCommand[] }>(directus, `/biplane/devices/${first}/commands`)).data);
	// Not by GET: hundreds of ids are too long for an address.
	const query = { filter: { id: { _in: given } }, fields: FIELDS, limit: -1 };
	const states = useResource(
		given.length > 0 ? given.join() : null,
		() => directus.request(() => ({ path: '/items/commands', method: 'SEARCH' as const, body: JSON.stringify({ query }) })) as Promise<Told[]>,
	);
	const soon = useSoon(states.reload, 250);
	useChanges('commands', { fields: ['id', 'status'], filter: { organization: { _eq: organization } }, limit: 1 }, soon);

	const send = useCallback(
		async (name: string, parameters: Record<string, unknown>) => {
			const rows = devices.map((device) => ({ organization, device, name, parameters }));
			const made = (await directus.request(createItems('commands', rows, { fields: ['id'], limit: -1 }))) as { id: string }[];
			setGiven(made.map(({ id }) => id));
		},
		[directus, organization, devices],
	);
	return { catalogue, told: states.data ?? [], error: states.error, send };
}
