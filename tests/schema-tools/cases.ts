// The cases of the table, each as a way to bring a tool into it and a rule that names what came of it.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, Mark, Outcome, Step } from './bench.ts';
import { LONG } from './states.ts';

export interface Case {
	id: number;
	title: string;
	run(bench: Bench): Promise<Outcome[]>;
}

const changed = (step: Step, pattern: RegExp) => step.changes.some(({ fact, was }) => was !== null && pattern.test(fact));
const appeared = (step: Step, pattern: RegExp) => step.changes.some(({ fact, is }) => is !== null && pattern.test(fact));
const left = (step: Step, pattern: RegExp) => step.changes.some(({ fact, is }) => is === null && pattern.test(fact));
const exit = (step: Step) => (step.exit === null ? 'no end (killed)' : `exit ${step.exit}`);
const WORDS = [/^\s*(IN|FOR|REC)[A-Z]+(_[A-Z]+)+: |message: /, /ERROR|Error: |✖|^error:/];
const errors = (step: Step) => step.said.filter((line) => line.startsWith('ERROR ')).map((line) => line.slice(6));
/** The lines that say what was wrong. */
function last(step: Step): string {
	if (errors(step).length) return [...new Set(errors(step))].join(' ');
	const line = WORDS.map((word) => step.said.find((line) => word.test(line))).find(Boolean) ?? step.said.at(-1) ?? '';
	return line.replace(/^\s*message: ['"](.*)['"],?$/, '$1');
}
const brief = (text: string, length = 180) => {
	const line = text.replace(/[|`]/g, "'").replace(/\s+/g, ' ').trim();
	return line.length > length ? `${line.slice(0, length)}…` : line;
};

function cell(step: Step): string {
	const words = step.exit === 0 && !errors(step).length ? '' : ` (“${brief(last(step))}”)`;
	return `${exit(step)}: ${step.tells}${words}`;
}

/** `keep` must survive, `want` should come about. */
function judge(step: Step, keep: RegExp, want?: (step: Step) => boolean): Mark {
	if (changed(step, keep)) return 'lost';
	if (want?.(step)) return step.exit === 0 ? 'done' : 'failed';
	if (step.exit !== 0) return 'refused';
	return want ? 'ignored' : 'kept';
}

function outcome(part: string, steps: Step[], mark: Mark, text = steps.map(cell).join('; then ')): Outcome {
	return { part, mark, cell: text, steps };
}

/** A value of a row in `alerts`; where it is found after the deletion, there is a backup. */
const ROW = /low battery/;

function holds(folder: string, text: RegExp): boolean {
	const names = readdirSync(folder, { withFileTypes: true }).filter((one) => one.name !== 'node_modules' && one.name !== 'extensions');
	return names.some((one) => {
		const path = join(folder, one.name);
		return one.isDirectory() ? holds(path, text) : one.isFile() && text.test(readFileSync(path, 'utf8'));
	});
}

/**
 * Whether what went is still somewhere, in the tool's folder or in a dump less what Directus's own
 * log of requests may hold by chance; and if the tool can bring it back, what then changes.
 */
async function backup(bench: Bench, database: string, home: string, steps: Step[], values: RegExp[]): Promise<string> {
	const dump = bench.postgres.dump(database);
	if (!values.every((value) => value.test(dump) || holds(home, value))) return '; no backup';
	if (!bench.tool.restore) return '; what went is kept elsewhere';
	const { command, run } = bench.tool.restore;
	const step = await bench.step(command, database, () => run(database, home));
	steps.push(step);
	return `; what went is kept: \`${command}\`, ${cell(step)}`;
}

const ANY = /^(table|column|value) /;

async function staleOver(bench: Bench, state: 'wip' | 'wipField' | 'wipMeta', keep: RegExp): Promise<Outcome[]> {
	const step = await bench.apply(await bench.database(state), await bench.files('base'));
	return [outcome('', [step], judge(step, keep))];
}

async function edited(bench: Bench, part: string, edit: (snapshot: any) => void): Promise<Outcome> {
	const home = await bench.files('base');
	const snapshot = bench.tool.load(home);
	edit(snapshot);
	bench.tool.save(home, snapshot);
	const step = await bench.apply(await bench.database('base'), home);
	return outcome(part, [step], judge(step, ANY));
}

const RACES = 5;
const PLACES = `CREATE TABLE places (id serial PRIMARY KEY, name varchar(255)); INSERT INTO places (name) VALUES ('launch'), ('goal')`;

export const CASES: Case[] = [
	{
		id: 1,
		title: 'The incident: five uncommitted collections with rows, a stale snapshot, three restarts',
		async run(bench) {
			const results: Outcome[] = [];
			// What is imported at boot depends on which files the database had before.
			const ways = bench.tool.boot
				? ([['apply', 'base', 'apply'], ['boot', 'base', 'boot, the files that it had'], ['boot', 'withPlaces', 'boot, newer files of another branch']] as const)
				: ([['apply', 'base', '']] as const);
			for (const [how, state, part] of ways) {
				const [database, home] = [await bench.database('wip'), await bench.files(state)];
				const steps = [];
				for (let time = 0; time < 3; time++) steps.push(await bench[how](database, home));
				const lost = steps.find((step) => changed(step, /^table wip/));
				const exits = steps.map(({ exit }) => exit ?? '–').join(', ');
				const text = `exits ${exits}: ${(lost ?? steps[0]!).tells}`;
				const refused = steps.every((step) => step.exit !== 0);
				results.push(outcome(part, steps, lost ? 'lost' : refused ? 'refused' : 'kept', text));
			}
			return results;
		},
	},
	{ id: 2, title: 'An uncommitted field on a committed collection, stale snapshot', run: (bench) => staleOver(bench, 'wipField', /devices\.(\d+\.)?wip/) },
	{ id: 3, title: 'An uncommitted edit of a field’s meta, snapshot unchanged', run: (bench) => staleOver(bench, 'wipMeta', /^note devices/) },
	{
		id: 4,
		title: 'A meant deletion of a collection with rows',
		async run(bench) {
			const results: Outcome[] = [];
			if (bench.tool.ask) {
				const database = await bench.database('base');
				const home = await bench.files('withoutAlerts');
				const asked = await bench.step('the same without the argument that consents, no terminal', database, () => bench.tool.ask!(database, home));
				const mark = left(asked, /^table alerts/) ? 'done' : asked.exit === null ? 'failed' : asked.exit !== 0 ? 'refused' : 'ignored';
				results.push(outcome('without consent, no terminal', [asked], mark));
			}
			const database = await bench.database('base');
			const home = await bench.files('withoutAlerts');
			const step = bench.tool.consent
				? await bench.step('the same with the argument that consents', database, () => bench.tool.consent!(database, home))
				: await bench.apply(database, home);
			const done = left(step, /^table alerts/);
			const steps = [step];
			const saved = done ? await backup(bench, database, home, steps, [ROW]) : '';
			results.push(outcome(bench.tool.ask ? 'with consent' : '', steps, done ? 'done' : step.exit !== 0 ? 'refused' : 'ignored', cell(step) + saved));
			return results;
		},
	},
	{
		id: 5,
		title: 'A conflict: one field changed in the database and, otherwise, in the snapshot',
		async run(bench) {
			const step = await bench.apply(await bench.database('wipMeta'), await bench.files('gitMeta'));
			return [outcome('', [step], judge(step, /^note devices/))];
		},
	},
	{
		id: 6,
		title: 'A field renamed (name → label)',
		async run(bench) {
			const results: Outcome[] = [];
			for (const said of bench.tool.rename ? [false, true] : [false]) {
				const [database, home] = [await bench.database('base'), await bench.files('renamed')];
				if (said) await bench.tool.rename!(home, 'devices.name', 'devices.label');
				const step = await bench.apply(database, home);
				const label = step.changes.find(({ fact }) => fact === 'value devices.1.label')?.is;
				const moved = label === 'one';
				const steps = [step];
				const gone = !moved && left(step, /^column devices\.name$/);
				const saved = gone ? await backup(bench, database, home, steps, [/(^|\t)"?one"?(\t|$)/m]) : '';
				const told = moved ? `${exit(step)}: devices.name is devices.label` : cell(step);
				const text = `${told}${label === undefined ? '' : `; label of row 1: ${label}`}${saved}`;
				const mark = judge(step, moved ? /^value trips/ : /^column devices\.name$/, (step) => appeared(step, /^column devices\.label/));
				results.push(outcome(!bench.tool.rename ? '' : said ? 'said to be a rename' : 'not said to be one', steps, mark, text));
			}
			return results;
		},
	},
	{
		id: 7,
		title: 'Narrowed types (text → string(255), decimal → integer) over values that don’t fit',
		async run(bench) {
			const [database, home] = [await bench.database('base'), await bench.files('narrowed')];
			const step = await bench.apply(database, home);
			const steps = [step];
			const mark = judge(step, /^value devices/, (step) => appeared(step, /^column devices/));
			// A backup that is brought back meets what was written in the meantime.
			if (bench.tool.restore && mark === 'lost') await bench.edit(database, (server) => server.rest('PATCH', '/items/devices/2', { note: 'written since' }));
			const saved = mark === 'lost' ? await backup(bench, database, home, steps, [new RegExp(LONG), /12\.34567/]) : '';
			return [outcome('', steps, mark, cell(step) + saved)];
		},
	},
	{
		id: 8,
		title: 'A key that the snapshot lacks',
		async run(bench) {
			const devices = (snapshot: any) => snapshot.collections.find((one: any) => one.collection === 'devices').meta;
			return [
				await edited(bench, 'meta.versioning', (snapshot) => delete devices(snapshot).versioning),
				await edited(bench, 'translations[0].plural', (snapshot) => delete devices(snapshot).translations[0].plural),
			];
		},
	},
	{ id: 9, title: 'An empty `collections` list', run: async (bench) => [await edited(bench, '', (snapshot) => (snapshot.collections = []))] },
	{
		id: 10,
		title: 'A truncated file',
		async run(bench) {
			const results = [];
			for (const { part, cut } of bench.tool.cuts) {
				const home = await bench.files('base');
				cut(home);
				const step = await bench.apply(await bench.database('base'), home);
				results.push(outcome(part, [step], judge(step, ANY)));
			}
			return results;
		},
	},
	{
		id: 11,
		title: 'An untracked table that the snapshot lists',
		async run(bench) {
			const step = await bench.apply(await bench.database('base', PLACES), await bench.files('withPlaces'));
			return [outcome('', [step], judge(step, /^(table|column) places/, (step) => appeared(step, /^collection places/)))];
		},
	},
	{
		id: 12,
		title: 'An index made by SQL on a tracked field, and a snapshot with a new collection',
		async run(bench) {
			const results = [];
			for (const [part, sql] of [
				['unique index', 'CREATE UNIQUE INDEX by_hand ON devices (imei)'],
				['unique constraint', 'ALTER TABLE devices ADD CONSTRAINT by_hand UNIQUE (imei)'],
				['plain index', 'CREATE INDEX by_hand ON trips (title)'],
			] as const) {
				const step = await bench.apply(await bench.database('base', sql), await bench.files('withPlaces'));
				results.push(outcome(part, [step], judge(step, /^index by_hand/, (step) => appeared(step, /^table places/))));
			}
			return results;
		},
	},
	{
		id: 13,
		title: 'Two replicas apply five new collections at once (five races)',
		async run(bench) {
			const results = [];
			for (const how of bench.tool.boot ? (['apply', 'boot'] as const) : (['apply'] as const)) {
				const races: [Step, Step][] = [];
				for (let race = 0; race < RACES; race++) {
					const homes = [await bench.files('wip'), await bench.files('wip')] as [string, string];
					races.push(await bench.twice(await bench.database('base'), homes, how));
				}
				const whole = races.filter(([one]) => [0, 1, 2, 3, 4].every((number) => appeared(one, new RegExp(`^column wip${number}.title`)) && appeared(one, new RegExp(`^collection wip${number}`))));
				const exits = races.map((race) => race.map(({ exit }) => exit ?? '–').sort().join('/')).join(', ');
				const failed = races.flat().find((step) => step.exit !== 0);
				const words = failed ? ` (“${brief(last(failed))}”)` : '';
				const half = races.find((race) => !whole.includes(race));
				const text = `exits ${exits}${words}; ${whole.length} of ${RACES} end whole${half ? `; one that doesn’t: ${half[0].tells}` : ''}`;
				results.push(outcome(bench.tool.boot ? how : '', races.flat(), half ? 'failed' : 'done', text));
			}
			return results;
		},
	},
	{
		id: 14,
		title: 'The same files applied twice',
		async run(bench) {
			const [database, home] = [await bench.database('base'), await bench.files('withPlaces')];
			const first = await bench.apply(database, home);
			const dump = () => bench.postgres.dump(database).split('\n').filter((line) => !/^\\(un)?restrict/.test(line));
			const before = dump();
			const second = await bench.apply(database, home);
			const known = new Set(before);
			const fresh = dump().filter((line) => !known.has(line));
			const same = fresh.length === 0;
			const audit = fresh.every((line) => /directus_(activity|revisions)_id_seq/.test(line));
			const wrote = same ? 'nothing written' : audit ? 'writes only to the activity log' : `${fresh.length} lines of a dump differ`;
			const text = `first ${cell(first)}; second ${exit(second)}: ${wrote}`;
			second.said.push(...fresh.slice(0, 5).map((line) => `differs: ${line.slice(0, 200)}`));
			return [outcome('', [first, second], first.exit === 0 && second.exit === 0 && second.changes.length === 0 ? 'done' : 'failed', text)];
		},
	},
	{
		id: 15,
		title: 'A meant deletion of a collection that uncommitted work points to',
		async run(bench) {
			const [database, home] = [await bench.database('wipPointer'), await bench.files('withoutAlerts')];
			const first = await bench.apply(database, home);
			const second = await bench.apply(database, home);
			const mark = judge(first, /reviews/, (step) => left(step, /^table alerts/));
			const steps = [first, second];
			let text = `${cell(first)}; then ${cell(second)}`;
			if (left(first, /^table alerts/)) {
				text += await backup(bench, database, home, steps, [ROW]);
			} else {
				await bench.edit(database, (server) => server.rest('DELETE', '/collections/reviews'));
				const third = await bench.apply(database, home);
				steps.push(third);
				text += `; once the work is deleted by hand, ${cell(third)}`;
			}
			return [outcome('', steps, mark, text)];
		},
	},
	{
		id: 16,
		title: 'Roles, policies, permissions and flows edited in the admin UI, then files applied',
		async run(bench) {
			const step = await bench.apply(await bench.database('wipConfig'), await bench.files('base'));
			return [outcome('', [step], judge(step, /^(role|policy|flow|permission) /))];
		},
	},
	{
		id: 17,
		title: 'The image rolled back (older snapshot) and forward again',
		async run(bench) {
			const results = [];
			for (const how of bench.tool.boot ? (['apply', 'boot'] as const) : (['apply'] as const)) {
				const [older, newer] = [await bench.files('base'), await bench.files('withPlaces')];
				const database = await bench.database('base');
				const forth = await bench[how](database, newer);
				await bench.postgres.sql(database, `INSERT INTO places (name) VALUES ('launch'), ('goal')`).catch(() => undefined);
				const back = await bench[how](database, older);
				const again = await bench[how](database, newer);
				const mark = !appeared(forth, /^table places/) ? 'failed' : changed(back, /^table places/) ? 'lost' : 'kept';
				results.push(outcome(bench.tool.boot ? how : '', [forth, back, again], mark, `back ${cell(back)}; forward ${cell(again)}`));
			}
			return results;
		},
	},
	{
		id: 18,
		title: 'Directus not installed; database away',
		async run(bench) {
			const home = await bench.files('base');
			const empty = await bench.apply(await bench.database('empty'), home, { empty: true });
			const away = await bench.apply(await bench.database('base'), home, { away: true });
			const mark = (step: Step): Mark => (step.exit === 0 ? 'ignored' : 'refused');
			return [
				outcome('not installed', [empty], mark(empty), `${exit(empty)} (“${brief(last(empty))}”)`),
				outcome('away', [away], mark(away), `${exit(away)} (“${brief(last(away))}”)`),
			];
		},
	},
];
