import type { AxiosInstance } from 'axios';
import { computed, ref, shallowRef, watch, type Ref } from 'vue';

import { RaceReader } from '../shared/app/race.ts';
import type { Checkpoint } from '../shared/app/race-types.ts';
import { isForbidden, reasonOf } from '../shared/refusals.ts';
import { readFixes, type Fixes, type Range } from './fixes.ts';
import { ReviewApi, type Crossing, type Device, type Flag } from './review-api.ts';

export type View = { state: 'loading' | 'empty' | 'forbidden' | 'ready' } | { state: 'error'; reason: string };

/** What is known of a device's span. */
export interface Track {
	device: Device;
	span: Range;
	fixes: Fixes;
	flags: Flag[];
	crossings: Crossing[];
}

export interface Settings {
	event: string | null;
	device: string | null;
	hours: number;
}

/** What the panel shows: the devices to choose from, one of them, a span, and what is stored of it. */
export function useReview(axios: AxiosInstance, settings: Ref<Settings>) {
	const api = new ReviewApi(axios);
	const races = new RaceReader(axios);
	const view = shallowRef<View>({ state: 'loading' });
	const devices = shallowRef<Device[]>([]);
	const checkpoints = shallowRef<Checkpoint[]>([]);
	const chosen = ref<string | null>(null);
	const track = shallowRef<Track | null>(null);
	const reading = ref<{ count: number } | null>(null);
	const failure = ref<string | null>(null);
	const selection = shallowRef<Range | null>(null);
	const device = computed(() => devices.value.find(({ id }) => id === chosen.value) ?? null);
	let within: Partial<Range> = {};
	/** Of several readings the last one counts. */
	let ticket = 0;

	async function open(): Promise<void> {
		const mine = ++ticket;
		view.value = { state: 'loading' };
		track.value = null;
		const { event, device: first } = settings.value;
		try {
			[devices.value, checkpoints.value] = await Promise.all([api.devices(event), course(event)]);
			if (mine !== ticket) return;
			const preset = devices.value.find(({ id }) => id === first) ?? devices.value[0];
			view.value = { state: preset ? 'ready' : 'empty' };
			if (preset) await choose(preset.id);
		} catch (error) {
			if (mine === ticket) view.value = isForbidden(error) ? { state: 'forbidden' } : { state: 'error', reason: reasonOf(error) };
		}
	}

	/** An event's course, and when it begins and ends; a course that may not be seen is not drawn. */
	async function course(id: string | null): Promise<Checkpoint[]> {
		within = {};
		if (!id) return [];
		const event = await races.event(id);
		if (!event) return [];
		if (event.starts_at) within.from = Date.parse(event.starts_at);
		return (await races.race(event)).checkpoints.filter(({ geofence }) => geofence);
	}

	/** Shows a device, from some hours before its last fix on. */
	async function choose(id: string): Promise<void> {
		chosen.value = id;
		selection.value = null;
		track.value = null;
		failure.value = null;
		const mine = ++ticket;
		try {
			const last = (await api.lastFix(id)) ?? Date.now();
			if (mine !== ticket) return;
			const from = Math.max(last - settings.value.hours * 3_600_000, within.from ?? -Infinity);
			await read({ from: Math.min(from, last), to: last });
		} catch (error) {
			if (mine === ticket) failure.value = reasonOf(error);
		}
	}

	/** Reads a span of the chosen device. */
	async function read(span: Range): Promise<void> {
		if (!device.value) return;
		const mine = ++ticket;
		const of = device.value;
		reading.value = { count: 0 };
		failure.value = null;
		selection.value = null;
		try {
			const [fixes, flags, crossings] = await Promise.all([
				readFixes(axios, of.id, span, (count) => {
					if (mine === ticket) reading.value = { count };
				}),
				api.flags(of.id, span),
				api.crossings(of.id, span),
			]);
			if (mine === ticket) track.value = { device: of, span, fixes, flags, crossings };
		} catch (error) {
			if (mine === ticket) failure.value = reasonOf(error);
		} finally {
			if (mine === ticket) reading.value = null;
		}
	}

	/** What is stored may be otherwise now. */
	const again = (): Promise<void> => (track.value ? read(track.value.span) : Promise.resolve());

	watch(settings, (now, before) => {
		if (JSON.stringify(now) !== JSON.stringify(before)) void open();
	});
	void open();
	return { api, view, devices, device, checkpoints, track, reading, failure, selection, open, choose, read, again };
}
