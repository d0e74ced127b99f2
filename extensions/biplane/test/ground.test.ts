import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Position } from 'geojson';

import { splitAtDateLine } from '../assets/basemap/date-line.ts';
import { around, cutLine, cutRing, holds, overlaps, thin, type Box } from '../src/shared/map/cut.ts';

const BOX: Box = [0, 0, 10, 10];
const square = (west: number, south: number, east: number, north: number): Position[] => [
	[west, south], [east, south], [east, north], [west, north], [west, south],
];

/** Twice the area that a ring encloses, counter-clockwise positive (square degrees). */
const doubleArea = (ring: Position[]): number =>
	ring.slice(1).reduce((sum, [x, y], i) => sum + ring[i]![0]! * y! - x! * ring[i]![1]!, 0);

test('a ring inside a box stays as it is, one outside goes', () => {
	const inside = square(1, 1, 2, 2);
	assert.deepEqual(new Set(cutRing(inside, BOX).map(String)), new Set(inside.map(String)));
	assert.equal(doubleArea(cutRing(inside, BOX)), 2);
	assert.deepEqual(cutRing(square(11, 11, 12, 12), BOX), []);
	// Around a corner, with no vertex inside.
	assert.deepEqual(cutRing([[12, 9], [9, 12], [12, 12], [12, 9]], BOX), []);
});

test('a ring over the sides of a box is closed by them', () => {
	const cut = cutRing(square(-5, -5, 5, 5), BOX);
	assert.equal(doubleArea(cut), 2 * 25);
	assert.deepEqual(cut[0], cut.at(-1));
	assert.ok(cut.every(([x, y]) => x! >= 0 && y! >= 0 && x! <= 5 && y! <= 5));
	// The box lies in it: the box is what is left, and it turns as before.
	assert.equal(doubleArea(cutRing(square(-5, -5, 15, 15), BOX)), 2 * 100);
	assert.equal(doubleArea(cutRing(square(-5, -5, 15, 15).reverse(), BOX)), -2 * 100);
	// A diamond over all four sides loses its four corners.
	const diamond: Position[] = [[5, -2], [12, 5], [5, 12], [-2, 5], [5, -2]];
	assert.equal(doubleArea(cutRing(diamond, BOX)), 2 * (98 - 4 * 4));
});

test('a concave ring keeps the area that it has in the box', () => {
	// A comb of two teeth that reach over the northern side.
	const comb: Position[] = [[1, 5], [9, 5], [9, 15], [6, 15], [6, 6], [4, 6], [4, 15], [1, 15], [1, 5]];
	assert.equal(doubleArea(cutRing(comb, BOX)), 2 * (3 * 5 + 2 * 1 + 3 * 5));
});

test('a line keeps the stretches that a box has to do with', () => {
	const line: Position[] = [[-9, 5], [-3, 5], [3, 5], [3, 20], [30, 20], [30, 5], [9, 5], [8, 5]];
	assert.deepEqual(cutLine(line, BOX), [[[-3, 5], [3, 5], [3, 20]], [[30, 5], [9, 5], [8, 5]]]);
	assert.deepEqual(cutLine([[20, 20], [30, 30]], BOX), []);
	// Neither end is inside.
	assert.deepEqual(cutLine([[-5, 5], [15, 5]], BOX), [[[-5, 5], [15, 5]]]);
});

test('vertices too near to be told apart are left out, ends never', () => {
	const line: Position[] = [[0, 0], [0.1, 0.1], [1, 0], [1.1, 0], [1.2, 0]];
	assert.deepEqual(thin(line, 0.5), [[0, 0], [1, 0], [1.2, 0]]);
	assert.deepEqual(thin(line, 0), line);
	assert.deepEqual(thin(line, 50), [[0, 0], [1.2, 0]]);
});

test('a polygon over the date line is two, one on each side', () => {
	const ring: Position[] = [[170, 0], [-170, 0], [-170, 10], [170, 10], [170, 0]];
	const hole: Position[] = [[175, 2], [175, 4], [178, 4], [178, 2], [175, 2]];
	const parts = splitAtDateLine([ring, hole]);
	assert.deepEqual(parts.map((rings) => rings.map(doubleArea)), [[200], [200, -12]]);
	const lons = parts.map(([outer]) => outer!.map(([lon]) => lon!));
	assert.deepEqual(lons.map((all) => [Math.min(...all), Math.max(...all)]), [[-180, -170], [170, 180]]);
	const elsewhere = [square(0, 0, 5, 5)];
	assert.deepEqual(splitAtDateLine(elsewhere), [elsewhere]);
	// Around a pole there is nothing to part.
	const polar: Position[] = [[-180, -70], [-60, -75], [60, -70], [179, -75], [-180, -70]];
	assert.equal(splitAtDateLine([polar]).length, 1);
});

test('around a view there is as much again, and at the date line all of the earth', () => {
	assert.deepEqual(around([10, 40, 20, 50], 1), [0, 30, 30, 60]);
	assert.deepEqual(around([10, 70, 20, 85], 1), [0, 55, 30, 90]);
	for (const view of [[175, 0, 179, 5], [-179, 0, -175, 5], [170, 0, 190, 5], [-200, -60, 200, 60]] as Box[]) {
		const [west, , east] = around(view, 1.5);
		assert.deepEqual([west, east], [-180, 180]);
	}
	assert.ok(holds(BOX, [0, 1, 9, 10]) && !holds(BOX, [0, 1, 9, 11]));
	assert.ok(overlaps(BOX, [10, 10, 20, 20]) && !overlaps(BOX, [11, 0, 20, 10]));
});
