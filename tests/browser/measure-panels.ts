/**
 * What the panels weigh, and how long a person who is logged in waits for the map: from the panel's appearance on
 * the dashboard until the map is drawn with all marks, each time in a new page; with how long the whole page takes
 * from the navigation on, in turns with a dashboard without a panel, which is what Directus itself takes. And what
 * 5,000 marks that move cost the page. Prints a figure a line, for `npm run -s bench -- panels`.
 */

import { gzipSync } from 'node:zlib';

import type { BrowserContext, Page } from 'playwright-core';

import { Api } from './api.ts';
import { openBrowser } from './chromium.ts';
import { logIn, openDashboard, stackFromEnvironment } from './directus.ts';
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

/** Until what each selector names is there, one after the other, in a page of its own (ms since the navigation). */
async function wait(context: BrowserContext, address: string, ...selectors: string[]): Promise<number[]> {
	const page = await context.newPage();
	try {
		const start = performance.now();
		await page.goto(address, { waitUntil: 'commit' });
		const times: number[] = [];
		for (const selector of selectors) {
			await page.locator(selector).first().waitFor({ timeout: PATIENCE });
			times.push(performance.now() - start);
		}
		return times;
	} finally {
		await page.close();
	}
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
	const drawn = '[data-biplane-panel="live-map"] [data-map=drawn]';
	const { plain, gzip } = await scripts(page, async () => {
		await logIn(page, stack);
		await openDashboard(page, stack, 'Race control');
		await page.locator(drawn).waitFor();
	});
	const map = page.url();
	await page.close();
	say('panels_gzip_kb', 'kB', [gzip / 1000], { limit: [LIMIT_KB] }, { plain_kb: plain / 1000 });

	const ours: number[] = [];
	const pages: number[] = [];
	const empty: number[] = [];
	for (let round = 0; round < ROUNDS; round += 1) {
		const [there, whole] = (await wait(context, map, '[data-biplane-panel="live-map"]', drawn)) as [number, number];
		ours.push(whole - there);
		pages.push(whole);
		empty.push(...(await wait(context, `${stack.url}/admin/insights/${id}`, '.insights-workspace, .workspace')));
	}
	say('map_ready_ms', 'ms', ours, { limit: [LIMIT_MS] }, { rounds: ROUNDS });
	say('map_page_ms', 'ms', pages, { empty_dashboard: empty }, { rounds: ROUNDS });

	const { updateMs, updates, pictures, frames } = await measureMarks(browser);
	const details = { updates_per_s: updates, pictures_per_s: pictures, frames_per_s: frames };
	say('map_5000_update_ms', 'ms', [updateMs], { limit: [LIMIT_UPDATE_MS] }, details);
} finally {
	await browser.close();
	await admin.ask('DELETE', `/dashboards/${id}`);
}
