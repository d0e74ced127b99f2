import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import type { ItemEvent } from '../src/shared/protocol.ts';
import { createCall, engine, verdict } from './module.ts';

interface Case {
	name: string;
	rule: string;
	collection: string;
	event: ItemEvent;
	payload: unknown;
	keys?: unknown[];
	results?: Record<string, unknown>;
	user?: string;
	admin?: boolean;
	expect: string;
	message?: string;
}

for (const file of ['geofences', 'devices', 'tenancy']) {
	const url = new URL(`../../../tests/golden/${file}.json`, import.meta.url);
	const { cases } = JSON.parse(readFileSync(url, 'utf8')) as { cases: Case[] };

	test(`${file} are judged as the golden cases say`, async (t) => {
		for (const { name, rule, collection, event, payload, expect, message, ...known } of cases) {
			await t.test(name, () => {
				const { keys = [], results = {}, user = null, admin = false } = known;
				const call = createCall(rule, payload);
				const outcome = engine.call({ ...call, event, ctx: { ...call.ctx, collection, keys, results, user, admin } });
				assert.equal(verdict(outcome), expect, outcome.reject?.message ?? 'no rejection');
				if (message !== undefined) assert.equal(outcome.reject?.message, message);
			});
		}
	});
}
