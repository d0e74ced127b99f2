import assert from 'node:assert/strict';
import { test } from 'node:test';

import { duration, eventClock, gap, lapse, span, whole, words } from '../src/format.ts';

const NOON = Date.UTC(2020, 8, 12, 12, 5, 9, 7);

test('moments are shown in the zone of the event, to the millisecond where it counts', () => {
	const rome = eventClock('Europe/Rome');
	assert.equal(rome.time(NOON), '14:05:09');
	assert.equal(rome.precise(NOON), '14:05:09.007');
	assert.equal(rome.short(NOON), '14:05');
	assert.equal(rome.day(NOON), 'Sat 12 Sept 2020');
	assert.match(rome.zone(NOON), /^(CEST|GMT\+2)$/);
});

test('a span names the day of its end only where it is another', () => {
	const utc = eventClock(null);
	assert.equal(span(utc, NOON, null), '12:05');
	assert.equal(span(utc, NOON, NOON + 3_600_000), '12:05–13:05');
	assert.equal(span(utc, NOON, NOON + 86_400_000), '12:05 – Sun 13 Sept 2020 12:05');
});

test('midnight is 00, not 24', () => assert.equal(eventClock('UTC').time(Date.UTC(2020, 0, 1)), '00:00:00'));

test('a zone that the browser does not know is UTC, and says so', () => {
	for (const zone of [null, '', 'Mars/Olympus']) {
		assert.equal(eventClock(zone).time(NOON), '12:05:09');
		assert.equal(eventClock(zone).zone(NOON), 'UTC');
	}
});

test('durations have hours only when there are some', () => {
	assert.equal(duration(0), '0:00');
	assert.equal(duration(59_600), '1:00');
	assert.equal(duration(3_599_499), '59:59');
	assert.equal(duration(3_753_417), '1:02:33');
	assert.equal(duration(3_753_417, true), '1:02:33.417');
	assert.equal(duration(-61_000), '−1:01');
	assert.equal(duration(null), '–');
});

test('the best has no gap', () => assert.deepEqual([gap(0), gap(null), gap(192_000)], ['', '', '+3:12']));

test('how long ago is one number with one unit', () => {
	assert.deepEqual([lapse(-5), lapse(4000), lapse(180_000), lapse(7_200_000), lapse(5 * 86_400_000)], ['0 s', '4 s', '3 min', '2 h', '5 d']);
});

test('whole numbers are set in threes', () => assert.deepEqual([whole(null), whole(999.6), whole(12_345)], ['–', '1\u2009000', '12\u2009345']));

test('names of states become words', () => assert.equal(words('awaiting_approval'), 'Awaiting approval'));
