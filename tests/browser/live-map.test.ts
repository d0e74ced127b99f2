import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import type { Browser, Locator, Page } from 'playwright-core';

import { screenX, screenY, viewOf, worldX, worldY } from '../../extensions/biplane/src/live-map-panel/marks/world.ts';
import { Api, Organization, type Credentials } from './api.ts';
import { barriers } from './barriers.ts';
import { colours, consoleErrors, openBrowser } from './chromium.ts';
import { closeSidebar, dashboardWith, logIn, removeDashboard, stackFromEnvironment } from './directus.ts';
import { keepPicture } from './pictures.ts';
import { PATIENCE, until } from './until.ts';

const stack = stackFromEnvironment();
const description = process.env['BIPLANE_STACK'];
const skip = stack && description ? false : 'BIPLANE_STACK, BIPLANE_DIRECTUS_URL, BIPLANE_ADMIN_EMAIL and BIPLANE_ADMIN_PASSWORD name no running stack';

const TOKEN = 'a-token-of-the-live-map';
const TYPE = 'biplane-live-map';
/** A fix so often (s), so many of them. */
const EVERY_S = 15;
const FIXES = 20;
/** The one that nothing could have reached: 6 km away in 15 s, and back. */
const FAULTY = 10;
const ASIDE = { lat: 0.035, lon: 0.06 };
/** Each with a phone of this name; the last one takes no part in the ride. */
const RIDERS: { device: string; number?: string; name?: string }[] = [
	{ device: 'Lead', number: '7', name: 'Ana Lead' },
	{ device: 'Sweep', number: '12', name: 'Bor Sweep' },
	{ device: 'Phone 23', number: '23', name: 'Cene Kos' },
	{ device: 'Phone 31', number: '31', name: 'Dana Hrast' },
	{ device: 'Phone 40', number: '40', name: 'Eva Pirc' },
	{ device: 'Van' },
];
const COURSE = [
	{ name: 'Village', role: 'start', direction: 'exit', at: [14.548, 46.122], radius_m: 3000 },
	{ name: 'Pass', role: 'finish', direction: 'enter', at: [14.56, 46.2], radius_m: 700 },
];

/** A picture of one pixel, `fe0000`. */
const RED = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4x8AAAAL+AP8oJgQeAAAAAElFTkSuQmCC', 'base64');

interface Device {
	id: string;
	imei: string;
	/** Where it sets out. */
	lat: number;
	lon: number;
}

