import type { AxiosInstance } from 'axios';
import { onMounted, onUnmounted, ref, shallowRef, watch, type Ref } from 'vue';

import { isForbidden, reasonOf } from '../shared/refusals.ts';

/** The plane writes where devices are without telling Directus: it is asked (ms). */
const STATUS_MS = 10_000;

/** A tracker that commands may be given to. */
export interface Device {
	id: string;
	name: string;
	imei: string;
	protocol: string;
	model: string | null;
	organization: { id: string; name: string };
}

/** Where it was last, and whether a gateway holds its socket. */
export interface Standing {
	connected: boolean;
	lastFixAt: string | null;
	place: [lon: number, lat: number] | null;
}

export interface EventName {
	id: string;
	name: string;
	organization: string;
}

export type View =
	| { state: 'loading' }
	| { state: 'forbidden' }
	| { state: 'error'; reason: string }
	| { state: 'empty' }
	| { state: 'ready'; devices: Device[]; events: EventName[] };

/** The devices that the user may see. */
export function useFleet(api: AxiosInstance, organization: Ref<string | null>) {
	const view = shallowRef<View>({ state: 'loading' });
	const standings = shallowRef(new Map<string, Standing>());
	/** Why the last question where they are had no answer. */
	const failure = ref<string | null>(null);
	let asked = 0;
	let timer: ReturnType<typeof setInterval> | undefined;

	const within = (): object => (organization.value ? { organization: { _eq: organization.value } } : {});
	const list = async <T>(collection: string, query: object): Promise<T[]> =>
		(await api.request({ method: 'SEARCH', url: `/items/${collection}`, data: { query: { limit: -1, ...query } } })).data.data;

	async function readStandings(): Promise<void> {
		try {
			const fields = ['device', 'connected', 'lat', 'lon', 'last_fix_at'];
			const rows = await list<StatusRow>('device_status', { fields, filter: within() });
			standings.value = new Map(rows.map((row) => [row.device, standingOf(row)]));
			failure.value = null;
		} catch (error) {
			// That it may not be seen where devices are is no fault: there is no map to show then.
			failure.value = isForbidden(error) ? null : reasonOf(error);
		}
	}

	async function load(): Promise<void> {
		const question = ++asked;
		view.value = { state: 'loading' };
		try {
			const [devices, events] = await Promise.all([
				list<Device>('devices', {
					fields: ['id', 'name', 'imei', 'protocol', 'model', 'organization.id', 'organization.name'],
					filter: { _and: [{ status: { _neq: 'retired' } }, within()] },
					sort: ['name', 'imei'],
				}),
				list<EventName>('events', {
					fields: ['id', 'name', 'organization'],
					filter: { _and: [{ status: { _neq: 'archived' } }, within()] },
					sort: ['-starts_at'],
				}),
				readStandings(),
			]);
			if (question !== asked) return;
			view.value = devices.length > 0 ? { state: 'ready', devices, events } : { state: 'empty' };
		} catch (error) {
			if (question === asked) view.value = isForbidden(error) ? { state: 'forbidden' } : { state: 'error', reason: reasonOf(error) };
		}
	}

	/** The numbers under which an event's devices take part. */
	async function numbersOf(event: string): Promise<Map<string, string>> {
		const filter = { _and: [{ event: { _eq: event } }, { device: { _nnull: true } }] };
		const entries = await list<{ device: string; number: string }>('entries', { fields: ['device', 'number'], filter });
		return new Map(entries.map(({ device, number }) => [device, number]));
	}

	const look = (): void => {
		if (document.visibilityState === 'visible' && view.value.state === 'ready') void readStandings();
	};
	watch(organization, load);
	onMounted(() => {
		void load();
		timer = setInterval(look, STATUS_MS);
	});
	onUnmounted(() => clearInterval(timer));
	return { view, standings, failure, load, numbersOf };
}

interface StatusRow {
	device: string;
	connected: boolean | null;
	lat: number | null;
	lon: number | null;
	last_fix_at: string | null;
}

const standingOf = ({ connected, lat, lon, last_fix_at: lastFixAt }: StatusRow): Standing => ({
	connected: connected === true,
	lastFixAt,
	place: lat === null || lon === null ? null : [lon, lat],
});
