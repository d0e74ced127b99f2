import type { AxiosInstance } from 'axios';
import { shallowRef, type ShallowRef } from 'vue';

type Action = 'create' | 'read' | 'update' | 'delete';
type Access = Record<string, Partial<Record<Action, { access: 'none' | 'partial' | 'full' }>>>;

/**
 * Whether to offer something to the user: the roles' word, and of an item's organization the membership's,
 * as in config/README.md. The API decides.
 */
export type May = (action: Action, collection: string, organization?: string | null) => boolean;

interface Rights {
	access: Access;
	/** The user's role by organization; none for an administrator, who needs no membership. */
	memberships: Map<string, string> | null;
}

let asked: Promise<Rights> | undefined;

async function readRights(api: AxiosInstance): Promise<Rights> {
	const read = async <T>(path: string, params?: object): Promise<T> => (await api.get(path, { params })).data.data;
	const [access, globals, members] = await Promise.all([
		read<Access>('/permissions/me'),
		read<{ admin_access: boolean }>('/policies/me/globals'),
		read<{ organization: string; role: string }[]>('/items/organization_members', {
			fields: ['organization', 'role'],
			filter: JSON.stringify({ user: { _eq: '$CURRENT_USER' } }),
			limit: -1,
		}).catch(() => []),
	]);
	return { access, memberships: globals.admin_access ? null : new Map(members.map(({ organization, role }) => [organization, role])) };
}

/** Nothing may be done before Directus has said so; asked once a page. */
export function useMay(api: AxiosInstance): Readonly<ShallowRef<May>> {
	const may = shallowRef<May>(() => false);
	asked ??= readRights(api);
	asked.then(
		({ access, memberships }) => {
			may.value = (action, collection, organization) => {
				if ((access[collection]?.[action]?.access ?? 'none') === 'none') return false;
				if (action === 'read' || !organization || !memberships) return true;
				return (memberships.get(organization) ?? 'viewer') !== 'viewer';
			};
		},
		() => (asked = undefined),
	);
	return may;
}
