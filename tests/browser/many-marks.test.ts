import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import type { Browser } from 'playwright-core';

import { consoleErrors, openBrowser } from './chromium.ts';
import { serveFolder } from './file-server.ts';
import { bundle } from './many-marks/bundle.ts';
import { keepPicture } from './pictures.ts';

const MARKS = 5000;
const SECONDS = 10;
/** Work of the page's main thread for one update of 500 positions, drawing and all (ms): far below the 100 that lie between two. */
const MOST_MS = 50;

describe('five thousand marks', { timeout: 300_000 }, () => {
	let browser: Browser;
	let folder: string;
	let server: Awaited<ReturnType<typeof serveFolder>>;

	before(async () => {
		folder = mkdtempSync(join(tmpdir(), 'many-marks-'));
		await bundle(fileURLToPath(new URL('many-marks/page.ts', import.meta.url)), folder);
		server = await serveFolder(folder);
		browser = await openBrowser();
	});

	after(async () => {
		await browser?.close();
		await server?.close();
		if (folder) rmSync(folder, { recursive: true });
	});

	test('move by 5,000 positions a second, and the page has time for everything else', async (t) => {
		const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
		const errors = consoleErrors(page);
		await page.goto(server.url);
		await page.addScriptTag({ url: '/page.js', type: 'module' });
		await page.waitForFunction(() => 'run' in window);
		await page.evaluate((marks) => window.run(marks), MARKS);
		const devtools = await page.context().newCDPSession(page);
		// By the thread's own time: what else the machine does counts for nothing.
		await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
		const measure = async () => {
			const { metrics } = await devtools.send('Performance.getMetrics');
			const busyMs = 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0);
			return { at: Date.now(), busyMs, ...(await page.evaluate(() => window.report())) };
		};
		const first = await measure();
		await page.waitForTimeout(SECONDS * 1000);
		const last = await measure();
		const seconds = (last.at - first.at) / 1000;
		const updates = last.updates - first.updates;
		const figures = {
			marks: last.marks,
			updates_a_second: round(updates / seconds),
			pictures_a_second: round((last.pictures - first.pictures) / seconds),
			frames_a_second: round((last.frames - first.frames) / seconds),
			main_thread_ms_an_update: round((last.busyMs - first.busyMs) / updates),
			of_which_reading_ms: round((last.takeMs - first.takeMs) / updates),
			rows_ms_a_second: round((last.textMs - first.textMs) / seconds),
			main_thread_busy: round((last.busyMs - first.busyMs) / 1000 / seconds),
		};
		t.diagnostic(JSON.stringify(figures));
		await keepPicture(page, 'more/many-marks');
		assert.ok(figures.main_thread_ms_an_update < MOST_MS, JSON.stringify(figures));
		assert.deepEqual(errors, []);
	});
});

const round = (value: number): number => Math.round(value * 100) / 100;
