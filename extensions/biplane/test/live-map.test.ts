import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Field, pastOf } from '../src/live-map-panel/field.ts';
import { hue, rgb } from '../src/live-map-panel/colors.ts';
import { Labels } from '../src/live-map-panel/marks/labels.ts';
import { Trails } from '../src/live-map-panel/marks/trails.ts';
import { screenX, screenY, viewOf, worldX, worldY } from '../src/live-map-panel/marks/world.ts';
import { Replayed } from '../src/live-map-panel/replay/replayed.ts';
import { Tape } from '../src/live-map-panel/replay/tape.ts';
import { readTracks, type EventPage } from '../src/live-map-panel/replay/tracks.ts';
import { roster, tickerRows } from '../src/live-map-panel/rows.ts';
import { textsIn } from '../src/live-map-panel/texts.ts';
import type { Watched } from '../src/live-map-panel/watched.ts';
import { clockMs } from '../src/shared/app/format.ts';
import { boundsOf, destination, geodesicRing, graticule, madeGood, verticesOf } from '../src/shared/map/shapes.ts';
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

const watched = (entries: Entry[]): Watched => ({
	kind: 'event', id: 'e', name: 'Race', timezone: null, organization: 'o', startsMs: null, endsMs: null, entries, checkpoints: [],
});
const en = textsIn('en-US');
const rowsOf = (field: Field, course = watched([])) => roster(course, field, en, new Map()).rows;

/** The pieces of trails as they are handed on: start and end in longitude (thousandths of a degree after 12°) and seconds. */
function pieces(trails: Trails): [number, number, number][] {
	const degrees = (x: number): number => Math.round(((x / 2 ** 32) * 360 - 12) * 1000);
	return trails.takeFresh(true).flatMap(({ bytes }) => {
		const [ints, floats] = [new Int32Array(bytes.slice().buffer), new Float32Array(bytes.slice().buffer)];
		return Array.from({ length: bytes.length / Trails.stride }, (_, i): [number, number, number] => [degrees(ints[i * 6]!), degrees(ints[i * 6 + 2]!), floats[i * 6 + 4]!]);
	});
}
const at = (second: number) => ({ lon: 12 + second / 1000, lat: 46, timeMs: second * 1000 });

test('a trail ends where its mark sets out, and is not drawn over a gap in time', () => {
	const trails = new Trails(1, 600_000);
	for (const second of [0, 10, 20, 300, 310, 320]) trails.push(0, 0, at(second));
	assert.deepEqual(pieces(trails).map(([from, to]) => [from, to]), [[0, 10], [10, 20], [300, 310]]);
	assert.equal(trails.endOf(0)?.timeMs, 310_000);
});

test('of many competitors each trail has longer pieces, so that all of them fit', () => {
	const trails = new Trails(100, 600_000, 1000);
	for (let second = 0; second <= 180; second += 10) trails.push(0, 0, at(second));
	assert.deepEqual(pieces(trails).map(([from, to]) => [from, to]), [[0, 60], [60, 120]]);
});

test('the oldest pieces give way to new ones, and only those are handed on', () => {
	const trails = new Trails(1, 0, 4);
	for (let second = 0; second <= 60; second += 10) trails.push(0, 0, at(second));
	assert.deepEqual(new Set(pieces(trails).map(([from]) => from)), new Set([10, 20, 30, 40]));
	trails.push(0, 0, at(70));
	const fresh = trails.takeFresh(false);
	assert.deepEqual(fresh.map(({ at, bytes }) => [at, bytes.length]), [[Trails.stride, Trails.stride]]);
});

test('a past that is told later leads to what is known, each moment once', () => {
	const trails = new Trails(1, 600_000);
	for (const second of [30, 40, 50]) trails.push(0, 0, at(second));
	trails.pushPast(0, 0, [at(0), at(10), at(20), at(30)], at(30));
	assert.deepEqual(pieces(trails).map(([from, to]) => [from, to]), [[30, 40], [0, 10], [10, 20], [20, 30]]);
});

