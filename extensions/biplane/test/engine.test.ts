import assert from 'node:assert/strict';
import { test } from 'node:test';

import { RuleCrash } from '../src/shared/engine.ts';
import { HOST_CODES } from '../src/shared/errors.ts';
import { fits } from '../src/shared/payload-size.ts';
import { createCall, engine, verdict } from './module.ts';

const valid = createCall('device.validate', { imei: '490154203237518' });
const invalid = createCall('device.validate', { imei: '490154203237519' });

function nested(levels: number): unknown {
	let value: unknown = 1;
	for (let level = 0; level < levels; level += 1) value = [value];
	return value;
}

/** Ends of a call by what the host would not have let through. */
const traps: [string, unknown][] = [
	['a value nested so deeply that the stack ends', nested(1_000_000)],
	['a value so large that the memory ends', Array.from({ length: 8_000_000 }, (_, index) => index)],
];

for (const [name, payload] of traps) {
	test(`${name} is a crash, and the next call has a new instance`, () => {
		assert.equal(fits(payload, engine.manifest), false);
		const before = engine.replaced;
		assert.throws(() => engine.call(createCall('device.validate', payload)), RuleCrash);
		assert.equal(engine.replaced, before + 1);
		assert.equal(verdict(engine.call(valid)), 'ok');
		assert.equal(verdict(engine.call(invalid)), 'DEVICE_IMEI');
		assert.ok(engine.memoryBytes < 8 * 1024 * 1024);
	});
}

test('crash after crash leaves an engine that works', () => {
	const before = engine.replaced;
	const trap = createCall('device.validate', { imei: 'x'.repeat(65 * 1024 * 1024) });
	for (let crash = 0; crash < 25; crash += 1) assert.throws(() => engine.call(trap), RuleCrash);
	assert.equal(engine.replaced, before + 25);
	assert.equal(verdict(engine.call(valid)), 'ok');
});

test('an exception of JavaScript inside a call is a crash as well', () => {
	const thrower = Object.defineProperty({}, 'imei', {
		enumerable: true,
		get: () => {
			throw new Error('from a getter');
		},
	});
	assert.throws(() => engine.call(createCall('device.validate', thrower)), /from a getter/);
	assert.equal(verdict(engine.call(valid)), 'ok');
});

test('a call that needed much memory gets its instance replaced', () => {
	const before = engine.replaced;
	const large = Array.from({ length: 700_000 }, (_, index) => index);
	assert.equal(verdict(engine.call(createCall('device.validate', { imei: large }))), 'DEVICE_IMEI');
	assert.equal(engine.replaced, before + 1);
});

test('a hundred thousand calls take no more memory', () => {
	engine.call(valid);
	const before = engine.memoryBytes;
	for (let call = 0; call < 100_000; call += 1) engine.call(invalid);
	assert.equal(engine.memoryBytes, before);
});

test('a badly made call is an answer, not a crash', () => {
	const before = engine.replaced;
	assert.equal(engine.call({ ...valid, name: 'device.launch' }).reject?.[0]?.code, 'RULE_CONTRACT');
	assert.equal(engine.call({ ...valid, event: 'items.fly' as never }).reject?.[0]?.code, 'RULE_CONTRACT');
	assert.equal(engine.call({ ...valid, ctx: 7 as never }).reject?.[0]?.code, 'RULE_CONTRACT');
	assert.equal(engine.replaced, before);
});

test("the host's own codes stand in the module's table", () => {
	const table = new Map(engine.manifest.codes.map(({ code, status }) => [code, status]));
	for (const [code, status] of Object.entries(HOST_CODES)) assert.equal(table.get(code), status, code);
});
