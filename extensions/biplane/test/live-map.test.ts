import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Field } from '../src/live-map-panel/field.ts';
import { clockMs } from '../src/shared/app/format.ts';
import type { Race } from '../src/shared/app/race.ts';
import { rosterRows, tickerRows } from '../src/live-map-panel/rows.ts';
import { boundsOf, destination, geodesicRing, graticule, madeGood, verticesOf } from '../src/shared/map/shapes.ts';
import { Trail } from '../src/live-map-panel/trails.ts';
import type { Crossing, Entry, Position } from '../src/shared/app/race-types.ts';

const entry = (number: string, device: string | null = `device ${number}`): Entry => ({
	id: `entry ${number}`,
	number,
	name: `Pilot ${number}`,
	category: null,
	status: 'started',
	color: null,
	device,
});

const fix = (number: string, second: number, more: Partial<Position> = {}): Position => ({
	device: `device ${number}`,
	time: new Date(Date.UTC(2020, 8, 12, 12, 0, second)).toISOString(),
	lat: 46.2 + second / 10_000,
	lon: 12.8,
	altitude_m: 1500,
	speed_kmh: null,
	course_deg: null,
	faulty: false,
	...more,
});

/** The haversine distance on the earth that timing uses, in metres. */
function metres([aLon, aLat]: number[], [bLon, bLat]: number[]): number {
	const rad = Math.PI / 180;
	const h =
		Math.sin(((bLat! - aLat!) * rad) / 2) ** 2 +
		Math.cos(aLat! * rad) * Math.cos(bLat! * rad) * Math.sin(((bLon! - aLon!) * rad) / 2) ** 2;
	return 2 * 6_371_000 * Math.asin(Math.sqrt(h));
}

test('every vertex of a drawn circle lies on the circle that is timed', () => {
	const centre = [12.54639, 46.10167];
	const ring = geodesicRing(centre, 22_022);
	assert.deepEqual(ring[0], ring.at(-1));
	for (const vertex of ring) assert.ok(Math.abs(metres(centre, vertex) - 22_022) < 0.01);
});

test('a course of 90 degrees leads east', () => {
	const [lon, lat] = destination([12, 46], 90, 1000);
	assert.ok(lon > 12.0128 && lon < 12.0131 && Math.abs(lat - 46) < 1e-4);
});

test('the graticule has a handful of lines at every zoom', () => {
	for (const width of [360, 40, 5, 1, 0.3, 0.05]) {
		const meridians = graticule(12, 46 - width / 4, 12 + width, 46 + width / 4).filter(
			({ geometry, properties }) => geometry.type === 'Point' && properties?.['edge'] === 'top',
		);
		assert.ok(meridians.length >= 4 && meridians.length <= 13, `${width}: ${meridians.length}`);
	}
});

test('speed and course come from two fixes where the tracker gives none', () => {
	const made = madeGood({ lat: 46, lon: 12 }, 0, { lat: 46.001, lon: 12 }, 10_000);
	assert.ok(made && Math.abs(made.speedKmh - 40.03) < 0.1 && made.courseDeg === 0);
	assert.equal(madeGood({ lat: 46, lon: 12 }, 0, { lat: 46.001, lon: 12 }, 0), null);
});

test('bounds hold every vertex of any geometry, and nothing has none', () => {
	const geometry: GeoJSON.Geometry = { type: 'MultiPolygon', coordinates: [[[[1, 2], [3, 2], [3, 5], [1, 2]]], [[[-4, 0], [0, 0], [0, 1], [-4, 0]]]] };
	assert.deepEqual(boundsOf(verticesOf(geometry)), [-4, 0, 3, 5]);
	assert.equal(boundsOf([]), null);
});

test('a trail is not drawn over a gap in time, nor beyond its length', () => {
	const trail = new Trail();
	for (const second of [0, 10, 20, 300, 310, 320, 330]) trail.push(12 + second / 1000, 46, second * 1000);
	const span = (length: number): number[] => trail.lines(330_000, length, {}).flatMap((line) => line.geometry.coordinates.map(([lon]) => Math.round((lon! - 12) * 1000)));
	assert.deepEqual([...new Set(span(600_000))], [0, 10, 20, 300, 310, 320]);
	assert.ok(trail.lines(330_000, 600_000, {}).every(({ geometry }) => geometry.coordinates.every(([lon]) => lon! < 12.1) || geometry.coordinates.every(([lon]) => lon! > 12.1)));
	assert.deepEqual([...new Set(span(60_000))], [300, 310, 320]);
});

test('an implausible fix moves no mark but is said in the list', () => {
	const field = new Field([entry('7')]);
	field.takePositions([fix('7', 0)], 0, true);
	field.takePositions([fix('7', 5, { lat: 10, faulty: true })], 5000, true);
	const race: Race = { event: { id: 'e', organization: 'o', name: 'Race', status: 'running', timezone: null, starts_at: null }, entries: [entry('7')], checkpoints: [] };
	const [row] = rosterRows(race, field);
	assert.deepEqual([row!.lat, row!.doubtful, row!.time], [46.2, true, '12:00:00']);
});

test('a mark glides from fix to fix and ends on the fix', () => {
	const field = new Field([entry('7')]);
	field.takePositions([fix('7', 0)], 1000, true);
	field.takePositions([fix('7', 10)], 2000, true);
	const one = field.all[0]!;
	assert.equal(one.place(2000)[1], 46.2);
	assert.ok(Math.abs(one.place(2500)[1] - 46.2005) < 1e-9);
	assert.ok(Math.abs(one.place(9000)[1] - 46.201) < 1e-9);
	assert.equal(field.moving(2500), true);
	assert.equal(field.moving(3100), false);
});

