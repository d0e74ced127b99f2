import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Browser, BrowserContext, Page } from 'playwright-core';

import { Api } from './api.ts';
import { barriers } from './barriers.ts';
import { colours, consoleErrors, openBrowser } from './chromium.ts';
import { stackFromEnvironment } from './directus.ts';
import { keepPicture } from './pictures.ts';
import { PATIENCE, until } from './until.ts';

const stack = stackFromEnvironment();
const address = process.env['BIPLANE_SPA_URL']?.replace(/\/?$/, '/');
const skip = stack && address ? false : 'BIPLANE_SPA_URL, BIPLANE_DIRECTUS_URL, BIPLANE_ADMIN_EMAIL and BIPLANE_ADMIN_PASSWORD name no running stack';

/** So many competitors must be seen to move. */
const MOVING = 5;
const DESKTOP = { width: 1440, height: 900 };
const PHONE = { width: 375, height: 780 };

interface Row {
	entry: string;
	number: string;
	place: string | null;
	fixTime: string;
	rank: string;
	taken: number;
	text: string;
}

const rowsOf = (page: Page): Promise<Row[]> =>
	page.locator('[data-entry]').evaluateAll((rows) =>
		(rows as HTMLElement[]).map(({ dataset, innerText }) => ({
			entry: dataset['entry']!,
			number: dataset['number']!,
			place: dataset['lat'] ? `${dataset['lat']} ${dataset['lon']}` : null,
			fixTime: dataset['fixTime'] ?? '',
			rank: dataset['rank'] ?? '',
			taken: Number(dataset['taken']),
			text: innerText,
		})),
	);

async function signIn(page: Page, password: string, email = stack!.email): Promise<void> {
	await page.goto(address!);
	await page.getByLabel('E-mail').fill(email);
	await page.getByLabel('Password').fill(password);
	await page.getByRole('button', { name: 'Sign in' }).click();
}

/** The demo race. */
async function openEvent(page: Page): Promise<void> {
	await page.locator('[data-event]', { hasText: 'Meduno' }).first().click();
	await page.locator('[data-entry]').first().waitFor();
}

const badges = (page: Page): Promise<string[]> =>
	page.locator('[data-channel]').evaluateAll((all) => all.map((one) => `${(one as HTMLElement).dataset['channel']} ${(one as HTMLElement).dataset['state']}`));

