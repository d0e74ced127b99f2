import type { AxiosInstance } from 'axios';
import { computed, type ComputedRef, ref, shallowRef, watch } from 'vue';

import { answersOf, search } from '../shared/app/answers.ts';
import { askRules, readAsker } from '../shared/app/ask-rules.ts';
import { browserRules } from '../shared/app/browser-rules.ts';
import { byNumber } from '../shared/app/format.ts';
import { reasonOf } from '../shared/refusals.ts';
import { type Device, devicesCalled } from './existing.ts';
import { instantOf } from './moments.ts';
import type { Place } from './existing.ts';

/** As the endpoint takes them: docs/openapi.json. */
export const MAX_DEVICES = 500;

/** A tracker to choose. */
export interface Choice {
	id: string;
	/** `7 Ana Novak`: who carries it; its own name in a list. */
	label: string;
	detail: string;
}

export interface Refusal {
	choice: Choice;
	sentence: string;
}

export type FlagStage =
	| { name: 'idle' }
	| { name: 'checking' }
	| { name: 'checked'; refusals: Refusal[] }
	| { name: 'writing' }
	| { name: 'written'; flags: number }
	| { name: 'failed'; reason: string };

interface EntryRow {
	number: string;
	name: string;
	device: Device | null;
}

/** Flags for the positions of many devices: who, when, what and why; checked by the rules as it is typed. */
export function useFlags(api: AxiosInstance, place: ComputedRef<Place | null>) {
	const source = ref<'entries' | 'list'>('entries');
	const choices = shallowRef<Choice[]>([]);
	const chosen = ref<string[]>([]);
	const pasted = ref('');
	/** What of a pasted list is no device, or that of several. */
	const unknown = ref<string[]>([]);
	const form = ref({ start: null as string | null, end: null as string | null, verdict: 'faulty', reason: '' });
	const reading = ref(false);
	const stage = shallowRef<FlagStage>({ name: 'idle' });
	let current = 0;

	const span = computed(() => {
		const [start, end] = [instantOf(form.value.start), instantOf(form.value.end)];
		return start === null || end === null ? null : { start, end };
	});
	const devices = computed(() => choices.value.filter(({ id }) => chosen.value.includes(id)));
	const complete = computed(() => devices.value.length > 0 && devices.value.length <= MAX_DEVICES && span.value !== null && !!form.value.reason);

	/** The devices of the event's entries, or those that were pasted. */
	async function list(): Promise<void> {
		const where = place.value;
		reading.value = true;
		try {
			const found = !where ? [] : source.value === 'entries' ? await entered(where) : await named(where);
			if (where !== place.value) return;
			choices.value = found;
			const there = new Set(found.map(({ id }) => id));
			chosen.value = source.value === 'list' ? [...there] : chosen.value.filter((id) => there.has(id));
		} catch (error) {
			choices.value = [];
			stage.value = { name: 'failed', reason: reasonOf(error) };
		} finally {
			reading.value = false;
		}
	}

	async function entered({ event }: Place): Promise<Choice[]> {
		if (!event) return [];
		const fields = ['number', 'name', 'device.id', 'device.name', 'device.imei'];
		const rows = await search<EntryRow>(api, 'entries', { filter: { event: { _eq: event } }, fields });
		const seen = new Set<string>();
		return rows.sort(byNumber).flatMap(({ number, name, device }) => {
			// One tracker may have been carried under two numbers.
			if (!device || seen.has(device.id)) return [];
			seen.add(device.id);
			return [{ id: device.id, label: `${number} ${name}`, detail: `${device.name} · ${device.imei}` }];
		});
	}

	async function named({ organization }: Place): Promise<Choice[]> {
		const cells = [...new Set(pasted.value.split(/[\n,;\t]/).map((cell) => cell.trim()).filter(Boolean))];
		const names = await devicesCalled(api, organization, cells);
		const meant = cells.map((cell) => ({ cell, called: names.called(cell) }));
		unknown.value = meant.flatMap(({ cell, called }) => (called.length === 1 ? [] : [cell]));
		const found = new Map(meant.flatMap(({ called }) => (called.length === 1 ? called.map((device) => [device.id, device] as const) : [])));
		return [...found.values()].map(({ id, name, imei }) => ({ id, label: name, detail: imei }));
	}

	const flagOf = (device: string) => ({
		device,
		verdict: form.value.verdict,
		starts_at: new Date(span.value!.start).toISOString(),
		ends_at: new Date(span.value!.end).toISOString(),
		reason: form.value.reason,
	});

	async function check(): Promise<void> {
		const mine = (current += 1);
		if (!complete.value || !place.value) return void (stage.value = { name: 'idle' });
		stage.value = { name: 'checking' };
		const { organization } = place.value;
		const asked = devices.value;
		try {
			const [engine, asker] = await Promise.all([browserRules(), readAsker(api)]);
			const intents = asked.map(({ id }) => ({
				event: 'items.create' as const, collection: 'position_flags', keys: [], item: { organization, ...flagOf(id) },
			}));
			const said = await askRules(engine, intents, {}, asker, answersOf(api));
			if (mine !== current) return;
			const refusals = asked.flatMap((choice, index) => (said[index] ?? []).map(({ message }) => ({ choice, sentence: message })));
			stage.value = { name: 'checked', refusals };
		} catch (error) {
			if (mine === current) stage.value = { name: 'failed', reason: reasonOf(error) };
		}
	}

	async function write(): Promise<void> {
		if (stage.value.name !== 'checked') return;
		current += 1;
		stage.value = { name: 'writing' };
		const { device: _, ...flag } = flagOf('');
		try {
			const { data } = await api.post('/biplane/positions/flags', { devices: devices.value.map(({ id }) => id), ...flag });
			stage.value = { name: 'written', flags: data.data.flags };
		} catch (error) {
			stage.value = { name: 'failed', reason: reasonOf(error) };
		}
	}

	watch([place, source], list, { immediate: true });
	watch([chosen, form], check, { deep: true });

	return { source, choices, chosen, pasted, unknown, form, reading, stage, span, devices, complete, list, check, write };
}