describe('the live map in the browser', { skip, timeout: 8 * PATIENCE }, () => {
	let browser: Browser;
	let page: Page;
	let panel: Locator;
	let errors: string[];
	let admin: Api;
	let organization: Organization;
	let elsewhere: Organization;
	let viewer: Credentials;
	let event: string;
	let entry: string;
	const devices: Device[] = [];
	const dashboards: string[] = [];
	const startS = Math.floor(Date.now() / 1000) - FIXES * EVERY_S;
	const timeOf = (index: number): number => (startS + index * EVERY_S) * 1000;
	const rounded = (degrees: number): number => Math.round(degrees * 1e6) / 1e6;
	const latOf = ({ lat }: Device, index: number): number => rounded(lat + index * 0.002);
	const lonOf = ({ lon }: Device, index: number): number => rounded(lon + Math.sin(index / 3 + lon * 100) * 0.006);
	const layers = ['trails', 'course', 'fences', 'numbers', 'faulty'];

	const row = (number: string): Locator => panel.locator(`[data-entry][data-number="${number}"]`);
	const latOfRow = (number: string) => async (): Promise<number> => Number(await row(number).getAttribute('data-lat'));
	const hour = (ms: number): string => new Date(ms).toISOString().slice(11, 19);
	const scrubTo = (ms: number): Promise<void> =>
		panel.locator('input[type=range]').evaluate((slider: HTMLInputElement, value) => {
			slider.value = String(value);
			slider.dispatchEvent(new Event('input', { bubbles: true }));
		}, ms);
	/** A dashboard with the panel alone; taken away afterwards. */
	async function open(on: Page, options: object): Promise<void> {
		const address = await dashboardWith(admin, stack!, TYPE, options);
		dashboards.push(address);
		await on.goto(address);
	}
	const ofMe = (change: object): Promise<unknown> => admin.ask('PATCH', '/users/me', change);

	/** As a phone does: one report after another. */
	async function report(device: Device, index: number): Promise<number> {
		const { imei } = device;
		const at = { lat: latOf(device, index), lon: lonOf(device, index) };
		if (index === FAULTY && device === devices[0]) {
			at.lat += ASIDE.lat;
			at.lon += ASIDE.lon;
		}
		const { osmand_url: url } = JSON.parse(readFileSync(description!, 'utf8')) as { osmand_url: string };
		const query = `id=${imei}&lat=${at.lat}&lon=${at.lon}&altitude=400&timestamp=${startS + index * EVERY_S}`;
		return (await fetch(`${url}/?${query}`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } })).status;
	}

	before(async () => {
		admin = await Api.logIn(stack!);
		await ofMe({ appearance: null, language: null });
		organization = await Organization.make(admin, 'Live map');
		viewer = await organization.person('viewer');
		for (const [index, { device: name }] of RIDERS.entries()) {
			const { id, imei } = await organization.device({ name, protocol: 'osmand', token: TOKEN });
			devices.push({ id, imei, lat: 46.1 + index * 0.011, lon: 14.5 + index * 0.024 });
		}
		({ id: event } = await organization.create('events', {
			name: 'Ride', status: 'running', timezone: 'Europe/Ljubljana', starts_at: new Date(timeOf(0) - 60_000).toISOString(),
		}));
		for (const [index, { name, role, direction, at, radius_m }] of COURSE.entries()) {
			const geometry = { type: 'Point', coordinates: at };
			const { id: geofence } = await organization.create('geofences', { name, kind: 'circle', geometry, radius_m, status: 'active' });
			await organization.create('checkpoints', { event, geofence, name, role, direction, sort: index + 1 });
		}
		for (const [index, { number, name }] of RIDERS.entries()) {
			if (!number) continue;
			const { id } = await organization.create('entries', { event, number, name, device: devices[index]!.id, status: 'started' });
			if (index === 0) entry = id;
		}
		await until('the gateway to know the phones', async () => Promise.all(devices.map((device) => report(device, 0))), (all) => all.every((status) => status === 200));
		for (let index = 1; index < FIXES; index++) {
			for (const device of devices) assert.equal(await report(device, index), 200);
		}
		// The live channel tells the newest fix of each; the one that is implausible has to be in the table by now.
		const range = `from=${new Date(timeOf(0)).toISOString()}&to=${new Date(timeOf(FIXES)).toISOString()}&faulty=true`;
		await until(
			'all fixes in the table',
			() => Promise.all(devices.map(({ id }) => admin.ask<unknown[]>('GET', `/biplane/devices/${id}/positions?${range}`))),
			(tracks) => tracks.every((track) => track.length === FIXES),
		);
		browser = await openBrowser();
		page = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
		page.setDefaultTimeout(PATIENCE);
		errors = consoleErrors(page);
		panel = page.locator(`[data-biplane-panel="live-map"]`);
		await logIn(page, stack!);
		await open(page, { what: 'event', event: { key: event, collection: 'events' }, layers, trailMinutes: 30 });
		await panel.locator('[data-map=drawn]').waitFor();
		await closeSidebar(page);
	});

	after(async () => {
		await ofMe({ appearance: null, language: null }).catch(() => undefined);
		await browser?.close();
		for (const address of dashboards) await removeDashboard(admin, address);
		await organization?.finish();
		await elsewhere?.finish();
	});

	test('competitors are where they were last, whatever an implausible fix said', async () => {
		await until('the last fix of 7', latOfRow('7'), (lat) => lat === latOf(devices[0]!, FIXES - 1));
		await until('the last fix of 12', latOfRow('12'), (lat) => lat === latOf(devices[1]!, FIXES - 1));
		assert.equal(await row('7').getAttribute('data-fix-time'), hour(timeOf(FIXES - 1)));
	});

	test('selection opens the item, with its implausible fix and why it is one', async () => {
		await row('7').focus();
		await page.keyboard.press('Enter');
		assert.equal(await row('7').getAttribute('aria-pressed'), 'true');
		const card = panel.locator('[data-card]');
		const text = (await card.innerText()).replace(/\s+/g, ' ');
		assert.match(text, /7 Ana Lead/);
		assert.match(text, new RegExp(`${hour(timeOf(FIXES - 1))}\\.000 UTC`));
		const fault = card.locator('[data-fault]');
		await fault.getByText('Nothing gets there from the fix before so fast.').waitFor();
		assert.equal(await fault.locator('strong').innerText(), `${hour(timeOf(FAULTY))}.000`);
		assert.equal(await card.locator('[data-entry-link]').getAttribute('href'), `/admin/content/entries/${entry}`);
		assert.equal(await card.locator('[data-device-link]').getAttribute('href'), `/admin/content/devices/${devices[0]!.id}`);
		const follow = card.getByRole('button', { name: 'Follow on the map' });
		await follow.click();
		await card.getByRole('button', { name: 'Stop following' }).click();
		await follow.waitFor();
	});

	test('a cross stands where the implausible fix was, and says why under the pointer', async () => {
		await panel.getByRole('button', { name: 'Show all competitors' }).click();
		const box = (await panel.locator('[data-map]').boundingBox())!;
		const place = { lat: latOf(devices[0]!, FAULTY) + ASIDE.lat, lon: lonOf(devices[0]!, FAULTY) + ASIDE.lon };
		// Everybody fits between header, card and buttons.
		const room = { left: 328, top: 114, width: box.width - 328 - 88, height: box.height - 114 - 56 };
		const shown = devices.filter((_, index) => RIDERS[index]!.number);
		const [lats, lons] = [latOf, lonOf].map((of) => shown.map((device) => of(device, FIXES - 1)));
		const [west, east, south, north] = [Math.min(...lons!), Math.max(...lons!), Math.min(...lats!), Math.max(...lats!)];
		const fitted = Math.min(
			Math.log2(room.width / (512 * ((east - west) / 360))),
			Math.log2(room.height / (512 * ((worldY(south) - worldY(north)) / 2 ** 31))),
			13,
		);
		const view = viewOf({ lng: (west + east) / 2, lat: (south + north) / 2 }, fitted, room.width, room.height);
		const at = { x: box.x + room.left + screenX(view, worldX(place.lon)), y: box.y + room.top + screenY(view, worldY(place.lat)) };
		const hint = panel.locator('[data-hint]');
		await until(
			'what is under the pointer',
			async () => {
				await page.mouse.move(at.x + 40, at.y);
				await page.mouse.move(at.x, at.y, { steps: 3 });
				return (await hint.count()) > 0 ? (await hint.innerText()).replace(/\s+/g, ' ') : '';
			},
			(text) => /7 Ana Lead Faulty fix .* Nothing gets there from the fix before so fast\./.test(text),
		);
		await keepPicture(panel, 'panel-live-map');
		assert.equal(await latOfRow('7')(), latOf(devices[0]!, FIXES - 1), 'the mark has not moved');
		await page.mouse.move(0, 0);
	});

	test('replay scrubbed to a time shows that time’s places, plays on, and is left with one click', async () => {
		const bar = panel.locator('[data-replay]');
		await scrubTo(timeOf(6) + 3000);
		await until('the place of 7 then', latOfRow('7'), (lat) => lat === latOf(devices[0]!, 6));
		await until('the place of 12 then', latOfRow('12'), (lat) => lat === latOf(devices[1]!, 6));
		assert.equal(await bar.getAttribute('data-replay'), 'paused');
		assert.equal(await panel.locator('[data-badge]').innerText(), 'Replay');
		assert.match(await panel.locator('[data-clock]').innerText(), new RegExp(`^${hour(timeOf(6) + 3000)}\\s+UTC`));
		assert.equal(await panel.locator('[data-card] [data-fault]').count(), 0, 'the implausible fix was still to come');
		await scrubTo(timeOf(2));
		await until('an earlier place', latOfRow('7'), (lat) => lat === latOf(devices[0]!, 2));
		await bar.getByRole('button', { name: '60×' }).click();
		await bar.getByRole('button', { name: 'Play' }).click();
		await until('that it goes on', latOfRow('7'), (lat) => lat > latOf(devices[0]!, 2));
		await bar.getByRole('button', { name: 'Live', exact: true }).click();
		await until('the present', latOfRow('7'), (lat) => lat === latOf(devices[0]!, FIXES - 1));
		assert.equal(await bar.getAttribute('data-replay'), 'live');
	});

	test('the slider is moved by keyboard', async () => {
		const slider = panel.getByRole('slider', { name: 'Time of the replay' });
		await slider.focus();
		await page.keyboard.press('Home');
		await until('the start', async () => panel.locator('[data-clock]').innerText(), (text) => text.startsWith(hour(timeOf(0) - 60_000)));
		await page.keyboard.press('ArrowRight');
		await until('a second later', async () => panel.locator('[data-clock]').innerText(), (text) => text.startsWith(hour(timeOf(0) - 59_000)));
		await panel.getByRole('button', { name: 'Live', exact: true }).click();
	});

	test('by day and by night nobody is kept out', async () => {
		for (const appearance of ['light', 'dark'] as const) {
			await ofMe({ appearance });
			await page.reload();
			await panel.locator('[data-map=drawn]').waitFor();
			await row('7').click();
			await panel.locator('[data-card]').waitFor();
			assert.deepEqual(await barriers(page, '[data-biplane-panel="live-map"]'), []);
			await keepPicture(panel, `more/panel-live-map-${appearance}`);
		}
		await ofMe({ appearance: null });
	});

	test('German and Slovenian have their own words, in the panel and in its settings', async () => {
		const address = page.url();
		const [made] = await admin.ask<{ id: string }[]>('GET', `/panels?fields=id&filter[dashboard][_eq]=${address.split('/').pop()}`);
		for (const [language, competitors, layers] of [['de-DE', 'Teilnehmer', 'Ebenen'], ['sl-SI', 'Tekmovalci', 'Plasti']] as const) {
			await ofMe({ language });
			await page.goto(address);
			await panel.getByRole('heading', { name: competitors }).waitFor();
			await page.goto(`${address}/${made!.id}`);
			await page.getByText(layers, { exact: true }).first().waitFor();
			await keepPicture(page, `more/live-map-settings-${language}`);
		}
		await ofMe({ language: null });
	});

	test('an organization’s devices are shown without an event', async () => {
		await open(page, { what: 'organization', organization: { key: organization.id, collection: 'organizations' }, layers });
		await panel.getByRole('heading', { name: `Devices ${RIDERS.length}` }).waitFor();
		for (const [index, { device: name }] of RIDERS.entries()) {
			await until(`the last fix of ${name}`, latOfRow(name), (lat) => lat === latOf(devices[index]!, FIXES - 1));
		}
		assert.equal(await panel.locator('[data-replay]').count(), 0, 'only an event is replayed');
		await row('Van').click();
		await panel.locator('[data-card] [data-device-link]').click();
		await page.waitForURL(new RegExp(`/admin/content/devices/${devices.at(-1)!.id}`));
	});

	test('tiles of a server lie over the built-in map, which waits for none', async () => {
		const tiled = await browser.newPage({ viewport: { width: 1600, height: 1000 } });
		tiled.setDefaultTimeout(PATIENCE);
		const there = tiled.locator('[data-biplane-panel="live-map"]');
		// The stack's own setting is for all tests, and tiles are somewhere else on the internet.
		await tiled.route('**/biplane/live/config', async (route) => {
			const response = await route.fetch();
			const { data } = (await response.json()) as { data: object };
			await route.fulfill({ response, json: { data: { ...data, tiles: 'https://tiles.example.com/{z}/{x}/{y}.png' } } });
		});
		let answer!: () => void;
		const mayAnswer = new Promise<void>((resolve) => (answer = resolve));
		let asked = 0;
		await tiled.route('https://tiles.example.com/**', async (route) => {
			asked++;
			await mayAnswer;
			await route.fulfill({ body: RED, contentType: 'image/png', headers: { 'access-control-allow-origin': '*' } });
		});
		await logIn(tiled, stack!);
		await open(tiled, { what: 'event', event: { key: event, collection: 'events' }, layers: [], list: false });
		await there.locator('[data-map=drawn]').waitFor();
		await until('the tiles to be asked for', async () => asked, (times) => times > 0);
		const picture = async () => colours(browser, await there.locator('[data-map] canvas').first().screenshot());
		const before = await picture();
		assert.ok(before.distinct > 20 && before.commonest !== 'fe0000', `the built-in map: ${JSON.stringify(before)}`);
		answer();
		await until('the tiles', picture, ({ commonest }) => commonest === 'fe0000');
		await tiled.close();
	});

	test('a viewer sees the same, and of what is not theirs only that', async () => {
		const theirs = await (await browser.newContext()).newPage();
		theirs.setDefaultTimeout(PATIENCE);
		const own = consoleErrors(theirs);
		const there = theirs.locator('[data-biplane-panel="live-map"]');
		await logIn(theirs, { ...stack!, ...viewer });
		await open(theirs, { event: { key: event, collection: 'events' } });
		await there.locator('[data-entry][data-number="7"][data-lat]').waitFor();
		assert.deepEqual(own, []);
		elsewhere = await Organization.make(admin, 'Elsewhere');
		const hidden = await elsewhere.create('events', { name: 'Hidden', status: 'running', timezone: 'UTC' });
		await open(theirs, { event: { key: hidden.id, collection: 'events' } });
		await there.getByText('does not exist, or your role may not see it').waitFor();
		await theirs.context().close();
	});

	test('the browser’s console stays clean', () => {
		assert.deepEqual(errors, []);
	});
});
