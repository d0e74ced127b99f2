import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Browser, Locator, Page } from 'playwright-core';

import { colours, consoleErrors, openBrowser } from './chromium.ts';
import { closeSidebar, logIn, openDashboard, stackFromEnvironment } from './directus.ts';
import { keepPicture } from './pictures.ts';
import { PATIENCE, until } from './until.ts';

const stack = stackFromEnvironment();
const skip = stack ? false : 'BIPLANE_DIRECTUS_URL, BIPLANE_ADMIN_EMAIL and BIPLANE_ADMIN_PASSWORD name no running stack';

/** So many competitors must be seen to move. */
const MOVING = 5;

interface Row {
	entry: string;
	number: string;
	place: string | null;
	fixTime: string;
}

const rowsOf = (panel: Locator): Promise<Row[]> =>
	panel.locator('[data-entry]').evaluateAll((rows) =>
		(rows as HTMLElement[]).map(({ dataset }) => ({
			entry: dataset['entry']!,
			number: dataset['number']!,
			place: dataset['lat'] ? `${dataset['lat']} ${dataset['lon']}` : null,
			fixTime: dataset['fixTime'] ?? '',
		})),
	);

describe('race control in the browser', { skip, timeout: 4 * PATIENCE }, () => {
	let browser: Browser;
	let page: Page;
	let panel: Locator;
	let errors: string[];

	before(async () => {
		browser = await openBrowser();
		page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
		page.setDefaultTimeout(PATIENCE);
		errors = consoleErrors(page);
		panel = page.locator('[data-biplane-panel="live-map"]');
		await logIn(page, stack!);
		await openDashboard(page, stack!, 'Race control');
		await panel.waitFor();
		await until(
			'a live connection',
			async () => ({ state: await panel.getAttribute('data-connection'), says: await panel.locator('header').innerText() }),
			({ state }) => state === 'live',
		);
	});

	after(async () => {
		await browser?.close();
	});

	test('the badge says that the map is live', async () => {
		assert.match(await panel.locator('[data-badge]').innerText(), /^Live/);
	});

	test('the competitors have numbers and places, and the places change', async () => {
		const first = await until('competitors with a fix', () => rowsOf(panel), (rows) => rows.filter((row) => row.place).length >= MOVING);
		const placed = new Map(first.map((row) => [row.entry, row.place]));
		assert.ok(first.every((row) => /\S/.test(row.number)), 'every competitor has a number');
		const later = await until(
			`${MOVING} competitors elsewhere than before`,
			() => rowsOf(panel),
			(rows) => rows.filter((row) => row.place && row.place !== placed.get(row.entry)).length >= MOVING,
		);
		assert.ok(later.every((row) => !row.place || /^\d\d:\d\d:\d\d$/.test(row.fixTime)), 'every fix has its time');
	});

	test('the event clock goes on', async () => {
		const newest = async (): Promise<number> => Date.parse((await panel.getAttribute('data-newest-fix')) ?? '');
		const start = await until('a newest fix', newest, (time) => time > 0);
		await until('a newer fix', newest, (time) => time > start);
		assert.match(await panel.locator('[data-clock]').innerText(), /^\d\d:\d\d:\d\d\s+UTC/);
	});

	test('the map is drawn, and what is drawn changes', async () => {
		const canvas = panel.locator('.maplibregl-canvas');
		await panel.locator('[data-map=drawn]').waitFor();
		// What lies over the map changes by itself: the clock, the badge.
		const look = (): Promise<Buffer> => canvas.screenshot({ mask: [panel.locator('header')], animations: 'disabled' });
		const picture = await until(
			'a map with land, course and marks in it',
			async () => {
				const png = await look();
				return { png, ...(await colours(browser, png)) };
			},
			({ distinct, largest }) => distinct > 100 && largest < 0.97,
		);
		await until('another picture', look, (png) => !png.equals(picture.png));
	});

	test('a crossing appears with checkpoint, number, direction and time to the millisecond', async () => {
		const crossings = panel.locator('[data-crossing]');
		await until('a crossing', () => crossings.count(), (count) => count > 0);
		const text = (await crossings.first().innerText()).replace(/\s+/g, ' ');
		assert.match(text, /^\d\d:\d\d:\d\d\.\d{3} \S+ (into|out of) \S/);
	});

	test('a competitor is selected and followed by keyboard', async () => {
		const row = panel.locator('button[data-entry]').first();
		await row.focus();
		await page.keyboard.press('Enter');
		assert.equal(await row.getAttribute('aria-pressed'), 'true');
		await panel.getByRole('button', { name: 'Follow on the map' }).focus();
		await page.keyboard.press('Enter');
		await panel.getByRole('button', { name: 'Stop following' }).waitFor();
		await row.focus();
		await page.keyboard.press('Enter');
		assert.equal(await row.getAttribute('aria-pressed'), 'false');
		assert.equal(await panel.locator('[data-card]').count(), 0);
	});

	test('the browser’s console stays clean', async () => {
		await closeSidebar(page);
		await panel.getByRole('button', { name: 'Show all competitors' }).click();
		await panel.getByRole('button', { name: 'Show the course' }).click();
		await page.waitForTimeout(5000);
		await keepPicture(page, 'race-control');
		assert.deepEqual(errors, []);
	});
});