test('a past that is told in parts is one line', () => {
	const trails = new Trails(1, 600_000);
	trails.push(0, 0, at(400));
	for (const part of [[0, 10], [20], [300, 310], [320]]) trails.pushPast(0, 0, part.map(at), at(400));
	assert.deepEqual(pieces(trails).map(([from, to]) => [from, to]), [[0, 10], [10, 20], [300, 310], [310, 320], [320, 400]]);
});

test('what came before the first fix tells its speed and course where the tracker says nothing', () => {
	const field = new Field([entry('7'), entry('8')]);
	field.takePositions([fix('7', 10), fix('8', 10, { speed_kmh: 30, course_deg: 90 })], 0, false);
	field.moved.clear();
	field.takePast(pastOf([fix('7', 0), fix('8', 0)]));
	assert.deepEqual(field.all.map(({ speedKmh, courseDeg }) => [Math.round(speedKmh!), courseDeg]), [[40, 0], [30, 90]]);
	assert.ok(field.moved.has(field.all[0]!), 'its mark becomes an arrow');
	field.takePositions([fix('7', 20, { lat: 46.2 })], 10_000, false);
	field.takePast(pastOf([fix('7', 5)]));
	assert.equal(field.all[0]!.courseDeg, 180);
});

test('of many positions each device has its own past, implausible fixes apart', () => {
	const [seven, eight] = pastOf([fix('7', 0), fix('8', 1), fix('7', 2, { faulty: true }), fix('7', 3)]);
	const seconds = (points: { timeMs: number }[]): number[] => points.map(({ timeMs }) => new Date(timeMs).getUTCSeconds());
	assert.deepEqual([seven!.device, seconds(seven!.points), seconds(seven!.faults)], ['device 7', [0, 3], [2]]);
	assert.deepEqual([eight!.device, seconds(eight!.points), eight!.faults], ['device 8', [1], []]);
});

test('an implausible fix moves no mark but is kept apart and said in the list', () => {
	const field = new Field([entry('7')]);
	field.takePositions([fix('7', 0)], 0, true);
	field.takePositions([fix('7', 5, { lat: 10, faulty: true })], 5000, true);
	const [row] = rowsOf(field);
	assert.deepEqual([row!.lat, row!.doubtful, row!.time], [46.2, true, '12:00:00']);
	assert.deepEqual(field.all[0]!.faults.map(({ lat, reason }) => [lat, reason]), [[10, null]]);
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
	assert.ok(pieces(field.trails).every(([, , time]) => time === -Infinity));
	assert.equal(field.newestMs, Date.UTC(2020, 8, 12, 12, 0, 0));
});

test('rows stand in the order of numbers, as people count, and are found by number and name', () => {
	const field = new Field(['10', '9', 'p2', '100'].map((number) => entry(number)));
	assert.deepEqual(rowsOf(field).map((row) => row.number), ['9', '10', '100', 'p2']);
	assert.deepEqual(roster(watched([]), field, en, new Map(), '10').rows.map((row) => row.number), ['10', '100']);
	assert.deepEqual(roster(watched([]), field, en, new Map(), 'pilot p').rows.map((row) => row.number), ['p2']);
});

test('places are whole numbers that a view puts on the screen to a hundredth of a pixel', () => {
	const view = viewOf({ lng: 12.5, lat: 46 }, 16, 800, 600);
	assert.deepEqual([screenX(view, worldX(12.5)), screenY(view, worldY(46))], [400, 300]);
	const pixels = 512 * 2 ** 16;
	assert.ok(Math.abs(screenX(view, worldX(12.501)) - 400 - (0.001 / 360) * pixels) < 0.02);
	const west = viewOf({ lng: 179.999, lat: 0 }, 10, 800, 600);
	assert.ok(Math.abs(screenX(west, worldX(-179.999)) - 400 - (0.002 / 360) * 512 * 2 ** 10) < 0.02, 'over the antimeridian');
});

