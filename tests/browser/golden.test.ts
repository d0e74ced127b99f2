import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';

import type { Browser, Page } from 'playwright-core';

import { consoleErrors, openBrowser } from './chromium.ts';
import { serveFolder } from './file-server.ts';

/** As in `tests/golden/*.json`; native Rust and the WASM in Node read the same cases. */
interface Case {
	name: string;
	kind?: string;
	rule: string;
	collection?: string;
	event?: string;
	payload: unknown;
	now_ms?: number;
	keys?: unknown[];
	results?: Record<string, unknown>;
	user?: string;
	admin?: boolean;
	expect: string;
	message?: string;
	needs?: string[];
	patch?: unknown;
	result?: unknown;
	answer?: unknown;
}

interface Verdict {
	verdict: string;
	message: string | null;
	needs: string[];
	patch?: unknown;
	result?: unknown;
	answer?: unknown;
}

/** What a case may say besides its verdict. */
const PARTS = ['message', 'needs', 'patch', 'result', 'answer'] as const;

const root = new URL('../../', import.meta.url);
const folder = new URL('tests/golden/', root);
/** The files of cases that name a rule; there are others. */
const files = readdirSync(folder)
	.map((file) => ({ file, ...(JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { cases?: Case[] }) }))
	.flatMap(({ file, cases }) => (cases?.some(({ rule }) => rule) ? [{ file, cases }] : []));

describe('the rules in the browser judge as they do elsewhere', () => {
	let browser: Browser;
	let page: Page;
	let errors: string[];
	let server: Awaited<ReturnType<typeof serveFolder>>;

	before(async () => {
		server = await serveFolder(fileURLToPath(new URL('wasm/pkg', root)));
		browser = await openBrowser();
		page = await browser.newPage();
		errors = consoleErrors(page);
		await page.goto(server.url);
	});

	after(async () => {
		await browser?.close();
		await server?.close();
	});

	test('there are golden cases of rules', () => assert.ok(files.length >= 3));

	for (const { file, cases } of files) {
		test(`${file} is judged as the golden cases say`, async () => {
			const verdicts = await page.evaluate(judge, cases);
			const differing = cases.flatMap((one, i) => {
				const found = verdicts[i]!;
				const same = found.verdict === one.expect && PARTS.every((part) => one[part] === undefined || isDeepStrictEqual(found[part], one[part]));
				return same ? [] : [{ expected: one, found }];
			});
			assert.deepEqual(differing, []);
			assert.deepEqual(errors, []);
		});
	}
});

/** Runs in the page. */
async function judge(cases: Case[]): Promise<Verdict[]> {
	const script = '/biplane_wasm.js';
	const rules = await import(script);
	await rules.default();
	return cases.map(({ kind = 'filter', rule, event = null, payload, ...known }) => {
		const { collection = '', keys = [], results = {}, user = null, admin = false, now_ms = 0 } = known;
		const ctx = { now_ms, collection, keys, user, role: null, admin, results };
		const call = JSON.stringify({ kind, name: rule, event, payload, ctx });
		const { reject, need, patch, result, answer } = JSON.parse(rules.call(call));
		const needs = (need ?? []).map((one: { as: string }) => one.as);
		const verdict = reject?.[0]?.code ?? (needs.length > 0 ? 'need' : 'ok');
		// JSON leaves the module as text; the cases have its body.
		const told = answer?.type === 'json' ? { type: 'json', body: JSON.parse(answer.text) } : answer;
		return { verdict, message: reject?.[0]?.message ?? null, needs, patch, result, answer: told };
	});
}
