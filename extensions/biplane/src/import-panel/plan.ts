import { type Answerer, askRules, type Asker, type Intent } from '../shared/app/ask-rules.ts';
import { matches, type Filter } from '../shared/app/filter.ts';
import type { Engine } from '../shared/engine.ts';
import type { Item, Presets } from '../shared/fields.ts';
import { KEY, type Kind, type Mapping, valuesOf } from './columns.ts';
import type { DeviceNames, Existing, Place, Stored } from './existing.ts';
import { choose, type Field, notUnique, type Said, schemaFaults } from './schema-checks.ts';
import type { Row, Sheet } from './sheet.ts';

/** Rows that are judged together: their questions are one request each. */
const BATCH = 500;

/** What a row says of a field, as people read it: of a device its name. */
export interface Change {
	field: string;
	from: string | null;
	to: string;
}

/** What a row would do. */
export interface PlannedRow {
	line: number;
	/** The value that names the item. */
	key: string;
	verdict: 'create' | 'update' | 'unchanged' | 'bad';
	/** What would be written: all of a new item, of another what changes. */
	item: Item;
	/** Of an item that is there. */
	id: string | null;
	changes: Change[];
	faults: Fault[];
}

/** Why a row can't be imported. */
export interface Fault {
	/** None: the row as a whole. */
	field: string | null;
	value: string;
	/** The API's own, unless `own` says which of the panel's. */
	sentence: string | null;
	own?: 'quotes' | 'cells' | 'ambiguous' | 'choice' | 'twice';
	/** The line that says the same before. */
	before?: number;
}

export interface Job {
	kind: Kind;
	sheet: Sheet;
	mapping: Mapping;
	place: Place;
	fields: Field[];
	asker: Asker;
	engine: Engine;
	existing: Existing;
	answer: Answerer;
	/** After each batch; false ends it. */
	went: (rows: number) => boolean;
}

/** What would become of every row, in their order. Nothing is written. Null when it was ended before. */
export async function plan(job: Job): Promise<PlannedRow[] | null> {
	const planned: PlannedRow[] = [];
	const earlier = new Earlier(job);
	const rows = job.sheet.rows;
	for (let from = 0; from < rows.length; from += BATCH) {
		planned.push(...(await planBatch(job, rows.slice(from, from + BATCH), earlier)));
		if (!job.went(planned.length)) return null;
	}
	return planned;
}

async function planBatch(job: Job, rows: Row[], earlier: Earlier): Promise<PlannedRow[]> {
	const { kind, mapping, existing } = job;
	const values = rows.map(({ cells }) => valuesOf(mapping, cells));
	const [stored, devices] = await Promise.all([
		existing.byKey(values.flatMap((row) => row[KEY[kind]] ?? [])),
		kind === 'entries' ? existing.devices(values.flatMap((row) => row['device'] ?? [])) : null,
	]);
	const planned = rows.map((row, index) => planRow(job, row, values[index] ?? {}, stored, devices));
	const intents = planned.map(
		({ id, item }): Intent => ({ event: id ? 'items.update' : 'items.create', collection: kind, keys: id ? [id] : [], item }),
	);
	for (const row of planned) earlier.add(row);
	const rejections = await askRules(job.engine, intents, presetsOf(job.fields), job.asker, async (questions) => {
		const answers = await job.answer(questions);
		return answers.map((found, place) => {
			const { need, intent } = questions[place]!;
			if (need.op !== 'items.find' || need.collection !== kind) return found;
			return [...(found as Item[]), ...earlier.found(planned[intent]!, need.filter as Filter)];
		});
	});
	planned.forEach((row, index) => {
		const value = (field: string) => (values[index]?.[field] ?? String(row.item[field] ?? ''));
		const say = ({ field, sentence }: { field: string | null; sentence: string }) => {
			// Of a cell that is not understood the panel has said why.
			if (!row.faults.some((fault) => fault.field === field)) {
				row.faults.push({ field, sentence, value: field === null ? '' : value(field), ...earlier.line(row, field) });
			}
		};
		for (const { field, message } of rejections[index] ?? []) say({ field: field ?? null, sentence: message });
		for (const said of schemaFaults(kind, row.item, job.fields, row.id === null)) say(said);
		for (const said of taken(job, row, stored, earlier)) say(said);
		const key = KEY[kind];
		// Of an item that is there the API would take the second row for the last word.
		if (row.id !== null && earlier.before(row) !== null) {
			row.faults.push({ field: key, value: row.key, sentence: null, own: 'twice', ...earlier.line(row, key) });
		}
		if (row.faults.length > 0) row.verdict = 'bad';
	});
	return planned;
}

