import { computed, ref, watch, type Ref } from 'vue';

import type { Engine } from '../shared/engine.ts';
import { choicesOf, judge, kindsOf, parametersFrom, type Command, type Draft, type Kind } from './catalogue.ts';
import type { Row } from './commands.ts';
import type { Device } from './fleet.ts';

/** Seconds that a command may be told to wait by one click. */
export const WAITS = [300, 3_600, 86_400, 604_800 - 60];

/** A command that is being written, for these devices. */
export function useForm(rules: Engine, devices: Ref<Device[]>, mayGive: (organization: string) => boolean) {
	const name = ref<string | null>(null);
	const texts = ref<Record<string, string | null>>({});
	const expires = ref<string | null>(null);
	/** Fields that were left, so that nobody is told what is missing before he was there. */
	const left = ref(new Set<string>());

	const mine = computed(() => devices.value.filter(({ organization }) => mayGive(organization.id)));
	const kinds = computed(() => kindsOf(rules, mine.value));
	/** Devices that nothing can be said to, by why. */
	const silent = computed(() => {
		const foreign = new Map<string, Device[]>();
		for (const device of devices.value) {
			const { id, name: label } = device.organization;
			if (!mayGive(id)) foreign.set(label, [...(foreign.get(label) ?? []), device]);
		}
		return [
			...kinds.value.filter(({ commands }) => commands.length === 0).map(({ label, devices: theirs }) => ({ label, devices: theirs })),
			...[...foreign].map(([label, theirs]) => ({ label, devices: theirs })),
		];
	});
	const speaking = computed(() => kinds.value.filter(({ commands }) => commands.length > 0));
	const choices = computed(() => choicesOf(speaking.value));
	const command = computed<Command | null>(() => choices.value.common.find((one) => one.name === name.value) ?? null);

	const draft = computed<Draft | null>(() =>
		command.value && {
			name: command.value.name,
			parameters: parametersFrom(command.value.parameters, texts.value),
			expires_at: expires.value?.trim() || null,
		},
	);
	/** What the rule says for each kind of tracker: the first that refuses speaks. */
	const verdicts = computed(() => (draft.value ? speaking.value.map((kind) => ({ kind, verdict: judge(rules, draft.value!, kind.devices[0]!) })) : []));
	const faults = computed(() => verdicts.value.find(({ verdict }) => verdict.faults.length > 0)?.verdict.faults ?? []);
	const heard = computed(() => {
		const said = verdicts.value.flatMap(({ verdict }) => ('text' in verdict ? [verdict.text] : []));
		return [...new Set(said)];
	});

	/** Of parameters the rule names the field within its sentence. */
	const faultOf = (parameter: string): string | null => faults.value.find(({ message }) => message.startsWith(`parameters: ${parameter}: `))?.message ?? null;
	/** Shown once the field has something in it or was left. */
	const shownFaultOf = (parameter: string): string | null => (left.value.has(parameter) || texts.value[parameter] ? faultOf(parameter) : null);
	const expiryFault = computed(() => faults.value.find(({ field }) => field === 'expires_at')?.message ?? null);
	/** What belongs to no field of the form. */
	const otherFault = computed(() => {
		const named = (message: string): boolean => command.value?.parameters.some(({ name: one }) => message.startsWith(`parameters: ${one}: `)) ?? false;
		return faults.value.find(({ field, message }) => field !== 'expires_at' && !named(message))?.message ?? null;
	});

	const leave = (field: string): void => void (left.value = new Set([...left.value, field]));
	const leaveAll = (): void => void (left.value = new Set(command.value?.parameters.map((parameter) => parameter.name)));
	function clear(): void {
		texts.value = {};
		expires.value = null;
		left.value = new Set();
	}
	watch(name, clear);

	/** All devices that understand it. */
	const addressed = computed(() => speaking.value.flatMap(({ devices: theirs }: Kind) => theirs));
	const rows = (): Row[] =>
		addressed.value.map(({ id, organization }) => ({
			organization: organization.id,
			device: id,
			name: draft.value!.name,
			parameters: draft.value!.parameters,
			expires_at: draft.value!.expires_at,
		}));
	const isWhole = computed(() => draft.value !== null && faults.value.length === 0 && silent.value.length === 0);
	return { name, texts, expires, command, choices, silent, addressed, heard, shownFaultOf, expiryFault, otherFault, leave, leaveAll, clear, rows, isWhole };
}