describe('the reference client in the browser', { skip, timeout: 5 * PATIENCE }, () => {
	let browser: Browser;
	let context: BrowserContext;
	let page: Page;
	let errors: string[];
	/** Where the page asked for something. */
	const hosts = new Set<string>();

	before(async () => {
		browser = await openBrowser();
		context = await browser.newContext({ viewport: DESKTOP });
		page = await context.newPage();
		page.setDefaultTimeout(PATIENCE);
		errors = consoleErrors(page);
		page.on('request', (request) => {
			if (/^http/.test(request.url())) hosts.add(new URL(request.url()).origin);
		});
		await signIn(page, stack!.password);
		await openEvent(page);
	});

	after(async () => {
		await browser?.close();
	});

	test('a wrong password is told in a sentence', async () => {
		const stranger = await browser.newContext();
		try {
			const other = await stranger.newPage();
			await signIn(other, `${stack!.password}?`);
			const said = other.getByRole('alert');
			await until('a sentence', () => said.innerText(), (text) => text !== '');
			assert.equal(await said.innerText(), 'The e-mail address or the password is wrong.');
			assert.deepEqual(await barriers(other), []);
			await keepPicture(other, 'more/spa-login');
		} finally {
			await stranger.close();
		}
	});

	test('Directus away is told in a sentence', async () => {
		const stranger = await browser.newContext();
		try {
			const other = await stranger.newPage();
			await other.route('**/auth/login', (route) => route.abort());
			await signIn(other, stack!.password);
			await until('a sentence', () => other.getByRole('alert').innerText(), (text) => text.startsWith('Directus does not answer.'));
		} finally {
			await stranger.close();
		}
	});

	test('both badges are live', async () => {
		await until('two live channels', () => badges(page), (states) => states.join() === 'live live,directus live');
	});

	test('the competitors have numbers and places, and the places change', async () => {
		const first = await until('competitors with a fix', () => rowsOf(page), (rows) => rows.filter((row) => row.place).length >= MOVING);
		const placed = new Map(first.map((row) => [row.entry, row.place]));
		assert.ok(first.every((row) => /\S/.test(row.number)), 'every competitor has a number');
		const later = await until(
			`${MOVING} competitors elsewhere than before`,
			() => rowsOf(page),
			(rows) => rows.filter((row) => row.place && row.place !== placed.get(row.entry)).length >= MOVING,
		);
		assert.ok(later.every((row) => !row.place || /^\d\d:\d\d:\d\d$/.test(row.fixTime)), 'every fix has its time');
	});

	test('the map is drawn, and what is drawn changes', async () => {
		await page.locator('[data-map=drawn]').waitFor();
		const look = (): Promise<Buffer> => page.locator('.maplibregl-canvas').screenshot({ animations: 'disabled' });
		const picture = await until(
			'a map with land, course and marks in it',
			async () => {
				const png = await look();
				return { png, ...(await colours(browser, png)) };
			},
			({ distinct, largest }) => distinct > 100 && largest < 0.97,
		);
		await until('another picture', look, (png) => !png.equals(picture.png));
		await keepPicture(page, 'spa');
	});

	test('the leaderboard changes as checkpoints are taken, and as somebody is disqualified', async (context) => {
		const of = (rows: Row[]): string => rows.map(({ number, rank, taken, text }) => `${number} ${rank} ${taken} ${/\+?\d+:\d\d(?::\d\d)?/.exec(text)?.[0] ?? ''}`).join('\n');
		const before = of(await rowsOf(page));
		// Before the start and when all have landed, the race changes nothing.
		const deadline = Date.now() + PATIENCE / 2;
		while (of(await rowsOf(page)) === before && Date.now() < deadline) await page.waitForTimeout(250);
		if (of(await rowsOf(page)) === before) context.diagnostic('the race took no checkpoint meanwhile');

		const admin = await Api.logIn(stack!);
		const [first] = await rowsOf(page);
		const path = `/items/entries/${first!.entry}`;
		const { status } = await admin.ask<{ status: string }>('GET', path);
		const rank = async (): Promise<string> => (await rowsOf(page)).find(({ entry }) => entry === first!.entry)!.rank;
		try {
			await admin.ask('PATCH', path, { status: 'dsq' });
			await until('DSQ instead of a rank', rank, (text) => text === 'DSQ');
			await until('it at the end of the list', () => rowsOf(page), (rows) => rows.at(-1)!.entry === first!.entry);
		} finally {
			await admin.ask('PATCH', path, { status });
		}
		await until('a rank again', rank, (text) => text !== 'DSQ');
	});

	test('a crossing is listed with time to the millisecond, number, direction and place', async () => {
		await page.getByRole('tab', { name: 'Crossings' }).click();
		const crossings = page.locator('[data-crossing]');
		await until('a crossing', () => crossings.count(), (count) => count > 0);
		assert.match((await crossings.first().innerText()).replace(/\s+/g, ' '), /^\d\d:\d\d:\d\d\.\d{3} \S+ .*(into|out of) \S/);
		await page.getByRole('tab', { name: 'Standings' }).click();
	});

	test('a detail is opened, used and closed by keyboard', async () => {
		const row = page.locator('[data-entry]').first();
		const entry = await row.getAttribute('data-entry');
		await row.focus();
		await page.keyboard.press('Enter');
		const detail = page.locator(`[data-detail="${entry}"]`);
		await detail.waitFor();
		await until('the tracker’s state', () => detail.locator('[data-figure=Tracker]').innerText(), (text) => /connected/.test(text));
		assert.match(await detail.locator('[data-figure="Last fix"]').innerText(), /^\d\d:\d\d:\d\d/);
		await detail.getByRole('combobox', { name: 'Command' }).waitFor();
		assert.deepEqual(await barriers(page), []);
		await keepPicture(page, 'more/spa-detail');
		await page.keyboard.press('Escape');
		await detail.waitFor({ state: 'detached' });
		await until('the focus on the row again', () => page.evaluate(() => (document.activeElement as HTMLElement).dataset['entry']), (id) => id === entry);
	});

	test('a command goes to the tracker, and its answer is seen', async () => {
		await page.locator('[data-entry]').first().click();
		const form = page.locator('.command-form');
		await form.getByRole('combobox', { name: 'Command' }).selectOption('getver');
		const before = await page.locator('[data-command]').first().getAttribute('data-command', { timeout: 2000 }).catch(() => null);
		await form.getByRole('button', { name: 'Send' }).click();
		const sent = await until(
			'the command',
			async () => page.locator('[data-command]').evaluateAll((all) => all.map((one) => ({ id: (one as HTMLElement).dataset['command'], text: (one as HTMLElement).innerText }))),
			(all) => all.length > 0 && all[0]!.id !== before,
		);
		assert.match(sent[0]!.text, /Versions/);
		const told = page.locator(`[data-command="${sent[0]!.id}"]`);
		await until('its last state', () => told.getAttribute('data-status'), (status) => status === 'acknowledged');
		await until('the answer', () => told.locator('pre').innerText(), (text) => text.includes('Hw:FMB920'));
		await told.getByText('History').click();
		const history = await told.locator('.history li').allInnerTexts();
		assert.deepEqual(history.map((line) => line.replace(/^.*UTC /, '')), ['Pending', 'Routed', 'Sent', 'Acknowledged']);
		await keepPicture(page, 'more/spa-command');
		await page.keyboard.press('Escape');
	});

	test('one command goes to every tracker, and what each says is in a table', async () => {
		await page.getByRole('tab', { name: 'Commands' }).click();
		const form = page.locator('.bulk .command-form');
		await form.getByRole('combobox', { name: 'Command' }).selectOption('getinfo');
		await form.getByRole('button', { name: 'Send' }).click();
		const outcomes = () => page.locator('.outcomes tbody tr').evaluateAll((rows) => rows.map((row) => (row as HTMLElement).dataset['outcome']));
		const all = await until('answers', outcomes, (states) => states.filter((state) => state === 'acknowledged').length > 1);
		assert.ok(all.every((state) => state !== undefined), 'a tracker was left out');
		const given = await page.locator('.bulk-progress').getAttribute('data-given');
		assert.equal(Number(given), all.length);
		assert.deepEqual(await barriers(page), []);
		await keepPicture(page, 'more/spa-bulk');
		await page.getByRole('tab', { name: 'Standings' }).click();
	});

	test('an alert is counted and listed at once, and leads to whom it is about', async () => {
		const admin = await Api.logIn(stack!);
		const [row] = await rowsOf(page);
		const { device, event, organization } = await admin.ask<Record<string, string>>('GET', `/items/entries/${row!.entry}`);
		const { id } = await admin.ask<{ id: string }>('POST', '/items/alerts', {
			organization,
			event,
			device,
			kind: 'overspeed',
			severity: 'warning',
			status: 'open',
			occurred_at: new Date().toISOString(),
			message: 'Faster than 120 km/h for 30 s',
		});
		try {
			const tab = page.getByRole('tab', { name: /Alerts/ });
			await until('its count', () => tab.innerText(), (text) => /\d/.test(text));
			await tab.click();
			const alert = page.locator(`[data-alert="${id}"]`);
			assert.match(await alert.innerText(), /Overspeed[\s\S]*Faster than 120 km\/h/);
			assert.deepEqual(await barriers(page), []);
			await keepPicture(page, 'more/spa-alerts');
			await alert.getByRole('button').click();
			await page.locator(`[data-detail="${row!.entry}"]`).waitFor();
			await page.keyboard.press('Escape');
		} finally {
			await admin.ask('DELETE', `/items/alerts/${id}`);
		}
		await page.locator(`[data-alert="${id}"]`).waitFor({ state: 'detached' });
		await page.getByRole('tab', { name: 'Standings' }).click();
	});

	test('what people change shows at once', async () => {
		const admin = await Api.logIn(stack!);
		const [row] = await rowsOf(page);
		const path = `/items/entries/${row!.entry}`;
		const { name } = await admin.ask<{ name: string }>('GET', path);
		const shown = page.locator(`[data-entry="${row!.entry}"] .name`);
		try {
			await admin.ask('PATCH', path, { name: 'Somebody Else' });
			await until('the new name', () => shown.innerText(), (text) => text === 'Somebody Else');
		} finally {
			await admin.ask('PATCH', path, { name });
		}
		await until('the old name', () => shown.innerText(), (text) => text === name);
	});

	test('who only looks sees the race, and no form for commands', async () => {
		const admin = await Api.logIn(stack!);
		const event = /events\/([0-9a-f-]{36})/.exec(page.url())![1];
		const { organization } = await admin.ask<{ organization: string }>('GET', `/items/events/${event}`);
		const [role] = await admin.ask<{ id: string }[]>('GET', '/roles?filter[name][_eq]=Viewer');
		const viewer = { email: `viewer-${Date.now()}@example.com`, password: crypto.randomUUID() };
		const { id } = await admin.ask<{ id: string }>('POST', '/users', { ...viewer, role: role!.id, status: 'active' });
		const stranger = await browser.newContext({ viewport: PHONE });
		try {
			const other = await stranger.newPage();
			other.setDefaultTimeout(PATIENCE);
			const said = consoleErrors(other);
			await signIn(other, viewer.password, viewer.email);
			await other.getByText('No event yet.').waitFor();
			assert.deepEqual(await barriers(other), []);
			await admin.ask('POST', '/items/organization_members', { organization, user: id, role: 'viewer' });
			await other.reload();
			await other.locator('[data-event]').first().waitFor();
			assert.deepEqual(await barriers(other), []);
			await openEvent(other);
			await until('two live channels', () => badges(other), (states) => states.join() === 'live live,directus live');
			await until('competitors with a fix', () => rowsOf(other), (rows) => rows.filter((row) => row.place).length >= MOVING);
			await other.locator('[data-entry]').first().click();
			await until('the tracker’s state', () => other.locator('[data-figure=Tracker]').innerText(), (text) => /connected/.test(text));
			assert.equal(await other.locator('.command-panel').count(), 0);
			assert.deepEqual(said, []);
		} finally {
			await stranger.close();
			const members = await admin.ask<{ id: string }[]>('GET', `/items/organization_members?fields=id&filter[user][_eq]=${id}`);
			for (const member of members) await admin.ask('DELETE', `/items/organization_members/${member.id}`);
			await admin.ask('DELETE', `/users/${id}`);
		}
	});

	test('a reload stays signed in, with a fresh token for one that is over', async () => {
		await page.evaluate(() => {
			const key = 'biplane.session';
			const session = JSON.parse(localStorage.getItem(key)!) as object;
			localStorage.setItem(key, JSON.stringify({ ...session, access_token: 'over', expires_at: 1 }));
		});
		await page.reload();
		await page.locator('[data-entry]').first().waitFor();
		await until('two live channels', () => badges(page), (states) => states.join() === 'live live,directus live');
	});

	test('nothing bars anybody: no serious or critical finding of axe', async () => {
		assert.deepEqual(await barriers(page), []);
		await page.emulateMedia({ colorScheme: 'dark' });
		await page.waitForTimeout(1500);
		assert.deepEqual(await barriers(page), []);
		// Without a graphics card the map takes seconds to put on other colours.
		await page.waitForTimeout(6000);
		await keepPicture(page, 'more/spa-dark');
		await page.emulateMedia({ colorScheme: 'light' });
	});

	test('a phone has the map above and the list below, and nothing is cut off', async () => {
		await page.setViewportSize(PHONE);
		await page.waitForTimeout(1500);
		const box = async (selector: string) => (await page.locator(selector).boundingBox())!;
		const [map, side] = [await box('.map'), await box('.side')];
		assert.ok(map.y < side.y && map.height >= 250 && side.height >= 250, JSON.stringify({ map, side }));
		assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= PHONE.width, 'no sideways scrolling');
		assert.deepEqual(await barriers(page), []);
		await keepPicture(page, 'spa-phone');
		await page.locator('[data-entry]').first().click();
		await page.locator('[data-detail]').waitFor();
		await page.waitForTimeout(1500);
		await keepPicture(page, 'more/spa-phone-detail');
		await page.keyboard.press('Escape');
		await page.setViewportSize(DESKTOP);
	});

	test('nobody else is asked for anything, and the console stays clean', () => {
		const ours = new Set([new URL(address!).origin, new URL(stack!.url).origin]);
		assert.deepEqual([...hosts].filter((host) => !ours.has(host)), []);
		assert.deepEqual(errors, []);
	});

	test('signing out leads to the form', async () => {
		await page.getByRole('button', { name: 'Sign out' }).click();
		await page.getByLabel('Password').waitFor();
		await page.reload();
		await page.getByLabel('Password').waitFor();
	});
});
