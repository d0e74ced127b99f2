import { computed, shallowRef, type Ref } from 'vue';

import { browserRules } from '../shared/app/browser-rules.ts';
import type { Engine } from '../shared/engine.ts';
import { verticesAt, type Shape } from './shape.ts';
import { judgeShape, measureShape, type Verdict } from './verdict.ts';

/** What the rules say of a shape, and what it measures, as it changes. */
export function useJudged(shape: Ref<Shape>) {
	const engine = shallowRef<Engine | null>(null);
	const failed = shallowRef(false);
	browserRules().then((rules) => (engine.value = rules), () => (failed.value = true));

	const verdict = computed((): Verdict => {
		if (!engine.value) return { state: failed.value ? 'unknown' : 'waiting' };
		try {
			return judgeShape(engine.value, shape.value);
		} catch (error) {
			// A crash costs one call; the API would not take this either.
			console.warn(`Geofence: ${(error as Error).message}`);
			return { state: 'unknown' };
		}
	});
	const measures = computed(() => (engine.value ? measureShape(engine.value, shape.value) : null));
	const fault = computed(() => {
		const { value } = verdict;
		return value.state === 'refused' && value.at ? { at: value.at, message: value.message } : null;
	});
	const faulty = computed(() => (fault.value ? verticesAt(shape.value, fault.value.at) : []));
	return { engine, verdict, measures, fault, faulty };
}
