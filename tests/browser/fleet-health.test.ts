import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';

import type { Browser, Locator, Page } from 'playwright-core';

import { Api, Organization } from './api.ts';
import { barriers } from './barriers.ts';
import { consoleErrors, openBrowser } from './chromium.ts';
import { closeSidebar, dashboardWith, logIn, removeDashboard, stackFromEnvironment } from './directus.ts';
import { phonesFromEnvironment, reportAsPhone } from './phone.ts';
import { keepPicture } from './pictures.ts';
import { PATIENCE, until } from './until.ts';

const stack = stackFromEnvironment();
const phones = phonesFromEnvironment();
const skip = stack && phones ? false : 'BIPLANE_DIRECTUS_URL, BIPLANE_ADMIN_EMAIL, BIPLANE_ADMIN_PASSWORD and BIPLANE_STACK name no running stack';

const DAY_MS = 86_400_000;
const TOKEN = `phone-${randomUUID()}`;
/** Each with what its battery has left (%) and how many of its fixes can't be true. */
const PHONES = [
	{ name: 'Safety car', batt: 84, faulty: 0 },
	{ name: 'Sweep van', batt: 61, faulty: 1 },
	{ name: 'Medical 1', batt: 12, faulty: 0 },
	{ name: 'Medical 2', batt: 77, faulty: 3 },
	{ name: 'Lead bike', batt: 93, faulty: 0 },
];
const FIXES = 20;

interface Health {
	devices: { all: number; connected: number };
	faults: { fixes: number; faulty: number; worst: { device: string }[] };
	away: { all: number; devices: { device: string }[] };
}

