import type { AxiosInstance } from 'axios';
import { onMounted, onUnmounted, ref, shallowRef, watch } from 'vue';

import { isForbidden, reasonOf } from '../shared/refusals.ts';

/** How often the fleet is looked at, while somebody looks at the panel (ms). */
const POLL_MS = 10_000;

export interface Group {
	name: string;
	devices: number;
	connected: number;
}

interface Quantiles {
	devices: number;
	median_ms: number | null;
	p95_ms: number | null;
}

export interface Faults {
	from: string;
	fixes: number;
	faulty: number;
	share: number | null;
	worst: { device: string; name: string; fixes: number; faulty: number; share: number }[];
}

export interface Away {
	device: string;
	name: string;
	protocol: string;
	last_received_at: string | null;
	last_fix_at: string | null;
	for_ms: number | null;
}

/** As `GET /biplane/fleet/health` tells it (crates/rules/src/fleet.rs). */
export interface Health {
	devices: { all: number; connected: number; never: number };
	by_protocol: Group[];
	by_gateway: Group[];
	lag: Quantiles;
	age: Quantiles & { groups: { up_to_ms: number | null; devices: number }[] };
	faults: Faults;
	away: { all: number; devices: Away[] };
	battery: { known: number; low: number; worst: { device: string; name: string; percent: number }[] };
}

export interface Asked {
	organization: string | null;
	within: 'hour' | 'day';
}

export type View = { state: 'loading' } | { state: 'forbidden' } | { state: 'empty' } | { state: 'error' } | { state: 'ready'; health: Health; now: string };

/** The fleet's health as it is now, while somebody looks. */
export function useHealth(api: AxiosInstance, asked: () => Asked) {
	const view = shallowRef<View>({ state: 'loading' });
	/** Why the last question had no answer. */
	const failure = ref<string | null>(null);
	let timer: ReturnType<typeof setTimeout> | undefined;
	/** Only the answer to the last question counts. */
	let turn = 0;

	async function load(): Promise<void> {
		clearTimeout(timer);
		const mine = ++turn;
		const { organization, within } = asked();
		try {
			const params = { within, ...(organization !== null && { organization }) };
			const { data } = await api.get<{ data: Health; meta: { now: string } }>('/biplane/fleet/health', { params });
			if (mine !== turn) return;
			view.value = data.data.devices.all === 0 ? { state: 'empty' } : { state: 'ready', health: data.data, now: data.meta.now };
			failure.value = null;
		} catch (error) {
			if (mine !== turn) return;
			failure.value = reasonOf(error);
			if (isForbidden(error)) view.value = { state: 'forbidden' };
			// What is known stays on show.
			else if (view.value.state !== 'ready') view.value = { state: 'error' };
		}
		timer = setTimeout(look, POLL_MS);
	}

	/** A page that nobody sees asks nothing; it asks at once when it is seen again. */
	const look = (): void => {
		clearTimeout(timer);
		if (document.visibilityState === 'visible') void load();
	};

	onMounted(() => {
		void load();
		document.addEventListener('visibilitychange', look);
	});
	onUnmounted(() => {
		turn += 1;
		clearTimeout(timer);
		document.removeEventListener('visibilitychange', look);
	});
	watch(asked, (now, before) => {
		if (now.organization === before.organization && now.within === before.within) return;
		view.value = { state: 'loading' };
		void load();
	});

	function again(): void {
		view.value = { state: 'loading' };
		void load();
	}
	return { view, failure, again };
}
