import { computed, ref, shallowRef, watch, type Ref } from 'vue';

import { kindOf } from './catalogue.ts';
import type { Device, EventName, Standing } from './fleet.ts';

/** Which devices are shown to choose from; an empty choice takes all. */
export interface Filters {
	search: string | null;
	organization: string | null;
	event: string | null;
	kind: string | null;
	connection: 'connected' | 'away' | null;
}

export interface Source {
	devices: Ref<Device[]>;
	events: Ref<EventName[]>;
	standings: Ref<Map<string, Standing>>;
	/** The numbers of an event's devices. */
	numbersOf(event: string): Promise<Map<string, string>>;
	firstEvent: string | null;
}

/** The devices that are shown, by what was asked for. */
export function usePicking({ devices, events, standings, numbersOf, firstEvent }: Source) {
	const filters = ref<Filters>({ search: null, organization: null, event: firstEvent, kind: null, connection: null });
	/** The numbers in the chosen event; `null` without one, and until they are read. */
	const numbers = shallowRef<Map<string, string> | null>(null);
	const failure = shallowRef<unknown>(null);

	watch(
		() => filters.value.event,
		async (event) => {
			numbers.value = null;
			failure.value = null;
			if (!event) return;
			try {
				const read = await numbersOf(event);
				if (filters.value.event === event) numbers.value = read;
			} catch (error) {
				if (filters.value.event === event) failure.value = error;
			}
		},
		{ immediate: true },
	);

	const shown = computed(() => {
		const { search, organization, event, kind, connection } = filters.value;
		const sought = search?.trim().toLowerCase() ?? '';
		return devices.value.filter((device) => {
			if (organization && device.organization.id !== organization) return false;
			if (event && !numbers.value?.has(device.id)) return false;
			if (kind && kindOf(device) !== kind) return false;
			if (connection && (standings.value.get(device.id)?.connected ?? false) !== (connection === 'connected')) return false;
			const words = [device.name, device.imei, numbers.value?.get(device.id) ?? ''];
			return sought === '' || words.some((word) => word.toLowerCase().includes(sought));
		});
	});

	const organizations = computed(() => {
		const found = new Map(devices.value.map(({ organization }) => [organization.id, organization.name]));
		return [...found].map(([value, text]) => ({ value, text })).sort((a, b) => a.text.localeCompare(b.text));
	});
	const kinds = computed(() => {
		const counts = new Map<string, number>();
		for (const device of devices.value) counts.set(kindOf(device), (counts.get(kindOf(device)) ?? 0) + 1);
		return [...counts].sort().map(([value, count]) => ({ value, text: `${value} (${count})` }));
	});
	const eventChoices = computed(() => events.value.map(({ id, name }) => ({ value: id, text: name })));
	return { filters, numbers, failure, shown, organizations, kinds, eventChoices };
}
