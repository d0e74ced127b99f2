import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Browser } from 'playwright-core';

import { serveFolder } from '../file-server.ts';
import type { ManyMarks, Report } from './api.ts';
import { bundle } from './bundle.ts';

const MARKS = 5000;
const SECONDS = 10;

/** What 5,000 marks that move by 5,000 positions a second cost the page. */
export interface Figures {
	/** Work of the page's main thread for one update of 500 positions, drawing and all, by the thread's own time (ms). */
	updateMs: number;
	updates: number;
	pictures: number;
	frames: number;
}

/** Rates are a second. */
export async function measureMarks(browser: Browser): Promise<Figures> {
	const folder = mkdtempSync(join(tmpdir(), 'many-marks-'));
	try {
		await bundle(fileURLToPath(new URL('page.ts', import.meta.url)), folder);
		const server = await serveFolder(folder);
		try {
			return await measureIn(browser, server.url);
		} finally {
			await server.close();
		}
	} finally {
		rmSync(folder, { recursive: true });
	}
}

async function measureIn(browser: Browser, url: string): Promise<Figures> {
	const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
	await page.goto(url);
	await page.addScriptTag({ url: '/page.js', type: 'module' });
	await page.waitForFunction(() => 'run' in window);
	await page.evaluate((marks) => (window as unknown as ManyMarks).run(marks), MARKS);
	const devtools = await page.context().newCDPSession(page);
	// By the thread's own time: what else the machine does counts for nothing.
	await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
	const measure = async (): Promise<Report & { at: number; busyMs: number }> => {
		const { metrics } = await devtools.send('Performance.getMetrics');
		const busyMs = 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0);
		return { at: Date.now(), busyMs, ...(await page.evaluate(() => (window as unknown as ManyMarks).report())) };
	};
	const first = await measure();
	await page.waitForTimeout(SECONDS * 1000);
	const last = await measure();
	await page.close();
	const seconds = (last.at - first.at) / 1000;
	return {
		updateMs: (last.busyMs - first.busyMs) / (last.updates - first.updates),
		updates: (last.updates - first.updates) / seconds,
		pictures: (last.pictures - first.pictures) / seconds,
		frames: (last.frames - first.frames) / seconds,
	};
}