test('a replay that begins anew starts a new trail', () => {
	const field = new Field([entry('7')]);
	for (const second of [100, 110, 120]) field.takePositions([fix('7', second)], second * 1000, true);
	field.takePositions([fix('7', 0)], 130_000, true);
	assert.deepEqual(field.all[0]!.trail.lines(field.newestMs, 600_000, {}), []);
	assert.equal(field.newestMs, Date.UTC(2020, 8, 12, 12, 0, 0));
});

test('rows stand in the order of numbers, as people count', () => {
	const entries = ['10', '9', 'p2', '100'].map((number) => entry(number));
	const race: Race = { event: { id: 'e', organization: 'o', name: 'Race', status: 'running', timezone: null, starts_at: null }, entries, checkpoints: [] };
	assert.deepEqual(rosterRows(race, new Field(entries)).map((row) => row.number), ['9', '10', '100', 'p2']);
});

const crossing = (id: string, at: string, more: Partial<Crossing> = {}): Crossing => ({
	id,
	entry: 'entry 7',
	device: 'device 7',
	checkpoint: 'c',
	geofence: 'g',
	direction: 'enter',
	crossed_at: `2020-09-12T12:00:${at}Z`,
	...more,
});

const aRace: Race = {
	event: { id: 'e', organization: 'o', name: 'Race', status: 'running', timezone: null, starts_at: null },
	entries: [entry('7')],
	checkpoints: [{ id: 'c', sort: 1, name: 'B23', role: 'turnpoint', geofence: null }],
};

const ticker = (field: Field): string[][] => tickerRows(aRace, field).map((row) => [row.time, row.number, row.checkpoint]);
const progress = (field: Field): string => rosterRows(aRace, field)[0]!.progress;

test('a crossing is listed once, newest first, to the millisecond', () => {
	const field = new Field([entry('7')]);
	field.takeCrossings([crossing('a', '01.005')]);
	field.takeCrossings([crossing('b', '02.040'), crossing('a', '01.005')]);
	assert.deepEqual(ticker(field), [
		['12:00:02.040', '7', 'B23'],
		['12:00:01.005', '7', 'B23'],
	]);
	assert.equal(clockMs(Date.UTC(2020, 0, 1, 0, 0, 0, 7)), '00:00:00.007');
});

test('a crossing that changed takes its own place, and one that is retracted leaves it', () => {
	const field = new Field([entry('7')]);
	field.takeCrossings([crossing('a', '01.000'), crossing('b', '02.000', { direction: 'exit' })]);
	assert.equal(progress(field), 'out of B23 12:00:02');
	field.takeCrossings([crossing('a', '03.000')]);
	assert.deepEqual(ticker(field).map(([time]) => time), ['12:00:03.000', '12:00:02.000']);
	assert.equal(progress(field), 'into B23 12:00:03');
	field.retractCrossings(['a', 'unknown']);
	assert.deepEqual(ticker(field).map(([time]) => time), ['12:00:02.000']);
	assert.equal(progress(field), 'out of B23 12:00:02');
	field.retractCrossings(['b']);
	assert.deepEqual(ticker(field), []);
	assert.equal(progress(field), 'no fix yet');
	field.takeCrossings([crossing('a', '03.000')]);
	assert.equal(progress(field), 'into B23 12:00:03');
});

test('a crossing that turns out to be another competitor’s is no longer the first one’s', () => {
	const field = new Field([entry('7'), entry('8')]);
	field.takeCrossings([crossing('a', '01.000')]);
	field.takeCrossings([crossing('a', '01.000', { entry: 'entry 8', device: 'device 8' })]);
	assert.deepEqual(field.all.map((one) => one.lastCrossing?.id ?? null), [null, 'a']);
});

test('what is read replaces what was known, but not what was said meanwhile', async () => {
	const field = new Field([entry('7')]);
	field.takeCrossings([crossing('missed its retraction', '01.000')]);
	const read = [crossing('a', '02.000'), crossing('b', '03.000'), crossing('c', '04.000')];
	const reading = [field.readCrossings(async () => read), field.readCrossings(async () => read)];
	field.retractCrossings(['a']);
	field.takeCrossings([crossing('b', '05.000')]);
	await Promise.all(reading);
	assert.deepEqual(ticker(field).map(([time]) => time), ['12:00:05.000', '12:00:04.000']);
	assert.equal(progress(field), 'into B23 12:00:05');
});

test('a past that is told after the newest fix comes before it in the trail, each moment once', () => {
	const trail = new Trail();
	trail.push(12.03, 46, 30_000);
	trail.pushPast([{ lon: 12, lat: 46, timeMs: 0 }, { lon: 12.01, lat: 46, timeMs: 10_000 }]);
	trail.push(12.04, 46, 40_000);
	trail.pushPast([{ lon: 12.02, lat: 46, timeMs: 20_000 }, { lon: 13, lat: 46, timeMs: 30_000 }]);
	const drawn = trail.lines(40_000, 160_000, {}).flatMap(({ geometry }) => geometry.coordinates.map(([lon]) => lon));
	assert.deepEqual(drawn, [12, 12.01, 12.02, 12.03]);
});
