/**
 * What the panels weigh, and how long a person who is logged in waits for the map: from the panel's appearance on
 * the dashboard until the map is drawn with all marks, each time in a new page. Once where that is what the page is
 * opened with, while Directus is still beginning; with how long the whole page takes from the navigation on, in turns
 * with a dashboard without a panel, which is what Directus itself takes. And once where Directus is open and somebody
 * goes to the dashboard. And what 5,000 marks that move cost the page. Prints a figure a line, for
 * `npm run -s bench -- panels`.
 */

import { gzipSync } from 'node:zlib';

import type { BrowserContext, Page } from 'playwright-core';

import { Api } from './api.ts';
import { openBrowser } from './chromium.ts';
import { logIn, openDashboard, remindLater, stackFromEnvironment } from './directus.ts';
import { measureMarks } from './many-marks/measure.ts';
import { PATIENCE } from './until.ts';

const ROUNDS = Number(process.env['BIPLANE_ROUNDS'] ?? 9);
const LIMIT_KB = 1500;
const LIMIT_MS = 2000;
/** 5,000 positions a second come in ten updates. */
const LIMIT_UPDATE_MS = 100;

const stack = stackFromEnvironment();
if (!stack) throw new Error('run it by `npm run -s bench -- panels`: it needs a Directus');

function say(id: string, unit: string, ours: number[], peers: Record<string, number[]>, details: Record<string, number> = {}): void {
	const sides = Object.entries({ ours, ...peers }).map(([name, values]) => [name, [...values].sort((a, b) => a - b)] as const);
	const medians = Object.fromEntries(sides.map(([name, values]) => [name, values[Math.floor(values.length / 2)]!]));
	const intervals = Object.fromEntries(sides.map(([name, values]) => [name, [values[0]!, values.at(-1)!]]));
	const { ours: median, ...others } = medians;
	console.log(JSON.stringify({ id, unit, ours: median, peers: others, intervals, details, note: null }));
}

/** In a page of its own. */
async function inPage<T>(context: BrowserContext, use: (page: Page) => Promise<T>): Promise<T> {
	const page = await context.newPage();
	page.setDefaultTimeout(PATIENCE);
	try {
		return await use(page);
	} finally {
		await page.close();
	}
}

/** Until what each selector names is there, one after the other (ms since something was begun). */
async function wait(page: Page, begin: () => Promise<unknown>, ...selectors: string[]): Promise<number[]> {
	const start = performance.now();
	await begin();
	const times: number[] = [];
	for (const selector of selectors) {
		await page.locator(selector).first().waitFor();
		times.push(performance.now() - start);
	}
	return times;
}

/** What Directus serves of extensions to a page: each script with its bytes, plain and gzipped. */
async function scripts(page: Page, load: () => Promise<unknown>): Promise<{ plain: number; gzip: number }> {
	// By address: a page that is loaded again does not weigh twice.
	const bodies = new Map<string, Promise<Buffer>>();
	page.on('response', (response) => {
		const { pathname } = new URL(response.url());
		if (pathname.startsWith('/extensions/sources/') && !bodies.has(pathname)) bodies.set(pathname, response.body());
	});
	await load();
	const all = await Promise.all(bodies.values());
	const sum = (of: (body: Buffer) => number): number => all.reduce((total, body) => total + of(body), 0);
	return { plain: sum((body) => body.length), gzip: sum((body) => gzipSync(body).length) };
}

const admin = await Api.logIn(stack);
const { id } = await admin.ask<{ id: string }>('POST', '/dashboards', { name: 'Without a panel', icon: 'science' });
const browser = await openBrowser();
try {
	const context = await browser.newContext({ viewport: { width: 1600, height: 1000 } });
	const page = await context.newPage();
	page.setDefaultTimeout(PATIENCE);
	const panel = '[data-biplane-panel="live-map"]';
	const drawn = `${panel} [data-map=drawn]`;
	const { plain, gzip } = await scripts(page, async () => {
		await logIn(page, stack);
		await openDashboard(page, stack, 'Race control');
		await page.locator(drawn).waitFor();
	});
	const map = page.url();
	await page.close();
	say('panels_gzip_kb', 'kB', [gzip / 1000], { limit: [LIMIT_KB] }, { plain_kb: plain / 1000 });

	const loaded: number[] = [];
	const pages: number[] = [];
	const empty: number[] = [];
	const opened: number[] = [];
	for (let round = 0; round < ROUNDS; round += 1) {
		const go = (page: Page, address: string) => () => page.goto(address, { waitUntil: 'commit' });
		const [there, whole] = (await inPage(context, (page) => wait(page, go(page, map), panel, drawn))) as [number, number];
		loaded.push(whole - there);
		pages.push(whole);
		empty.push(...(await inPage(context, (page) => wait(page, go(page, `${stack.url}/admin/insights/${id}`), '.insights-workspace, .workspace'))));
		const [came, ready] = (await inPage(context, async (page) => {
			await page.goto(`${stack.url}/admin/insights`, { waitUntil: 'networkidle' });
			await remindLater(page);
			return wait(page, () => page.getByText('Race control', { exact: true }).first().click(), panel, drawn);
		})) as [number, number];
		opened.push(ready - came);
	}
	const rounds = { rounds: ROUNDS };
	say('map_ready_ms', 'ms', loaded, { limit: [LIMIT_MS] }, rounds);
	say('map_page_ms', 'ms', pages, { empty_dashboard: empty }, rounds);
	say('map_opened_ms', 'ms', opened, { limit: [LIMIT_MS] }, rounds);

	const { updateMs, updates, pictures, frames } = await measureMarks(browser);
	const details = { updates_per_s: updates, pictures_per_s: pictures, frames_per_s: frames };
	say('map_5000_update_ms', 'ms', [updateMs], { limit: [LIMIT_UPDATE_MS] }, details);
} finally {
	await browser.close();
	await admin.ask('DELETE', `/dashboards/${id}`);
}
