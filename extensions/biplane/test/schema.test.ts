import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import type { Drift } from '../src/shared/drift.ts';
import { watchSchema } from '../src/shared/hooks.ts';
import { DriftWatch, health, SCHEMA_EVENTS, type SchemaHost } from '../src/shared/schema.ts';
import { engine } from './module.ts';

const golden = new URL('../../../tests/golden/drift.json', import.meta.url);
const { snapshots, hashes } = JSON.parse(readFileSync(golden, 'utf8')) as { snapshots: Record<string, object>; hashes: Record<string, string> };

const folder = mkdtempSync(join(tmpdir(), 'biplane-drift-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'schema.yaml');
writeFileSync(file, JSON.stringify(snapshots.first));
writeFileSync(join(folder, 'lineage'), `${hashes.first}\n`);

interface World {
	running: string;
	base?: string;
	/** Thrown by the database when it is asked for the base. */
	baseError?: object;
	target?: string;
	/** What happens while Directus takes a snapshot. */
	meanwhile?: () => void;
}

/** A Directus whose schema and database are what `world` says at the time. */
function setUp(world: World) {
	const log: string[] = [];
	const done: string[] = [];
	const first = async () => {
		if (world.baseError) throw world.baseError;
		return world.base && { snapshot: JSON.stringify(snapshots[world.base]), hash: hashes[world.base] };
	};
	const write = (line: string) => log.push(line);
	const host = {
		services: {
			UtilsService: class {
				clearCache = async () => done.push('clear');
			},
			SchemaService: class {
				snapshot = async () => {
					done.push('snapshot');
					const taken = snapshots[world.running];
					world.meanwhile?.();
					await new Promise((resolve) => setImmediate(resolve));
					if (!taken) throw new Error('the database is away');
					return taken;
				};
			},
		},
		database: () => ({ withSchema: () => ({ orderBy: () => ({ first }) }) }),
		logger: { error: write, warn: write },
		env: { BIPLANE_SNAPSHOT: 'target' in world ? world.target : file },
	} as unknown as SchemaHost;
	return { watch: new DriftWatch(engine, host), host, log, done };
}

const names = (report: object) => (report as Drift).uncommitted.map(({ name }) => name);

test('what only the database has is uncommitted, with or without a base', async () => {
	for (const world of [{ base: 'first' }, {}, { baseError: { code: '42P01' } }]) {
		const report = await setUp({ running: 'worked on', ...world }).watch.report();
		assert.equal(report.status, 'uncommitted');
		assert.deepEqual(names(report), ['wip0', 'wip1', 'devices.colour']);
		assert.ok(Date.now() - Date.parse(report.checked_at) < 10_000);
	}
});

test('an instance without a snapshot file is compared with what was applied last', async () => {
	const { watch } = setUp({ running: 'worked on', base: 'first', target: undefined });
	assert.equal((await watch.report()).status, 'uncommitted');
});

test('with nothing to compare with, nobody knows', async () => {
	const { watch, done } = setUp({ running: 'first', target: undefined });
	const report = await watch.report();
	assert.equal(report.status, 'unknown');
	assert.match(report.sentence, /BIPLANE_SNAPSHOT/);
	assert.deepEqual(done, []);
});

test('all who ask at once get one comparison, and so do those who ask soon after', async () => {
	const { watch, done } = setUp({ running: 'first' });
	const [one, two] = await Promise.all([watch.report(), watch.report()]);
	assert.equal(one, two);
	assert.equal(await watch.report(), one);
	assert.deepEqual(done, ['clear', 'snapshot']);
});

test('after a change the next answer is a new one', async () => {
	const world: World = { running: 'first' };
	const { watch, done } = setUp(world);
	assert.equal((await watch.report()).status, 'clean');
	world.running = 'worked on';
	assert.equal((await watch.report()).status, 'clean');
	watch.changed();
	assert.equal((await watch.report()).status, 'uncommitted');
	assert.deepEqual(done, ['clear', 'snapshot', 'clear', 'snapshot']);
});

test('a change while a comparison runs is not lost, and no two run at once', async () => {
	const world: World = { running: 'first' };
	const { watch, done } = setUp(world);
	let after: ReturnType<typeof watch.report> | undefined;
	world.meanwhile = () => {
		world.meanwhile = undefined;
		world.running = 'worked on';
		watch.changed();
		after = watch.report();
	};
	assert.equal((await watch.report()).status, 'clean');
	assert.equal((await after)?.status, 'uncommitted');
	assert.deepEqual(done, ['clear', 'snapshot', 'clear', 'snapshot']);
});

test('what goes wrong is an answer and a line in the log, and is tried again after a change', async () => {
	const world: World = { running: 'no such schema' };
	const { watch, log } = setUp(world);
	const report = await watch.report();
	assert.equal(report.status, 'unknown');
	assert.match(report.sentence, /the database is away/);
	assert.match(log.join(), /the database is away/);
	world.running = 'first';
	watch.changed();
	assert.equal((await watch.report()).status, 'clean');
});

test('a base that may not be read is said once', async () => {
	const { watch, log } = setUp({ running: 'first', baseError: { code: '42501', message: 'permission denied' } });
	assert.equal((await watch.report()).status, 'clean');
	watch.changed();
	await watch.report();
	assert.deepEqual(log, ['[biplane] Which snapshot was applied last can\'t be read: permission denied']);
});

test('a snapshot that was cut off is named with its code', async () => {
	const cut = join(folder, 'cut.yaml');
	writeFileSync(cut, JSON.stringify(snapshots['cut off']));
	const report = await setUp({ running: 'first', target: cut }).watch.report();
	assert.equal(report.status, 'unknown');
	assert.equal('code' in report && report.code, 'SNAPSHOT_INCOMPLETE');
});

test('a missing snapshot file is an answer too', async () => {
	const report = await setUp({ running: 'first', target: join(folder, 'gone.yaml') }).watch.report();
	assert.equal(report.status, 'unknown');
	assert.match(report.sentence, /ENOENT/);
});

test('the public learns of the health only whether, an administrator why', async () => {
	const report = await setUp({ running: 'worked on' }).watch.report();
	assert.deepEqual(health(report, false), { status: 'warn' });
	const { schema } = health(report, true);
	assert.equal(schema?.status, 'uncommitted');
	assert.match(schema?.sentence ?? '', /^This instance has uncommitted schema changes: 2 collections, 1 field\./);
	assert.deepEqual(health(await setUp({ running: 'first' }).watch.report(), false), { status: 'ok' });
});

test('every change of the schema is marked, and the start warns', async () => {
	const { watch, host, log } = setUp({ running: 'worked on' });
	const actions = new Map<string, Function>();
	watchSchema(watch, { action: (event: string, handler: Function) => actions.set(event, handler) } as never, host);
	assert.deepEqual([...actions.keys()], [...SCHEMA_EVENTS, 'server.start']);
	actions.get('server.start')?.({}, {});
	await watch.report();
	await new Promise((resolve) => setImmediate(resolve));
	assert.match(log.join(), /uncommitted schema changes: 2 collections, 1 field/);
	const before = await watch.report();
	for (const event of SCHEMA_EVENTS) {
		actions.get(event)?.({}, {});
		assert.notEqual(await watch.report(), before, event);
	}
});
