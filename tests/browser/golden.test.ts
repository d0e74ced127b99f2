import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import type { Browser, Page } from 'playwright-core';

import { consoleErrors, openBrowser } from './chromium.ts';
import { serveFolder } from './file-server.ts';

/** As in `tests/golden/*.json`; native Rust and the WASM in Node read the same cases. */
interface Case {
	name: string;
	rule: string;
	collection: string;
	event: string;
	payload: unknown;
	keys?: unknown[];
	results?: Record<string, unknown>;
	user?: string;
	admin?: boolean;
	expect: string;
	message?: string;
}

interface Verdict {
	verdict: string;
	message: string | null;
}

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
				const { verdict, message } = verdicts[i]!;
				const same = verdict === one.expect && (one.message === undefined || message === one.message);
				return same ? [] : [{ name: one.name, expect: one.expect, sentence: one.message, verdict, message }];
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
	return cases.map(({ rule, event, payload, collection, keys = [], results = {}, user = null, admin = false }) => {
		const ctx = { now_ms: 0, collection, keys, user, role: null, admin, results };
		const { reject, need } = rules.call('filter', rule, event, payload, ctx);
		return { verdict: reject?.[0]?.code ?? (need?.length ? 'need' : 'ok'), message: reject?.[0]?.message ?? null };
	});
}