describe('fleet health in the browser', { skip, timeout: 4 * PATIENCE }, () => {
	let browser: Browser;
	let page: Page;
	let panel: Locator;
	let errors: string[];
	let admin: Api;
	let viewer: Api;
	let organization: Organization;
	let address: string;
	const ids: Record<string, string> = {};
	const imeis: Record<string, string> = {};

	const text = async (of: Locator): Promise<string> => (await of.innerText()).replace(/\s+/g, ' ');
	const figure = (name: string): Promise<string> => text(panel.locator(`[data-figure="${name}"]`));
	const asked = (): Promise<Health> => viewer.ask('GET', `/biplane/fleet/health?organization=${organization.id}`);

	before(async () => {
		admin = await Api.logIn(stack!);
		organization = await Organization.make(admin, `Fleet ${randomUUID().slice(0, 8)}`);
		const person = await organization.person('viewer');
		viewer = await Api.logIn(stack!, person);
		for (const { name } of [...PHONES, { name: 'Spare phone' }]) {
			const { id, imei } = await organization.device({ name, protocol: 'osmand', token: TOKEN });
			[ids[name], imeis[name]] = [id, imei];
		}
		const since = (days: number): string => new Date(Date.now() - days * DAY_MS).toISOString();
		for (const [name, days] of [['Boat 3', 2.1], ['Boat 7', 16], ['Drone', 0.3]] as const) {
			const { id } = await organization.device({ name });
			ids[name] = id;
			const last = { last_received_at: since(days), last_fix_at: since(days), protocol: 'teltonika', gateway: 'gateway-2' };
			await organization.create('device_status', { id, device: id, connected: false, ...last });
		}
		await Promise.all(PHONES.map(async ({ name, batt, faulty }, place) => {
			for (let fix = 0; fix < FIXES; fix += 1) {
				// Now and then in another country.
				const astray = fix % 4 === 1 && fix / 4 < faulty ? 3 : 0;
				const where = { lat: 46 + place / 100 + fix * 1e-4, lon: 12 + astray };
				await reportAsPhone(phones!, { imei: imeis[name]!, token: TOKEN }, { ...where, batt, at: Date.now() - (FIXES - fix) * 1000 });
			}
		}));
		await until('all fixes in the table', asked, ({ faults }) => faults.fixes === PHONES.length * FIXES && faults.faulty === 4);
		address = await dashboardWith(admin, stack!, 'biplane-fleet-health', { organization: { key: organization.id, collection: 'organizations' } });
		// As large as it is on its own dashboard.
		const [made] = await admin.ask<{ id: string }[]>('GET', `/panels?filter[dashboard][_eq]=${address.split('/').at(-1)}`);
		await admin.ask('PATCH', `/panels/${made!.id}`, { width: 48, height: 19 });
		browser = await openBrowser();
		page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
		page.setDefaultTimeout(PATIENCE);
		errors = consoleErrors(page);
		panel = page.locator('[data-biplane-panel="fleet-health"]');
		await logIn(page, { ...stack!, ...person });
		await page.goto(address);
		await panel.locator('[data-figure]').first().waitFor();
	});

	after(async () => {
		await browser?.close();
		if (address) await removeDashboard(admin, address);
	});

	test('a viewer sees the figures that the API gives', async () => {
		const { devices, away, faults } = await asked();
		assert.deepEqual([devices.all, devices.connected, away.all], [9, 5, 4]);
		assert.match(await figure('connected'), /^Connected 5 of 9 devices$/);
		assert.match(await figure('away'), /^Offline 4 1 never heard of$/);
		assert.match(await figure('lag'), /^Lag, fix to database [\d.]+ (ms|s) median · 95 % within [\d.]+ (ms|s)$/);
		assert.match(await figure('faulty'), /^Faulty fixes 4.0 % of 100 in the last hour$/);
		assert.equal(faults.worst[0]!.device, ids['Medical 2']);
		const ages = await panel.locator('[data-list=age] th').allInnerTexts();
		assert.deepEqual(ages, ['up to 10 s', '10 s – 1 min', '1 min – 10 min', '10 min – 1 h', '1 h – 24 h', 'over 24 h']);
	});

	test('connections are told by protocol and by instance of the gateway', async () => {
		assert.equal(await text(panel.locator('[data-list=protocol] [data-bar=osmand]')), 'osmand 5 / 6');
		assert.match(await text(panel.locator('[data-list=protocol] [data-bar=teltonika]')), /0 \/ 3$/);
		assert.match(await text(panel.locator('[data-list=gateway] [data-bar="gateway-2"]')), /0 \/ 3$/);
		assert.equal(await panel.locator('[data-list=gateway] [data-bar]').count(), 2);
	});

	test('who has the most faulty fixes stands first, and a battery that is low is named', async () => {
		const worst = panel.locator('[data-list=worst] [data-bar]');
		assert.equal(await worst.count(), 2);
		assert.equal(await text(worst.nth(0)), 'Medical 2 15 % (3 / 20)');
		assert.equal(await text(worst.nth(1)), 'Sweep van 5.0 % (1 / 20)');
		assert.match(await text(panel.locator('[data-battery]')), /Battery: 1 of 5 at 20 % or less Medical 1 \(12 %\)/);
	});

	test('who is away is listed, the longest first, and leads to the device', async () => {
		const rows = panel.locator('[data-away]');
		const listed = await rows.evaluateAll((found) => found.map((row) => row.getAttribute('data-away')));
		assert.deepEqual(listed, ['Boat 7', 'Boat 3', 'Drone', 'Spare phone'].map((name) => ids[name]));
		assert.match(await text(rows.nth(0)), /^Boat 7 \d{4}-\d\d-\d\d \d\d:\d\d 16 d$/);
		assert.match(await text(rows.nth(3)), /^Spare phone never –$/);
		await rows.nth(0).getByRole('link').click();
		await page.waitForURL(new RegExp(`/admin/content/devices/${ids['Boat 7']}`));
		await page.goto(address);
		await rows.first().waitFor();
	});

	test('it can be read by day and by night, by everybody', async () => {
		await closeSidebar(page);
		for (const appearance of ['light', 'dark'] as const) {
			await page.evaluate((value) => fetch('/users/me', {
				method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ appearance: value }), credentials: 'include',
			}), appearance);
			await page.reload();
			await panel.locator('[data-figure]').first().waitFor();
			assert.deepEqual(await barriers(page, '[data-biplane-panel="fleet-health"]'), []);
			const cut = await panel.locator('.column, .scroll').evaluateAll((boxes) => boxes.filter((box) => box.scrollWidth > box.clientWidth).map((box) => box.textContent));
			assert.deepEqual(cut, [], 'nothing is cut off');
			await keepPicture(panel, appearance === 'light' ? 'panel-fleet-health' : 'more/panel-fleet-health-dark');
		}
	});

	test('a device that is heard of for the first time shows by itself', async () => {
		await reportAsPhone(phones!, { imei: imeis['Spare phone']!, token: TOKEN }, { lat: 46.2, lon: 12, at: Date.now(), batt: 50 });
		await panel.locator(`[data-away="${ids['Spare phone']}"]`).waitFor({ state: 'detached' });
		assert.match(await figure('connected'), /^Connected 6 of 9 devices$/);
	});

	test('who belongs to no organization with devices is told so', async () => {
		const other = await Organization.make(admin, 'Empty');
		const page = await browser.newPage();
		page.setDefaultTimeout(PATIENCE);
		page.setDefaultNavigationTimeout(PATIENCE);
		await logIn(page, { ...stack!, ...(await other.person('viewer')) });
		await page.goto(address);
		await page.locator('[data-biplane-panel="fleet-health"][data-state=empty]').waitFor();
		await page.close();
	});

	test('the browser’s console stays clean', () => {
		assert.deepEqual(errors, []);
	});
});
