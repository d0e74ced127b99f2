import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Entry, Results, Standing } from '../src/directus/schema.ts';
import { categories, ofCategory, standingRows, startList } from '../src/race/standings.ts';

const COURSE: Results['meta']['course'] = [
	{ id: 'a', name: 'Launch', role: 'start', sort: 1 },
	{ id: 'b', name: null, role: 'turnpoint', sort: 2 },
	{ id: 'c', name: 'Goal', role: 'finish', sort: 3 },
];

/** Seconds since the start at each checkpoint that was taken, and seconds behind the best there. */
function standing(number: string, elapsed: number[], gaps: number[], more: Partial<Standing> = {}): Standing {
	return {
		rank: elapsed.length > 0 ? Number(number) : null,
		entry: `entry ${number}`,
		number,
		name: `Pilot ${number}`,
		category: null,
		status: 'started',
		checkpoints_taken: elapsed.length,
		finished: elapsed.length === COURSE.length,
		splits: COURSE.map(({ id }, index) => ({
			checkpoint: id,
			crossed_at: elapsed[index] === undefined ? null : new Date(elapsed[index] * 1000).toISOString(),
			elapsed_ms: elapsed[index] === undefined ? null : elapsed[index] * 1000,
			leg_ms: null,
			gap_ms: gaps[index] === undefined ? null : gaps[index] * 1000,
		})),
		out_of_order: [],
		...more,
	};
}

const results = (...data: Standing[]): Results => ({
	data,
	meta: { event: { id: 'event', name: 'Task 3', course_revision: false }, course: COURSE },
});

test('the best shows a time, the others how far they are behind at their last checkpoint', () => {
	const [first, second, third] = standingRows(results(standing('1', [0, 600, 4000], [0, 0, 0]), standing('2', [0, 700, 4192], [0, 100, 192]), standing('3', [0], [0])));
	assert.deepEqual([first!.at, first!.elapsed, first!.gap], ['Finished', '1:06:40', '']);
	assert.deepEqual([second!.at, second!.gap], ['Finished', '+3:12']);
	assert.deepEqual([third!.at, third!.elapsed, third!.gap, third!.taken, third!.total], ['Launch', '', '', 1, 3]);
});

test('a checkpoint without a name is called by its role and place', () => {
	assert.equal(standingRows(results(standing('1', [0, 600], [0, 0])))[0]!.at, 'Turnpoint 2');
});

test('who is out has a reason instead of a rank, and who took nothing has none', () => {
	const rows = standingRows(results(standing('1', [], []), standing('2', [0], [0], { status: 'dnf' }), standing('3', [], [], { status: 'dns' })));
	assert.deepEqual(rows.map(({ rank, out, at }) => [rank, out, at]), [
		['–', false, 'Not started'],
		['DNF', true, 'Launch'],
		['DNS', true, 'Did not start'],
	]);
});

test('within a category places are counted anew, and equal ones stay equal', () => {
	const rows = standingRows(
		results(
			standing('1', [0], [0], { category: 'open' }),
			standing('2', [0], [0], { category: 'sport', rank: 2 }),
			standing('3', [0], [0], { category: 'sport', rank: 2 }),
			standing('4', [0], [0], { category: 'sport', rank: 4 }),
			standing('5', [], [], { category: 'sport' }),
		),
	);
	assert.deepEqual(categories(rows), ['open', 'sport']);
	assert.deepEqual(ofCategory(rows, 'sport').map(({ rank }) => rank), ['1', '1', '3', '–']);
	assert.equal(ofCategory(rows, null), rows);
});

test('one category is no choice', () => {
	assert.deepEqual(categories(standingRows(results(standing('1', [0], [0], { category: 'open' }), standing('2', [0], [0])))), []);
});

test('before there are results, everybody is listed', () => {
	const entry = { id: 'e', event: 'x', number: '7', name: null, category: null, status: 'dns', color: null, device: null } satisfies Entry;
	assert.deepEqual(startList([entry]).map(({ entry, rank, taken }) => [entry, rank, taken]), [['e', 'DNS', 0]]);
});
