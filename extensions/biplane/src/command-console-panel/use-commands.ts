import type { AxiosInstance } from 'axios';
import { computed, onMounted, onUnmounted, ref, shallowRef, watch, type Ref } from 'vue';

import { ItemChanges } from '../shared/app/item-changes.ts';
import { reasonOf } from '../shared/refusals.ts';
import { CommandOffice, isUnderWay, type Given, type Row } from './commands.ts';

/** Changes come in bursts: one reading serves those of so long (ms). */
const BURST_MS = 300;
/** What is under way is asked for this often (ms): without the socket, and with it. */
const POLL_MS = 2_000;
/** Of several Directus without a common Redis each tells only what was changed through itself. */
const CHECK_MS = 10_000;

/** A bulk action of this page, and what has come of it. */
export interface Action {
	label: string;
	ids: string[];
	commands: Given[];
}

/** Commands as they stand, told anew while somebody looks. */
export function useCommands(api: AxiosInstance, organization: Ref<string | null>, devices: Ref<string[]>) {
	const office = new CommandOffice(api);
	const latest = shallowRef<Given[] | null>(null);
	const waiting = shallowRef<Given[]>([]);
	const action = shallowRef<Action | null>(null);
	/** Why the last reading failed; what was read before stays. */
	const failure = ref<string | null>(null);
	/** Counts the readings: whoever shows more of a command reads it again. */
	const readings = ref(0);
	let reading: Promise<void> | undefined;
	let isStale = false;
	let readAtMs = 0;
	let burst: ReturnType<typeof setTimeout> | undefined;
	let timer: ReturnType<typeof setInterval> | undefined;
	let changes: ItemChanges | undefined;

	/** One at a time: where Directus is slow, a reading that the next one overtakes would never be seen. */
	function read(): Promise<void> {
		isStale = true;
		reading ??= (async () => {
			while (isStale) {
				isStale = false;
				await readOnce();
			}
			reading = undefined;
		})();
		return reading;
	}

	async function readOnce(): Promise<void> {
		clearTimeout(burst);
		burst = undefined;
		const ids = action.value?.ids ?? [];
		try {
			const [listed, waits, ours] = await Promise.all([
				office.latest(organization.value, devices.value),
				office.waiting(organization.value),
				ids.length > 0 ? office.these(ids) : [],
			]);
			latest.value = listed;
			waiting.value = waits;
			if (action.value?.ids === ids) action.value = { ...action.value, commands: ours };
			failure.value = null;
			readings.value++;
			readAtMs = performance.now();
		} catch (error) {
			failure.value = reasonOf(error);
		}
	}

	const soon = (): void => void (burst ??= setTimeout(() => void read(), BURST_MS));
	const underWay = computed(() => [...(latest.value ?? []), ...waiting.value, ...(action.value?.commands ?? [])].some(({ status }) => isUnderWay(status)));

	async function give(label: string, rows: Row[]): Promise<void> {
		const ids = await office.give(rows);
		action.value = { label, ids, commands: [] };
		await read();
	}

	async function approve(ids: string[]): Promise<void> {
		await office.approve(ids).finally(read);
	}

	/** One after the other: that one is on its way already must not keep the others. Gives what was refused. */
	async function cancel(ids: string[]): Promise<string[]> {
		const refused: string[] = [];
		for (const id of ids) await office.cancel(id).catch((error: unknown) => refused.push(reasonOf(error)));
		await read();
		return refused;
	}

	watch([organization, devices], soon);
	onMounted(() => {
		void read();
		changes = new ItemChanges(api, 'commands', soon);
		timer = setInterval(() => {
			const pause = changes?.live ? CHECK_MS : POLL_MS;
			if (!reading && underWay.value && document.visibilityState === 'visible' && performance.now() - readAtMs >= pause) void read();
		}, POLL_MS);
	});
	onUnmounted(() => {
		changes?.close();
		clearInterval(timer);
		clearTimeout(burst);
	});
	const history = (command: string) => office.history(command);
	return { latest, waiting, action, failure, readings, read, give, approve, cancel, history };
}
