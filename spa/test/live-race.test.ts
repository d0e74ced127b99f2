import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { LivePosition } from '@biplane/live';

import { Trails } from '../../extensions/biplane/src/live-map-panel/marks/trails.ts';
import { worldY } from '../../extensions/biplane/src/live-map-panel/marks/world.ts';
import type { Entry, StoredCrossing } from '../src/directus/schema.ts';
import { LiveRace } from '../src/race/live-race.ts';

const ENTRIES: Entry[] = ['1', '2'].map((number) => ({
	id: `entry ${number}`,
	event: 'event',
	number,
	name: null,
	category: null,
	status: 'started',
	color: null,
	device: `device ${number}`,
}));

const at = (second: number): string => new Date(Date.UTC(2020, 8, 12, 12, 0, second)).toISOString();

const position = (number: string, second: number, more: Partial<LivePosition> = {}): LivePosition => ({
	device: `device ${number}`,
	time: at(second),
	lat: 46 + second / 1000,
	lon: 12,
	altitude_m: 1000,
	speed_kmh: 30,
	course_deg: 0,
	faulty: false,
	...more,
});

const crossing = (id: string, second: number, status = 'valid'): StoredCrossing => ({
	id,
	event: 'event',
	entry: 'entry 1',
	device: 'device 1',
	checkpoint: 'a',
	geofence: 'g',
	direction: 'enter',
	crossed_at: at(second),
	status,
});

const live = (one: StoredCrossing) => ({ ...one, organization: 'o' });

/** Of each piece of a competitor's trail the second of the position where it begins, and of that where it ends. */
function trail(race: LiveRace, index: number): [number, number][] {
	const seconds = new Map(Array.from({ length: 60 }, (_, second) => [worldY(position('', second).lat), second]));
	const { rgb } = race.field.all[index]!;
	return race.field.trails.takeFresh(true).flatMap(({ bytes }) => {
		const pieces = new DataView(bytes.slice().buffer);
		const starts = Array.from({ length: bytes.length / Trails.stride }, (_, piece) => piece * Trails.stride);
		return starts
			.filter((start) => pieces.getUint32(start + 20) >>> 8 === rgb)
			.map((start): [number, number] => [seconds.get(pieces.getInt32(start + 4, true))!, seconds.get(pieces.getInt32(start + 12, true))!]);
	});
}

test('the replay becomes a trail that leads to the last fix, and moves nobody back', () => {
	const race = new LiveRace(ENTRIES);
	race.take({ event: 'init', data: [position('1', 40), position('2', 40)] }, 0);
	race.take({ event: 'replay', data: [position('1', 10), position('2', 10), position('1', 20, { faulty: true })] }, 1);
	race.take({ event: 'positions', data: [position('1', 50)] }, 2);
	race.take({ event: 'replay', data: [position('1', 30)] }, 3);
	assert.equal(race.field.all[0]!.timeMs, Date.parse(at(50)));
	// Without the newest point: the mark's own line joins it.
	assert.deepEqual(trail(race, 0), [[10, 30], [30, 40]]);
	assert.deepEqual(trail(race, 1), [[10, 40]]);
	race.close();
});

test('a crossing that is told again replaces itself, and one that was none goes', () => {
	const race = new LiveRace(ENTRIES);
	race.take({ event: 'crossings', data: [live(crossing('x', 10)), live(crossing('y', 20))] }, 0);
	race.take({ event: 'crossings', data: [live(crossing('x', 12))] }, 0);
	race.takeStored([crossing('x', 10), crossing('z', 30)], null);
	assert.deepEqual(race.crossingsInOrder().map(({ id, crossed_at }) => [id, crossed_at]), [['z', at(30)], ['y', at(20)], ['x', at(12)]]);
	race.take({ event: 'retractions', data: [{ id: 'y', organization: 'o', event: 'event', device: 'device 1' }] }, 0);
	assert.deepEqual(race.crossingsInOrder().map(({ id }) => id), ['z', 'x']);
	race.replaceCrossings([crossing('z', 31)]);
	assert.deepEqual(race.crossingsInOrder().map(({ crossed_at }) => crossed_at), [at(31)]);
	race.close();
});

test('open alerts stand first, then the newest', () => {
	const race = new LiveRace(ENTRIES);
	const alert = (id: string, second: number, status: string) => ({
		id,
		organization: 'o',
		device: 'device 1',
		event: 'event',
		geofence: null,
		kind: 'overspeed',
		severity: 'warning',
		status,
		occurred_at: at(second),
		message: null,
	});
	race.take({ event: 'alerts', data: [alert('a', 10, 'open'), alert('b', 30, 'closed'), alert('c', 20, 'open'), alert('d', 5, 'acknowledged')] }, 0);
	assert.deepEqual(race.alertsInOrder().map(({ id }) => id), ['c', 'a', 'd', 'b']);
	race.dropAlerts(['a', 'never seen']);
	assert.deepEqual(race.alertsInOrder().map(({ id }) => id), ['c', 'd', 'b']);
	race.close();
});

test('text is renewed once for much that happens, marks each time', async () => {
	const race = new LiveRace(ENTRIES);
	let texts = 0;
	let marks = 0;
	race.watchText(() => texts++);
	race.watchPositions(() => marks++);
	for (let second = 1; second <= 20; second++) race.take({ event: 'positions', data: [position('1', second)] }, second);
	race.take({ event: 'status', data: [{ device: 'device 1', connected: true, heard_at: null }] }, 20);
	await new Promise((resolve) => setTimeout(resolve, 500));
	assert.deepEqual([marks, texts, race.version], [20, 1, 1]);
	assert.equal(race.status.get('device 1')?.connected, true);
	race.close();
});