test('numbers lie over no other number and no mark', () => {
	const labels = new Labels();
	const marks = [{ index: 0, x: 100, y: 100, width: 24 }, { index: 1, x: 120, y: 100, width: 24 }, { index: 2, x: 300, y: 100, width: 24 }];
	const placed = labels.place(marks, 400, 300);
	assert.deepEqual(placed.map(({ index, right }) => [index, Math.sign(right)]), [[0, -1], [1, 1], [2, 1]]);
});

test('colours are numbers, whoever gave them', () => {
	assert.match(hue(3), /^#[0-9a-f]{6}$/);
	assert.deepEqual([rgb('#F80'), rgb('#ff8800'), rgb('tomato')], [0xff8800, 0xff8800, 0x808080]);
});

const page = (from: number, to: number, seconds: number[], faulty: number[] = []): EventPage => ({
	data: [{
		device: 'device 7',
		entry: 'entry 7',
		columns: {
			ts_ms: seconds.map((second) => second * 1000),
			lat: seconds.map((second) => 46 + second / 1000),
			lon: seconds.map(() => 12),
			altitude_m: seconds.map(() => null),
			speed_kmh: seconds.map(() => null),
			...(faulty.length > 0 && { fault: seconds.map((second) => (faulty.includes(second) ? 'jitter' : null)) }),
		},
	}],
	meta: { from: new Date(from * 1000).toISOString(), to: new Date(to * 1000).toISOString(), next: null },
});
const stretch = (from: number, to: number, seconds: number[], faulty?: number[]) => ({
	fromMs: from * 1000, toMs: to * 1000, tracks: new Map(readTracks(page(from, to, seconds, faulty)).map(({ entry, track }) => [entry, track])),
});

test('a tape knows what it lacks, up to what it has', () => {
	const tape = new Tape();
	assert.equal(tape.missing(0, 100), 0);
	tape.add(stretch(20, 40, []), 0);
	assert.deepEqual([tape.missing(0, 100), tape.gapEnd(0, 100_000), tape.missing(20_000, 40_000), tape.missing(30_000, 50_000)], [0, 20_000, null, 40_000]);
	tape.add(stretch(40, 60, []), 0);
	assert.equal(tape.missing(20_000, 60_000), null);
});

test('a replay shows the place of a time, forwards and backwards, and what was faulty by then', () => {
	const replayed = new Replayed([entry('7')], 600_000);
	replayed.tape.add(stretch(0, 50, [0, 10, 20, 30, 40], [20]), 0);
	replayed.tape.add(stretch(50, 100, [50, 60]), 0);
	const one = replayed.field.all[0]!;
	const shown = (second: number): [number, number] => {
		replayed.show(second * 1000);
		return [one.timeMs / 1000, Math.round((one.place(second * 1000)[1] - 46) * 1e5) / 100];
	};
	assert.deepEqual(shown(5), [0, 5]);
	assert.deepEqual(shown(15), [10, 15], 'from 10 to 30: the fix at 20 is not believed');
	assert.equal(one.faults.length, 0);
	assert.deepEqual(shown(45), [40, 45]);
	assert.deepEqual(one.faults.map(({ timeMs, reason }) => [timeMs, reason]), [[20_000, 'jitter']]);
	assert.deepEqual(shown(2), [0, 2]);
	assert.deepEqual(shown(90), [60, 60], 'after the last it stands');
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

const aRace: Watched = {
	...watched([entry('7')]),
	checkpoints: [{ id: 'c', sort: 1, name: 'B23', role: 'turnpoint', geofence: null }],
};

const ticker = (field: Field): string[][] => tickerRows(aRace, field, en, new Map()).map((row) => [row.time, row.number, row.checkpoint]);
const progress = (field: Field): string => rowsOf(field, aRace)[0]!.progress;

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
