import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import type { DriftPart } from '../src/shared/drift.ts';
import type { Answer, ItemEvent, Kind } from '../src/shared/protocol.ts';
import { createCall, engine, verdict } from './module.ts';

interface Case {
	name: string;
	kind?: Kind;
	rule: string;
	collection?: string;
	event?: ItemEvent;
	payload: unknown;
	now_ms?: number;
	keys?: unknown[];
	results?: Record<string, unknown>;
	user?: string;
	admin?: boolean;
	expect: string;
	message?: string;
	/** Every answer that it asks for. */
	needs?: string[];
	patch?: unknown;
	result?: unknown;
	answer?: unknown;
}

interface DriftCase {
	name: string;
	base?: string;
	running: string;
	target: string;
	lineage?: string[];
	expect: string;
	sentence?: string;
	uncommitted?: string[];
	pending?: string[];
	conflicts?: string[];
	stale?: string[];
}

interface DriftCases {
	snapshots: Record<string, unknown>;
	hashes: Record<string, string>;
	cases: DriftCase[];
}

/** An answer in JSON as the cases have it: with its body. */
function parsed(answer?: Answer): unknown {
	return answer?.type === 'json' ? { type: 'json', body: JSON.parse(answer.text) as unknown } : answer;
}

const folder = new URL('../../../tests/golden/', import.meta.url);
/** The files of cases that name a rule; there are others. */
const files = readdirSync(folder)
	.map((file) => ({ file, ...(JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { cases?: Case[] }) }))
	.filter(({ cases }) => cases?.some(({ rule }) => rule));

test('there are golden cases of rules', () => assert.ok(files.length >= 3));

for (const { file, cases = [] } of files) {
	test(`${file} is judged as the golden cases say`, async (t) => {
		for (const { name, kind = 'filter', rule, event = null, payload, expect, message, needs, patch, result, answer, ...known } of cases) {
			await t.test(name, () => {
				const { collection = '', keys = [], results = {}, user = null, admin = false, now_ms = 0 } = known;
				const call = createCall(rule, payload);
				const ctx = { ...call.ctx, collection, keys, results, user, admin, now_ms };
				const outcome = engine.call({ ...call, kind, event, ctx });
				const told = { ...outcome, answer: parsed(outcome.answer) };
				assert.equal(verdict(outcome), expect, outcome.reject?.[0]?.message ?? 'no rejection');
				if (message !== undefined) assert.equal(outcome.reject?.[0]?.message, message);
				if (needs) assert.deepEqual(outcome.need?.map((need) => need.as), needs);
				for (const [part, expected] of Object.entries({ patch, result, answer })) {
					if (expected !== undefined) assert.deepEqual(told[part as 'patch' | 'result' | 'answer'], expected, part);
				}
			});
		}
	});
}

test('the drift of a schema is what the golden cases say', async (t) => {
	const url = new URL('drift.json', folder);
	const { snapshots, hashes, cases } = JSON.parse(readFileSync(url, 'utf8')) as DriftCases;
	const text = (name: string) => JSON.stringify(snapshots[name]);
	const names = (parts: DriftPart[]) => parts.map(({ kind, name }) => `${kind} ${name}`);
	for (const { name, base, running, target, lineage = [], expect, sentence, ...expected } of cases) {
		await t.test(name, () => {
			const drift = engine.schemaDrift({
				base: base && text(base),
				baseHash: base && hashes[base],
				running: text(running),
				target: text(target),
				lineage: lineage.map((ancestor) => `${hashes[ancestor]}\n`).join(''),
			});
			if ('error' in drift) {
				assert.deepEqual(drift.error, { code: expect, message: sentence });
				return;
			}
			assert.equal(drift.status, expect, drift.sentence);
			if (sentence !== undefined) assert.equal(drift.sentence, sentence);
			const { uncommitted, pending, conflicts, stale } = drift;
			const all = { uncommitted, pending, conflicts, stale };
			for (const [what, parts] of Object.entries(all)) {
				assert.deepEqual(names(parts), expected[what as keyof typeof all] ?? [], what);
			}
			assert.equal(drift.plan.ancestry, base === undefined ? 'no-base' : lineage.includes(base) || base === target ? 'descendant' : 'rollback');
		});
	}
});
