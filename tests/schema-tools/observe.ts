// What a database holds, as a flat map of facts, so that two moments can be compared.
import type { Postgres } from './postgres.ts';

export type Facts = Record<string, string>;

export interface Change {
	fact: string;
	was: string | null;
	is: string | null;
}

const COLUMNS = `
	SELECT table_name AS t, column_name AS c, data_type || coalesce('(' || character_maximum_length || ')', '') AS type
	FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'directus\\_%'`;
const INDEXES = `
	SELECT i.relname AS name, pg_get_indexdef(i.oid) AS definition
	FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
	JOIN pg_namespace n ON n.oid = t.relnamespace
	WHERE n.nspname = 'public' AND t.relname NOT LIKE 'directus\\_%' AND NOT x.indisprimary`;
const FOREIGN = `
	SELECT conrelid::regclass || ': ' || pg_get_constraintdef(oid) AS definition FROM pg_constraint
	WHERE contype = 'f' AND conrelid::regclass::text NOT LIKE 'directus\\_%'`;
const NAMED = (table: string) => `SELECT name, coalesce(description, '') AS description FROM ${table} WHERE name NOT LIKE '$t:%'`;
const PERMISSIONS = `
	SELECT p.name || ': ' || r.action || ' ' || r.collection AS name, coalesce(r.fields, '') AS fields
	FROM directus_permissions r JOIN directus_policies p ON p.id = r.policy`;

/** The rows whose values are looked at one by one; of all others, only how many there are. */
const VALUES = ['devices', 'trips', 'reviews'];

export async function observe(postgres: Postgres, database: string): Promise<Facts> {
	const facts: Facts = {};
	const sql = (text: string) => postgres.sql(database, text);
	const tables = new Set<string>();
	for (const { t, c, type } of await sql(COLUMNS)) {
		facts[`column ${t}.${c}`] = type;
		tables.add(t);
	}
	for (const table of tables) {
		const [{ count }] = (await sql(`SELECT count(*) FROM "${table}"`)) as [{ count: string }];
		facts[`table ${table}`] = `${count} rows`;
		if (!VALUES.includes(table)) continue;
		for (const row of await sql(`SELECT * FROM "${table}"`)) {
			for (const [name, value] of Object.entries(row)) facts[`value ${table}.${row.id}.${name}`] = short(value);
		}
	}
	for (const { name, definition } of await sql(INDEXES)) facts[`index ${name}`] = definition;
	for (const { definition } of await sql(FOREIGN)) facts[`foreign key ${definition}`] = 'yes';
	const [{ installed }] = (await sql(`SELECT to_regclass('public.directus_collections') IS NOT NULL AS installed`)) as any;
	if (!installed) return facts;
	for (const { collection } of await sql('SELECT collection FROM directus_collections')) facts[`collection ${collection}`] = 'yes';
	for (const { name, note } of await sql(`SELECT collection || '.' || field AS name, note FROM directus_fields WHERE note <> ''`)) {
		facts[`note ${name}`] = note;
	}
	for (const kind of ['role', 'policy', 'flow']) {
		const table = `directus_${kind === 'policy' ? 'policies' : `${kind}s`}`;
		for (const { name, description } of await sql(NAMED(table))) facts[`${kind} ${name}`] = description;
	}
	for (const { name, fields } of await sql(PERMISSIONS)) facts[`permission ${name}`] = fields;
	return facts;
}

function short(value: unknown): string {
	const text = value === null ? 'null' : String(value);
	return text.length > 40 ? `${text.length} characters` : text;
}

export function compare(before: Facts, after: Facts): Change[] {
	const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
	return names
		.map((fact) => ({ fact, was: before[fact] ?? null, is: after[fact] ?? null }))
		.filter(({ was, is }) => was !== is);
}

/** The changes in one line, without what follows from another (the columns of a dropped table). */
export function tell(changes: Change[]): string {
	const parts: string[] = [];
	const of = (kind: string, test: (change: Change) => boolean) =>
		changes.filter((change) => change.fact.startsWith(`${kind} `) && test(change)).map((change) => ({ ...change, name: change.fact.slice(kind.length + 1) }));
	const gone = (change: Change) => change.is === null;
	const made = (change: Change) => change.was === null;
	const other = (change: Change) => change.was !== null && change.is !== null;
	const dropped = of('table', gone);
	const created = of('table', made);
	if (dropped.length) {
		const rows = dropped.reduce((sum, { was }) => sum + Number.parseInt(was!), 0);
		parts.push(`drops ${span(dropped.map(({ name }) => name))} (${rows} rows)`);
	}
	if (created.length) parts.push(`creates ${span(created.map(({ name }) => name))}`);
	const whole = new Set([...dropped, ...created].map(({ name }) => name));
	const within = ({ name }: { name: string }) => whole.has(name.split(/[.:]/)[0]!);
	const lost = of('column', gone).filter((one) => !within(one));
	const added = of('column', made).filter((one) => !within(one));
	if (lost.length) parts.push(`drops ${lost.map(({ name }) => name).join(', ')}`);
	if (added.length) parts.push(`adds ${added.map(({ name }) => name).join(', ')}`);
	for (const { name, was, is } of of('column', other)) parts.push(`${name}: ${was} → ${is}`);
	const columns = new Set([...lost, ...added].map(({ name }) => name));
	for (const { name, was, is } of of('value', () => true)) {
		const [table, , column] = name.split('.');
		if (!whole.has(table!) && !columns.has(`${table}.${column}`)) parts.push(`${name}: ${was} → ${is}`);
	}
	for (const { name, was, is } of of('table', other)) parts.push(`${name}: ${was} → ${is}`);
	for (const { name } of of('index', gone)) parts.push(`drops index ${name}`);
	for (const { name } of of('index', made)) parts.push(`makes index ${name}`);
	for (const one of of('foreign key', gone)) if (!within(one)) parts.push(`drops foreign key ${one.name.split(' REFERENCES')[0]}`);
	for (const one of of('foreign key', made)) if (!within(one)) parts.push(`makes foreign key ${one.name.split(' REFERENCES')[0]}`);
	const untracked = of('collection', gone).filter((one) => !within(one));
	const tracked = of('collection', made).filter((one) => !within(one));
	if (untracked.length) parts.push(`untracks ${untracked.map(({ name }) => name).join(', ')}`);
	if (tracked.length) parts.push(`tracks ${tracked.map(({ name }) => name).join(', ')}`);
	for (const { name, was, is } of of('note', () => true)) {
		if (!within({ name }) && !columns.has(name)) parts.push(`note of ${name}: ${quote(was)} → ${quote(is)}`);
	}
	for (const kind of ['role', 'policy', 'flow', 'permission']) {
		const names = (test: (change: Change) => boolean) => of(kind, test).map(({ name }) => `“${name}”`).join(', ');
		if (names(gone)) parts.push(`deletes ${kind} ${names(gone)}`);
		if (names(made)) parts.push(`makes ${kind} ${names(made)}`);
		for (const { name, was, is } of of(kind, other)) parts.push(`${kind} “${name}”: ${quote(was)} → ${quote(is)}`);
	}
	return parts.join('; ') || 'nothing changed';
}

function quote(text: string | null): string {
	return text ? `“${text}”` : 'none';
}

/** `wip0`, `wip1`, `wip2` as `wip0…wip2`. */
function span(names: string[]): string {
	return names.length > 3 ? `${names[0]}…${names.at(-1)}` : names.join(', ');
}
