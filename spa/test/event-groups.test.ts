import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { RaceEvent } from '../src/directus/schema.ts';
import { meaning, mood, parametersOf } from '../src/race/command-state.ts';
import { eventGroups } from '../src/race/event-groups.ts';
import { eventPath, parseRoute } from '../src/route.ts';

const event = (name: string, status: RaceEvent['status'], starts_at: string | null): RaceEvent => ({
	id: name,
	name,
	description: null,
	status,
	timezone: null,
	starts_at,
	ends_at: null,
	organization: 'o',
});

test('the next event comes first of those that come, the last one first of those that were', () => {
	const groups = eventGroups([
		event('old', 'finished', '2020-01-01T00:00:00Z'),
		event('later', 'scheduled', '2031-01-01T00:00:00Z'),
		event('some day', 'scheduled', null),
		event('sketch', 'draft', null),
		event('recent', 'finished', '2024-01-01T00:00:00Z'),
		event('next', 'scheduled', '2030-01-01T00:00:00Z'),
		event('gone', 'archived', '2019-01-01T00:00:00Z'),
	]);
	assert.deepEqual(groups.map(({ name, events }) => [name, ...events.map((one) => one.name)]), [
		['Coming', 'next', 'later', 'some day'],
		['Finished', 'recent', 'old'],
	]);
});

test('no event, no group', () => assert.deepEqual(eventGroups([]), []));

const ID = '6f2b1c1e-7d0a-5b0e-9b0a-1f2e3d4c5b6a';

test('a path leads back to where it was made, and anything else to the events', () => {
	assert.deepEqual(parseRoute(eventPath(ID)), { page: 'event', event: ID, entry: null });
	assert.deepEqual(parseRoute(eventPath(ID, ID)), { page: 'event', event: ID, entry: ID });
	for (const hash of ['', '#/', '#/events/1', `#/events/${ID}/x`]) assert.deepEqual(parseRoute(hash), { page: 'events' });
});

test('a command’s parameters have the types that the catalogue asks for, and none that was left empty', () => {
	const fields = [
		{ name: 'id', type: 'integer' },
		{ name: 'value', type: 'text' },
		{ name: 'timeout_1_s', type: 'integer' },
		{ name: 'quiet', type: 'boolean' },
	];
	assert.deepEqual(parametersOf(fields, { id: '42', value: ' on ', timeout_1_s: '', quiet: 'false' }), { id: 42, value: 'on', quiet: false });
});

test('a state that is not known is shown as it is', () => {
	assert.equal(meaning('under_review'), 'under review');
	assert.deepEqual([mood('pending'), mood('acknowledged'), mood('expired')], ['waiting', 'good', 'bad']);
});
