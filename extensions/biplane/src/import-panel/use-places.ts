import { useStores } from '@directus/extensions-sdk';
import type { AxiosInstance } from 'axios';
import { computed, onMounted, type Ref, ref, shallowRef, watch } from 'vue';

import { useMay } from '../shared/app/rights.ts';
import { isForbidden, reasonOf } from '../shared/refusals.ts';
import type { Field } from './schema-checks.ts';

export interface Event {
	id: string;
	name: string;
	organization: string;
	status: string;
	timezone: string;
	starts_at: string | null;
	ends_at: string | null;
}

interface Organization {
	id: string;
	name: string;
}

type State = 'loading' | 'forbidden' | 'empty' | 'error' | 'ready';

/** Where the user may prepare something: his organizations and their events, and which are chosen. */
export function usePlaces(api: AxiosInstance, preferred: Ref<string | null>) {
	const may = useMay(api);
	const reason = ref('');
	const read = shallowRef<{ organizations: Organization[]; events: Event[] } | null>(null);
	const organization = ref<string | null>(null);
	const event = ref<string | null>(null);

	async function load(): Promise<void> {
		reason.value = '';
		try {
			const list = async <T>(collection: string, params: object): Promise<T[]> =>
				(await api.get(`/items/${collection}`, { params: { limit: -1, ...params } })).data.data;
			const [organizations, events] = await Promise.all([
				list<Organization>('organizations', { fields: ['id', 'name'], sort: ['name'] }),
				list<Event>('events', {
					fields: ['id', 'name', 'organization', 'status', 'timezone', 'starts_at', 'ends_at'],
					filter: JSON.stringify({ status: { _neq: 'archived' } }),
					sort: ['-starts_at', 'name'],
				}),
			]);
			read.value = { organizations, events };
		} catch (error) {
			reason.value = isForbidden(error) ? 'forbidden' : reasonOf(error);
		}
	}

	const organizations = computed(() =>
		(read.value?.organizations ?? []).filter(({ id }) => may.value('create', 'entries', id) || may.value('create', 'devices', id)),
	);
	const events = computed(() => (read.value?.events ?? []).filter((it) => it.organization === organization.value));
	/** Directus's word of the user's rights comes by another request. */
	const asked = computed(() => may.value('read', 'organizations'));

	const state = computed((): State => {
		if (reason.value === 'forbidden') return 'forbidden';
		if (reason.value) return 'error';
		if (!read.value || !asked.value) return 'loading';
		if (organizations.value.length > 0) return 'ready';
		return read.value.organizations.length > 0 ? 'forbidden' : 'empty';
	});

	watch(organizations, (list) => {
		const wanted = read.value?.events.find(({ id }) => id === preferred.value);
		if (list.some(({ id }) => id === organization.value)) return;
		organization.value = list.find(({ id }) => id === wanted?.organization)?.id ?? list[0]?.id ?? null;
	}, { immediate: true });

	watch(events, (list) => {
		if (list.some(({ id }) => id === event.value)) return;
		const running = list.find(({ status }) => status === 'scheduled' || status === 'running');
		event.value = (list.find(({ id }) => id === preferred.value) ?? running ?? list[0])?.id ?? null;
	}, { immediate: true });

	onMounted(load);
	return { may, state, reason, organizations, organization, events, event, load };
}

/** The fields of a collection as Directus's app has them. */
export function useFieldsOf(): (collection: string) => Field[] {
	const store = useStores()['useFieldsStore']();
	return (collection) => store.getFieldsForCollection(collection) as Field[];
}
