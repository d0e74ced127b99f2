import type { AxiosInstance } from 'axios';
import { onMounted, onUnmounted, ref, shallowRef } from 'vue';

import { isForbidden, reasonOf } from '../shared/refusals.ts';
import type { DriftReport } from '../shared/schema.ts';

/** What was changed elsewhere shows after this long (ms); the endpoint compares no more often than that. */
const POLL_MS = 10_000;

export type View = { state: 'loading' } | { state: 'forbidden' } | { state: 'error' } | { state: 'ready'; report: DriftReport };

/** The drift as it is now, while somebody looks. */
export function useDrift(api: AxiosInstance) {
	const view = shallowRef<View>({ state: 'loading' });
	/** Why the last question had no answer. */
	const failure = ref<string | null>(null);
	const asking = ref(false);
	let timer: ReturnType<typeof setInterval> | undefined;

	async function load(params = {}): Promise<void> {
		if (asking.value) return;
		asking.value = true;
		try {
			const { data } = await api.get<{ data: DriftReport }>('/biplane/schema/drift', { params });
			view.value = { state: 'ready', report: data.data };
			failure.value = null;
		} catch (error) {
			if (isForbidden(error)) {
				view.value = { state: 'forbidden' };
			} else {
				failure.value = reasonOf(error);
				// What is known stays on show.
				if (view.value.state !== 'ready') view.value = { state: 'error' };
			}
		} finally {
			asking.value = false;
		}
	}

	const look = (): void => {
		if (document.visibilityState === 'visible' && view.value.state !== 'forbidden') void load();
	};

	onMounted(() => {
		void load();
		timer = setInterval(look, POLL_MS);
		window.addEventListener('focus', look);
		document.addEventListener('visibilitychange', look);
	});
	onUnmounted(() => {
		clearInterval(timer);
		window.removeEventListener('focus', look);
		document.removeEventListener('visibilitychange', look);
	});

	/** Asks for a comparison made now. */
	const refresh = (): Promise<void> => load({ refresh: true });
	return { view, failure, asking, load, refresh };
}
