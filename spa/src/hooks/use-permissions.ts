import type { Directus } from '../directus/client.ts';
import { ask } from '../directus/client.ts';
import { useResource } from './use-resource.ts';

type Access = Record<string, Partial<Record<'create' | 'read' | 'update' | 'delete', { access: 'none' | 'partial' | 'full' }>>>;

/** Whether the user may do something with a collection; not before Directus has said so. */
export function useMay(directus: Directus): (action: 'create' | 'read', collection: string) => boolean {
	const { data } = useResource('permissions', async () => (await ask<{ data: Access }>(directus, '/permissions/me')).data);
	return (action, collection) => {
		const access = data?.[collection]?.[action]?.access;
		return access === 'partial' || access === 'full';
	};
}
