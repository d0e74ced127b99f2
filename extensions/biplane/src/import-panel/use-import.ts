import type { AxiosInstance } from 'axios';
import { computed, type ComputedRef, ref, shallowRef, watch } from 'vue';

import { answersOf } from '../shared/app/answers.ts';
import { readAsker } from '../shared/app/ask-rules.ts';
import { browserRules } from '../shared/app/browser-rules.ts';
import { reasonOf } from '../shared/refusals.ts';
import { guess, KEY, type Kind, type Mapping } from './columns.ts';
import { Existing, type Place } from './existing.ts';
import { plan, type PlannedRow } from './plan.ts';
import type { Field } from './schema-checks.ts';
import { decode, MAX_BYTES, readSheet, type Refusal, type Sheet } from './sheet.ts';
import { write, type Written } from './write.ts';

/** How far a file is. */
export type Stage =
	| { name: 'source' }
	/** Something has to be chosen before it can be checked. */
	| { name: 'mapping' }
	| { name: 'checking'; rows: number }
	| { name: 'checked'; rows: PlannedRow[] }
	| { name: 'writing'; rows: PlannedRow[]; written: Written; startedAt: number }
	| { name: 'written'; rows: PlannedRow[]; written: Written; of: number }
	| { name: 'failed'; reason: string };

/** A file's way from what was dropped to what was written. */
export function useImport(api: AxiosInstance, kind: ComputedRef<Kind>, place: ComputedRef<Place | null>, fields: ComputedRef<Field[]>) {
	const sheet = shallowRef<Sheet | null>(null);
	const fileName = ref<string | null>(null);
	const refusal = ref<Refusal | null>(null);
	const mapping = ref<Mapping>({});
	const stage = shallowRef<Stage>({ name: 'source' });
	/** Of the check that counts; an older one that comes to its end says nothing. */
	let current = 0;

	const ready = computed(() => sheet.value !== null && place.value !== null && mapping.value[KEY[kind.value]] != null);

	/** Of a file its bytes, of what was pasted its text. */
	async function open(source: File | string): Promise<void> {
		clear();
		const size = typeof source === 'string' ? source.length : source.size;
		if (size > MAX_BYTES) return void (refusal.value = 'bytes');
		const named = typeof source === 'string' ? null : source.name;
		const { text, encoding } =
			typeof source === 'string' ? { text: source, encoding: 'utf-8' as const } : decode(new Uint8Array(await source.arrayBuffer()));
		const read = readSheet(text, encoding);
		if ('refusal' in read) return void (refusal.value = read.refusal);
		sheet.value = read;
		fileName.value = named;
		mapping.value = guess(kind.value, read.headings);
	}

	function clear(): void {
		current += 1;
		sheet.value = null;
		fileName.value = null;
		refusal.value = null;
		mapping.value = {};
		stage.value = { name: 'source' };
	}

	/** The check alone: what of a write is shown stays where it is. */
	async function judge(went: (rows: number) => boolean): Promise<PlannedRow[] | null> {
		const [engine, asker] = await Promise.all([browserRules(), readAsker(api)]);
		const where = { kind: kind.value, place: place.value!, sheet: sheet.value!, mapping: { ...mapping.value }, fields: fields.value };
		return plan({ ...where, engine, asker, existing: new Existing(api, where.kind, where.place), answer: answersOf(api), went });
	}

	async function check(): Promise<void> {
		const mine = (current += 1);
		if (!ready.value) return void (stage.value = { name: sheet.value ? 'mapping' : 'source' });
		stage.value = { name: 'checking', rows: 0 };
		try {
			const rows = await judge((done) => {
				if (mine !== current) return false;
				stage.value = { name: 'checking', rows: done };
				return true;
			});
			if (mine === current && rows) stage.value = { name: 'checked', rows };
		} catch (error) {
			if (mine === current) stage.value = { name: 'failed', reason: reasonOf(error) };
		}
	}

	/** Writes what was checked, and looks again at what is there then. */
	async function run(): Promise<void> {
		if (stage.value.name !== 'checked') return;
		const { rows } = stage.value;
		const mine = (current += 1);
		const startedAt = Date.now();
		const of = rows.filter(({ verdict }) => verdict === 'create' || verdict === 'update').length;
		stage.value = { name: 'writing', rows, startedAt, written: { created: 0, updated: 0, refused: [] } };
		const written = await write(api, kind.value, rows, (so_far) => {
			if (mine === current) stage.value = { name: 'writing', rows, startedAt, written: so_far };
		});
		// What was written is said even if it can't be looked at any more.
		const now = await judge(() => true).catch(() => null);
		if (mine === current) stage.value = { name: 'written', rows: now ?? rows, written, of };
	}

	watch(kind, () => (mapping.value = sheet.value ? guess(kind.value, sheet.value.headings) : {}));
	watch([sheet, kind, () => JSON.stringify(mapping.value), () => JSON.stringify(place.value)], check);

	return { sheet, fileName, refusal, mapping, stage, open, clear, check, run };
}
