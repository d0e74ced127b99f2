import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Browser, Locator, Page } from 'playwright-core';

import { Api, Organization, type Credentials } from './api.ts';
import { barriers } from './barriers.ts';
import { consoleErrors, openBrowser } from './chromium.ts';
import { closeSidebar, dashboardWith, logIn, removeDashboard, stackFromEnvironment } from './directus.ts';
import { keepPicture } from './pictures.ts';
import { send, type Sent } from './recording.ts';
import { PATIENCE, until } from './until.ts';

const stack = stackFromEnvironment();
const skip = stack && process.env['BIPLANE_STACK'] ? false : 'BIPLANE_STACK and the address and administrator of its Directus name no running stack';

const START = Date.parse('2026-06-04T10:00:00.000Z');
const PANEL = '[data-biplane-panel="data-review"]';
/** Metres of a degree of latitude, on the sphere of 6,371 km. */
const DEGREE_M = 111_195;

interface Crossing {
	id: string;
	crossed_at: string;
	direction: string;
}

/** Forty minutes northwards in circles, as a glider flies; among them fixes that can't be true. */
function flight(): Sent[] {
	const fixes: Sent[] = [];
	for (let second = 0; second < 2400; second++) {
		const turn = second / 18;
		const climbs = Math.sin(second / 190);
		fixes.push({
			ms: START + second * 1000,
			lat: 45.955 + (second * 4.2 + 160 * Math.sin(turn)) / DEGREE_M,
			lon: 12 + (160 * Math.cos(turn) + 500 * Math.sin(second / 500)) / (DEGREE_M * 0.695),
			altitudeM: 1400 + 420 * climbs + second * 0.15,
			speedKmh: 44 + 12 * Math.sin(second / 47) + 6 * climbs,
			satellites: 9,
		});
	}
	// Thrown about by a valley's walls (one more would be believed), without a satellite, nowhere.
	for (let second = 700; second < 704; second++) fixes[second]!.lat += 0.4;
	for (let second = 1500; second < 1530; second++) fixes[second]!.satellites = 0;
	for (const second of [1900, 1901]) [fixes[second]!.lat, fixes[second]!.lon] = [0, 0];
	return fixes;
}

/** More than one answer of the API holds, twice over. */
function manyFixes(): Sent[] {
	return flight().concat(Array.from({ length: 20_000 }, (_, n) => ({
		ms: START + 3_000_000 + n * 1000,
		lat: 46.1 + (1500 * Math.sin(n / 900)) / DEGREE_M,
		lon: 12 + (1500 * Math.cos(n / 700)) / DEGREE_M,
		altitudeM: 900 + 300 * Math.sin(n / 400),
		speedKmh: 8,
		satellites: 8,
	})));
}

