import type { AxiosInstance } from 'axios';
import { shallowRef, watch, type Ref } from 'vue';

import { keyOf, type Choice } from '../shared/app/choice.ts';
import type { Geofence } from '../shared/app/race-types.ts';

/** More would be no help to the eye. */
const MOST = 500;
const FIELDS = ['id', 'name', 'kind', 'geometry', 'radius_m', 'color'];

/** The key of what a relation holds: as it was read, as it was chosen, or just its key. */
export const keyOfRelation = (value: unknown): string | null =>
	typeof value === 'object' && value !== null ? ((value as { id?: string }).id ?? keyOf(value as Choice)) : keyOf(value as Choice);

/** The other geofences of an organization that the user may see; none where that can't be read: they are for orientation only. */
export function useNeighbours(api: AxiosInstance, organization: Ref<string | null>, self: Ref<string | null>): Ref<Geofence[]> {
	const found = shallowRef<Geofence[]>([]);
	watch(
		[organization, self],
		async ([asked, own]) => {
			if (!asked) {
				found.value = [];
				return;
			}
			const filter = { _and: [{ organization: { _eq: asked } }, { status: { _neq: 'inactive' } }, ...(own ? [{ id: { _neq: own } }] : [])] };
			const params = { filter: JSON.stringify(filter), fields: FIELDS, limit: MOST };
			const answer = await api.get('/items/geofences', { params }).catch(() => null);
			if (asked === organization.value) found.value = answer?.data.data ?? [];
		},
		{ immediate: true },
	);
	return found;
}
