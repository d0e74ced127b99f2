import { nextTick, onMounted, onUnmounted, ref, shallowRef, watch, type Ref } from 'vue';

import { GroundMap } from '../shared/map/ground-map.ts';
import type { Hit } from './marks/mark-layer.ts';
import { LiveMap, type Scene } from './map.ts';
import type { Texts } from './texts.ts';

export interface MapHandlers {
	pick(hit: Hit): void;
	hover(hit: Hit | null, x: number, y: number): void;
	moved(): void;
}

/** A map in an element that shows a scene, from when both are there. */
export function useMap(element: Ref<HTMLElement | undefined>, scene: Ref<Scene | null>, opened: Ref<unknown>, texts: Ref<Texts>, handlers: MapHandlers) {
	const map = shallowRef<LiveMap>();
	const drawn = ref(false);
	const failure = ref<string | null>(null);
	/** Counts openings: a map that comes late is thrown away. */
	let opening = 0;

	function close(): void {
		opening++;
		map.value?.close();
		map.value = undefined;
	}

	async function open(): Promise<void> {
		close();
		failure.value = null;
		drawn.value = false;
		const current = opening;
		await nextTick();
		const begun = scene.value;
		if (!element.value || !begun || current !== opening) return;
		try {
			const opened = await LiveMap.open(element.value, begun, texts.value, {
				...handlers,
				drawn: () => (drawn.value = true),
				failed: (reason) => console.warn(`Live map: ${reason}`),
			});
			if (current !== opening) return opened.close();
			map.value = opened;
			// What changed while the map was being made.
			if (scene.value) opened.update(changes(begun, scene.value));
		} catch (error) {
			if (current !== opening) return;
			failure.value = (error as Error).message.includes('WebGL') ? texts.value.noWebGl : (error as Error).message;
		}
	}

	// Each reading has a map of its own; what changes later is handed on.
	watch(opened, () => void open(), { immediate: true });
	watch(scene, (now, before) => {
		if (now && before) map.value?.update(changes(before, now));
	});
	watch(texts, () => void open());
	onMounted(() => void GroundMap.prepare().catch(() => undefined));
	onUnmounted(close);

	return { map, drawn, failure };
}

function changes(before: Scene, now: Scene): Partial<Scene> {
	const keys = (Object.keys(now) as (keyof Scene)[]).filter((key) => now[key] !== before[key]);
	return Object.fromEntries(keys.map((key) => [key, now[key]]));
}