describe('the data review in the browser', { skip, timeout: 6 * PATIENCE }, () => {
	let browser: Browser;
	let page: Page;
	let panel: Locator;
	let errors: string[];
	let admin: Api;
	let organization: Organization;
	let operator: Credentials;
	let viewer: Credentials;
	let address: string;
	let device: { id: string; imei: string };
	let busy: { id: string; imei: string };

	const part = (name: string): Locator => panel.locator(`[data-part="${name}"]`);
	const crossings = (): Promise<Crossing[]> =>
		admin.ask('GET', `/items/crossings?filter[device][_eq]=${device.id}&filter[checkpoint][_nnull]=true&fields=id,crossed_at,direction&sort=crossed_at`);
	const phase = (name: string): Promise<void> => panel.locator(`xpath=self::*[@data-phase="${name}"]`).waitFor();
	const ready = (): Promise<void> => panel.locator('[data-map="drawn"]').waitFor();
	const second = (at: number): string => new Date(START + at * 1000).toISOString().replace('T', ' ').replace('Z', '');
	/** By the keyboard alone. */
	async function choose(from: number, to: number): Promise<void> {
		for (const [name, at] of [['from', from], ['to', to]] as const) {
			await panel.locator(`[data-time="${name}"] input`).fill(second(at));
			await page.keyboard.press('Enter');
		}
		await panel.locator('[data-chosen]').waitFor();
	}
	/** What the preview makes of crossings: it tells of those of the way that it looked at. */
	async function applied(before: string[]): Promise<string[]> {
		const column = async (n: number): Promise<string[]> =>
			(await part('preview').locator(`tr[data-becomes] td:nth-child(${n})`).allInnerTexts()).filter((text) => text !== '–');
		const told = await column(2);
		return [...before.filter((at) => !told.includes(at)), ...(await column(3))].sort();
	}
	/** The crossings in the panel's list. */
	const listed = async (): Promise<string[]> =>
		(await part('crossings').locator('[data-crossing] td:first-child').allInnerTexts()).map((text) => text.trim());

	before(async () => {
		admin = await Api.logIn(stack!);
		organization = await Organization.make(admin, 'Review flyers');
		[operator, viewer] = [await organization.person('operator'), await organization.person('viewer')];
		const event = await organization.create('events', {
			name: 'Valley cup', status: 'running', timezone: 'UTC', starts_at: '2026-06-04T09:00:00Z', ends_at: '2026-06-05T20:00:00Z',
		});
		const places = [['Start', 'start', 45.965, 400], ['Church', 'turnpoint', 46.0, 900], ['Goal', 'finish', 46.035, 500]] as const;
		for (const [sort, [name, role, lat, radius_m]] of places.entries()) {
			const geometry = { type: 'Point', coordinates: [12.002, lat] };
			const geofence = await organization.create('geofences', { name, kind: 'circle', geometry, radius_m, status: 'active' });
			await organization.create('checkpoints', { event: event.id, geofence: geofence.id, sort: sort + 1, name, role, direction: 'any' });
		}
		device = await organization.device({ name: 'Glider 7' });
		busy = await organization.device({ name: 'Glider 8' });
		await organization.create('entries', { event: event.id, device: device.id, number: '7', name: 'Ana Kos', status: 'started' });
		await organization.create('entries', { event: event.id, device: busy.id, number: '8', name: 'Miha Zupan', status: 'started' });
		await Promise.all([send(device.imei, flight()), send(busy.imei, manyFixes())]);
		await until('crossings of all three places', crossings, (found) => found.length >= 6);
		address = await dashboardWith(admin, stack!, 'biplane-data-review', { event: { key: event.id, collection: 'events' }, hours: 24 }, 50);
		browser = await openBrowser();
		page = await browser.newPage({ viewport: { width: 1500, height: 1100 } });
		page.setDefaultTimeout(PATIENCE);
		errors = consoleErrors(page);
		panel = page.locator(PANEL);
		await logIn(page, { ...stack!, ...operator });
		await page.goto(address);
		await ready();
		await closeSidebar(page);
	});

	after(async () => {
		if (address) await removeDashboard(admin, address);
		await browser?.close();
		await organization?.finish();
	});

	test('the fixes are counted, and the faulty ones told apart by their reasons', async () => {
		assert.equal(await panel.getAttribute('data-fixes'), '2400');
		assert.match(await panel.locator('.summary').innerText(), /2,400 fixes, 36 of them faulty/);
		const rows = await part('reasons').locator('tbody tr').allInnerTexts();
		assert.deepEqual(rows.map((row) => row.replace(/\s+/g, ' ')), ['No satellite in use 30', 'Impossible speed 4', 'Latitude 0, longitude 0 2']);
		assert.equal(await part('flags').innerText().then((text) => /Nobody flagged anything/.test(text)), true);
	});

	test('the pointer on a plot tells the fix', async () => {
		const box = (await panel.locator('[data-plots] .u-over').first().boundingBox())!;
		await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
		await until('a fix with time, altitude and speed', () => panel.locator('[data-pointed]').innerText(), (text) =>
			/^2026-06-04 10:\d\d:\d\d\.000 · .*\d+ m · \d+\.0 km\/h · 9 satellites/.test(text));
	});

	test('a drag over a plot selects a range, to the millisecond', async () => {
		const box = (await panel.locator('[data-plots] .u-over').first().boundingBox())!;
		await page.mouse.move(box.x + box.width * 0.25, box.y + 40);
		await page.mouse.down();
		await page.mouse.move(box.x + box.width * 0.35, box.y + 50, { steps: 4 });
		await page.mouse.move(box.x + box.width * 0.5, box.y + 50, { steps: 4 });
		await page.mouse.up();
		await panel.locator('[data-chosen]').waitFor();
		const value = await panel.locator('[data-time="from"] input').inputValue();
		assert.match(value, /^2026-06-04 10:(09|10):\d\d\.\d{3}$/);
		assert.match(await panel.locator('[data-chosen]').innerText(), /min .* · (59\d|60\d) fixes, 4 faulty/);
	});

	test('a box on the map selects what lies in it', async () => {
		await panel.getByRole('button', { name: 'Clear the selection' }).click();
		await panel.locator('[data-chosen]').waitFor({ state: 'detached' });
		const box = (await panel.locator('.map canvas').first().boundingBox())!;
		await panel.getByRole('button', { name: /Select with a box/ }).click();
		await page.mouse.move(box.x + 40, box.y + box.height * 0.45);
		await page.mouse.down();
		await page.mouse.move(box.x + box.width * 0.5, box.y + box.height * 0.55, { steps: 5 });
		await page.mouse.move(box.x + box.width - 60, box.y + box.height * 0.62, { steps: 5 });
		await page.mouse.up();
		await until('a range around the middle', () => panel.locator('[data-time="from"] input').inputValue(), (value) => /^2026-06-04 10:1\d:/.test(value));
		await panel.getByRole('button', { name: /Select with a box/ }).click();
	});

	test('a reason leads to the fixes that have it', async () => {
		await part('reasons').getByRole('button', { name: 'Impossible speed' }).click();
		assert.equal(await panel.locator('[data-time="from"] input').inputValue(), second(700));
		assert.equal(await panel.locator('[data-time="to"] input').inputValue(), second(703));
		assert.equal(await panel.getByRole('radio', { name: 'valid' }).isChecked(), true);
	});

	test('a preview tells what a flag does to the crossings, and changes nothing; then the flag does that', async () => {
		const before = await crossings();
		// From before the church's border to beyond its middle: the way in is found elsewhere.
		await choose(860, 1250);
		await panel.getByRole('radio', { name: 'faulty' }).check();
		await panel.getByRole('button', { name: 'Preview' }).click();
		await phase('answered');
		assert.match(await part('preview').innerText(), /391 fixes become faulty, 0 valid\./);
		assert.ok((await part('preview').locator('[data-becomes]:not([data-becomes="kept"])').count()) > 0, 'something changes');
		assert.deepEqual(await crossings(), before);
		const told = await applied(before.map(({ crossed_at }) => crossed_at.slice(11, 23)));
		const flag = panel.getByRole('button', { name: 'Flag as faulty' });
		assert.equal(await flag.isDisabled(), true, 'not without a reason');
		await panel.getByPlaceholder('For whoever asks later').fill('antenna behind the pilot');
		await until('with one', () => flag.isEnabled(), (enabled) => enabled);
		await keepPicture(panel, 'panel-data-review');
		await flag.click();
		await phase('done');
		assert.match(await panel.locator('[data-done]').innerText(), /Timed again: 391 marks changed; crossings: \d+ added, \d+ taken away/);
		const after = (await crossings()).map(({ crossed_at }) => crossed_at.slice(11, 23));
		assert.deepEqual(told, after, 'as the preview said');
		assert.deepEqual(await listed(), after);
		assert.match(await panel.locator('.summary').innerText(), /427 of them faulty/);
	});

	test('who flagged what and why is listed, and taking it back is previewed first', async () => {
		const row = part('flags').locator('tr[data-flag="faulty"]');
		assert.match(await row.innerText(), /10:14:20\.000 – 10:20:50\.000[\s\S]*antenna behind the pilot/);
		const before = await listed();
		await row.getByRole('button', { name: 'Remove this flag…' }).click();
		await phase('answered');
		assert.match(await part('preview').innerText(), /0 fixes become faulty, 391 valid\./);
		assert.deepEqual(await listed(), before);
		const told = await applied(before);
		await part('removal').getByRole('button', { name: 'Remove the flag' }).click();
		await phase('done');
		await part('flags').getByText('Nobody flagged anything').waitFor();
		assert.deepEqual(await listed(), told);
	});

	test('a flag against another is refused in the words of the rule', async () => {
		const { id } = await organization.create('position_flags', {
			device: device.id, verdict: 'valid', starts_at: new Date(START + 100_000).toISOString(), ends_at: new Date(START + 110_000).toISOString(), reason: 'seen by eye',
		});
		await choose(90, 105);
		await panel.getByRole('radio', { name: 'faulty' }).check();
		await panel.getByRole('button', { name: 'Preview' }).click();
		await phase('refused');
		assert.match(await part('preview').innerText(), /another flag says `valid` of the same tracker/);
		const refused = errors.splice(0);
		assert.ok(refused.every((error) => /status of 400/.test(error) && error.includes('/biplane/reviews/flags')), refused.join());
		await admin.ask('DELETE', `/items/position_flags/${id}`);
	});

	test('twenty thousand fixes are read and can be pointed at', async () => {
		await panel.locator('.choice-bar .v-select').click();
		await page.locator('.v-menu-content, .v-list').getByText('8 · Miha Zupan · Glider 8').click();
		await panel.locator('xpath=self::*[@data-fixes="22400"]').waitFor();
		await ready();
		// The longest that anything keeps the page from answering while the pointer moves over all of it.
		const box = (await panel.locator('[data-plots] .u-over').first().boundingBox())!;
		for (let at = 0; at <= 20; at++) {
			const started = Date.now();
			await page.mouse.move(box.x + (box.width - 1) * (at / 20), box.y + 30);
			await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
			assert.ok(Date.now() - started < 3000, `a movement took ${Date.now() - started} ms`);
		}
		await until('the last fix', () => panel.locator('[data-pointed]').innerText(), (text) => /^2026-06-04 16:2\d/.test(text));
	});

	test('it has no barriers, by day and by night', async () => {
		const mine = await Api.logIn(stack!, operator);
		for (const appearance of ['light', 'dark']) {
			await mine.ask('PATCH', '/users/me', { appearance });
			await page.goto(address);
			await ready();
			await choose(860, 1250);
			await panel.getByRole('button', { name: 'Preview' }).click();
			await phase('answered');
			assert.deepEqual(await barriers(page, PANEL), []);
			await keepPicture(page, `more/panel-data-review-${appearance}`);
		}
		await mine.ask('PATCH', '/users/me', { appearance: null });
	});

	test('German and Slovenian have their own words', async () => {
		const mine = await Api.logIn(stack!, operator);
		for (const [language, words] of [['de-DE', /Fehlerhaft, nach Grund/], ['sl-SI', /Napačni, po razlogu/]] as const) {
			await mine.ask('PATCH', '/users/me', { language });
			await page.goto(address);
			await ready();
			assert.match(await part('reasons').innerText(), words);
		}
		await mine.ask('PATCH', '/users/me', { language: null });
	});

	test('a viewer sees the same, and nothing that would be refused', async () => {
		const other = await browser.newContext({ viewport: { width: 1500, height: 1100 } });
		const theirs = await other.newPage();
		theirs.setDefaultTimeout(PATIENCE);
		const theirErrors = consoleErrors(theirs);
		await logIn(theirs, { ...stack!, ...viewer });
		await theirs.goto(address);
		const seen = theirs.locator(PANEL);
		await seen.locator('[data-map="drawn"]').waitFor();
		await seen.locator('[data-part="reasons"]').getByRole('button', { name: 'Impossible speed' }).click();
		await seen.locator('[data-chosen]').waitFor();
		assert.match(await seen.innerText(), /You may look at this data, but not flag it\./);
		for (const name of ['Preview', /^Flag as/, /^Remove/]) assert.equal(await seen.getByRole('button', { name }).count(), 0);
		assert.deepEqual(theirErrors, []);
		await keepPicture(theirs, 'more/panel-data-review-viewer');
		await other.close();
	});

	test('the browser’s console stays clean', () => {
		assert.deepEqual(errors, []);
	});
});