/** What the database alone would say, and of a row of this file says later. */
function taken({ kind, place }: Job, row: PlannedRow, stored: Map<string, Stored>, earlier: Earlier): Said[] {
	if (kind !== 'devices' || row.key === '' || row.id !== null) return [];
	const other = stored.get(row.key);
	const elsewhere = other !== undefined && other.organization !== place.organization;
	return elsewhere || earlier.before(row) !== null ? [notUnique(kind, KEY[kind], row.key)] : [];
}

function planRow(job: Job, row: Row, values: Record<string, string>, stored: Map<string, Stored>, devices: DeviceNames | null): PlannedRow {
	const { kind, place, fields, sheet } = job;
	const key = values[KEY[kind]] ?? '';
	const faults: Fault[] = sheet.broken
		.filter((broken) => broken.row === row)
		.map(({ why }) => ({ field: null, value: '', sentence: null, own: why }));
	const item: Item = {};
	for (const [field, cell] of Object.entries(values)) {
		item[field] = cell;
		if (field === 'device' && devices) {
			const called = devices.called(cell);
			// What no device is called goes on as it is: the rule says so.
			if (called.length === 1) item[field] = called[0]?.id;
			else if (called.length > 1) faults.push({ field, value: cell, sentence: null, own: 'ambiguous' });
		} else {
			const chosen = field === 'protocol' ? cell : choose(fields.find((it) => it.field === field), cell);
			if (chosen === null) faults.push({ field, value: cell, sentence: null, own: 'choice' });
			else item[field] = chosen;
		}
	}
	const own = stored.get(key);
	const common = { line: row.line, key, faults };
	if (!own || own.organization !== place.organization) {
		const said = Object.entries(values).flatMap(([field, to]) => (field === KEY[kind] ? [] : [{ field, from: null, to }]));
		const where = { organization: place.organization, ...(place.event !== null && { event: place.event }) };
		return { ...common, verdict: 'create', item: { ...where, ...item }, id: null, changes: said };
	}
	const changed = Object.fromEntries(Object.entries(item).filter(([field, to]) => (own[field] ?? null) !== to));
	const changes = Object.keys(changed).map((field): Change => {
		const from = field === 'device' ? own.device_name : own[field];
		return { field, from: from == null ? null : String(from), to: values[field] ?? '' };
	});
	return { ...common, verdict: changes.length > 0 ? 'update' : 'unchanged', item: changed, id: own.id, changes };
}

const presetsOf = (fields: Field[]): Presets =>
	Object.fromEntries(fields.flatMap(({ field, schema }) => (schema ? [[field, { defaultValue: schema.default_value }]] : [])));

/**
 * The rows before a row: each is there when the next is written, all in one transaction. Without them a
 * number that a file has twice would pass.
 */
class Earlier {
	private readonly kind: Kind;
	private readonly rows = new Map<string, PlannedRow[]>();

	constructor({ kind }: Job) {
		this.kind = kind;
	}

	add(row: PlannedRow): void {
		const same = this.rows.get(row.key);
		if (same) same.push(row);
		else this.rows.set(row.key, [row]);
	}

	/** The line of the first row with the same key, if that is not this row itself. */
	before(row: PlannedRow): number | null {
		const first = this.rows.get(row.key)?.[0];
		return first && row.key !== '' && first !== row ? first.line : null;
	}

	line(row: PlannedRow, field: string | null): { before?: number } {
		const before = field === KEY[this.kind] ? this.before(row) : null;
		return before === null ? {} : { before };
	}

	/** New items of rows before that a question is about; they have the same key, or nothing in common. */
	found(row: PlannedRow, filter: Filter): Item[] {
		const same = this.rows.get(row.key) ?? [];
		return same.slice(0, same.indexOf(row)).filter(({ id, item }) => id === null && matches(item, filter)).map(({ item }) => item);
	}
}
