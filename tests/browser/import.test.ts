import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Browser, Locator, Page } from 'playwright-core';

import { anyImei, Api, type Credentials, Organization } from './api.ts';
import { barriers } from './barriers.ts';
import { consoleErrors, openBrowser } from './chromium.ts';
import { closeSidebar, dashboardWith, logIn, removeDashboard, stackFromEnvironment } from './directus.ts';
import { keepPicture } from './pictures.ts';
import { PATIENCE, until } from './until.ts';

const stack = stackFromEnvironment();
const skip = stack ? false : 'BIPLANE_DIRECTUS_URL, BIPLANE_ADMIN_EMAIL and BIPLANE_ADMIN_PASSWORD name no running stack';

const PANEL = '[data-biplane-panel="import"]';

interface Item {
	id: string;
	[field: string]: unknown;
}

/** A person at the panel. */
interface Desk {
	page: Page;
	panel: Locator;
	errors: string[];
	api: Api;
}

/** What the API answers somebody who writes an item. */
async function refusalOf(api: Api, collection: string, item: object): Promise<string[]> {
	const told = await api.create(collection, item).then(() => '', (error: Error) => error.message);
	const from = told.indexOf('{"errors"');
	assert.ok(from > 0, `refused: ${JSON.stringify(item)}`);
	return (JSON.parse(told.slice(from)) as { errors: { message: string }[] }).errors.map(({ message }) => message);
}

const csv = (rows: string[][], delimiter = ','): string => rows.map((row) => row.join(delimiter)).join('\r\n');

describe('import and flags in the browser', { skip, timeout: 6 * PATIENCE }, () => {
	let browser: Browser;
	let admin: Api;
	let organization: Organization;
	let event: string;
	let address: string;
	let manager: Desk;

	/** Sixty trackers, of which the last seven are wrong, each in its own way. */
	const imeis = Array.from({ length: 60 }, anyImei);
	const good = imeis.map((imei, index) => [imei, `Tracker ${index + 1}`, index % 2 ? 'FMB920' : '', '']);
	const digitOff = `${imeis[53]!.slice(0, 14)}${(Number(imeis[53]![14]) + 1) % 10}`;
	const faulty = [
		{ row: [digitOff, 'Tracker 54', '', ''], field: 'imei' },
		{ row: ['35630704244', 'Tracker 55', '', ''], field: 'imei' },
		{ row: ['', 'Tracker 56', '', ''], field: 'imei' },
		{ row: [imeis[56]!, '', '', ''], field: 'name' },
		{ row: [imeis[57]!, 'Tracker 58', 'FMB92', ''], field: 'model' },
		{ row: [imeis[58]!, 'Tracker 59', '', 'short'], field: 'token' },
		{ row: [imeis[0]!, 'Tracker 60', '', ''], field: 'imei' },
	];
	const HEADINGS = ['IMEI', 'Name', 'Model', 'Token'];

	const devices = () => admin.ask<Item[]>('GET', `/items/devices?filter[organization][_eq]=${organization.id}&limit=-1&sort=imei`);
	const entries = () => admin.ask<Item[]>('GET', `/items/entries?filter[event][_eq]=${event}&limit=-1&sort=number`);

	async function sitDown(credentials: Credentials): Promise<Desk> {
		const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true });
		const page = await context.newPage();
		page.setDefaultTimeout(PATIENCE);
		const errors = consoleErrors(page);
		await logIn(page, { url: stack!.url, ...credentials });
		await page.goto(address);
		const panel = page.locator(PANEL);
		await panel.waitFor();
		await until('the panel has read', () => panel.getAttribute('data-state'), (state) => state !== 'loading');
		return { page, panel, errors, api: await Api.logIn(stack!, credentials) };
	}

	/** Gives the panel a file and waits until it is judged. */
	async function give({ panel }: Desk, name: string, content: string | Buffer): Promise<void> {
		const another = panel.getByRole('button', { name: 'Another file' });
		if (await another.count()) await another.click();
		await panel.locator('input[type=file]').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(content) });
		await stage({ panel }, 'checked');
	}

	/** None where something stands in the way. */
	const importButton = ({ panel }: Pick<Desk, 'panel'>): Locator => panel.getByRole('button', { name: /^Import \d/ });
	const stage = ({ panel }: Pick<Desk, 'panel'>, name: string) => panel.locator(`[data-stage="${name}"]`).waitFor();
	const counts = async ({ panel }: Desk): Promise<Record<string, number>> => Object.fromEntries(
		await Promise.all(['bad', 'create', 'update', 'unchanged'].map(async (verdict) =>
			[verdict, Number(await panel.locator(`[data-count="${verdict}"]`).getAttribute('data-value'))])),
	);
	const faults = async ({ panel }: Desk): Promise<string[][]> => {
		const rows = await panel.locator('[data-fault]').all();
		return Promise.all(rows.map(async (row) => (await row.locator('td').allInnerTexts()).map((text) => text.trim())));
	};

	before(async () => {
		browser = await openBrowser();
		admin = await Api.logIn(stack!);
		organization = await Organization.make(admin, 'Soča Valley Rally');
		const span = { starts_at: '2026-05-01T08:00:00Z', ends_at: '2026-05-01T14:30:00Z' };
		({ id: event } = await organization.create('events', { name: 'Spring stage', status: 'scheduled', timezone: 'Europe/Ljubljana', ...span }));
		address = await dashboardWith(admin, stack!, 'biplane-import');
		manager = await sitDown(await organization.person('manager'));
	});

	after(async () => {
		await browser?.close();
		if (address) await removeDashboard(admin, address);
	});

	test('the check lists exactly the bad rows, in the API’s own words, and writes nothing', async () => {
		await manager.panel.getByRole('radio', { name: 'Devices' }).click();
		const rows = [...good.slice(0, 53), ...faulty.map(({ row }) => row)];
		await give(manager, 'trackers.csv', csv([HEADINGS, ...rows]));
		assert.deepEqual(await counts(manager), { bad: 7, create: 53, update: 0, unchanged: 0 });
		const told = await faults(manager);
		assert.deepEqual(told.map(([line]) => line), ['55', '56', '57', '58', '59', '60', '61']);
		assert.equal((await devices()).length, 0, 'nothing was written');
		assert.equal(await importButton(manager).count(), 0, 'there is no button that would fail');

		// The same rows over the API; the last one after the row that has its IMEI.
		const first = await manager.api.create<Item>('devices', { organization: organization.id, imei: imeis[0], name: 'Tracker 1' });
		for (const [index, { row, field }] of faulty.entries()) {
			const [imei, name, model, token] = row.map((cell) => cell || undefined);
			const sentences = await refusalOf(manager.api, 'devices', { organization: organization.id, imei, name, model, token });
			const [, column, , why] = told[index]!;
			assert.equal(column, HEADINGS.find((heading) => heading.toLowerCase() === field));
			assert.ok(sentences.some((sentence) => why === sentence || why!.startsWith(`${sentence} See line`)), `${why}\n${sentences.join('\n')}`);
		}
		await admin.ask('DELETE', `/items/devices/${first.id}`);
		await closeSidebar(manager.page);
		await keepPicture(manager.page, 'panel-import');
	});

	test('the bad rows come as a file, with their reasons', async () => {
		const coming = manager.page.waitForEvent('download');
		await manager.panel.getByRole('button', { name: 'Download bad rows' }).click();
		const file = await (await coming).createReadStream();
		const text = Buffer.concat(await file.toArray()).toString();
		assert.equal(text.trim().split('\r\n').length, 8);
		assert.match(text, /^\uFEFFLine,Why,IMEI,Name,Model,Token\r\n55,/);
	});

	test('once mended, all are imported, and once more says that nothing changes', async () => {
		await give(manager, 'trackers.csv', csv([HEADINGS, ...good]));
		assert.deepEqual(await counts(manager), { bad: 0, create: 60, update: 0, unchanged: 0 });
		assert.match(await manager.panel.locator('.deed').innerText(), /60 rows in one transaction: all are written, or none\. There is no undo\./);
		await importButton(manager).click();
		await stage(manager, 'written');
		assert.match(await manager.panel.locator('[data-result]').innerText(), /Imported: 60 new, 0 changed\./);
		assert.deepEqual(await counts(manager), { bad: 0, create: 0, update: 0, unchanged: 60 });
		const written = await devices();
		assert.deepEqual(written.map(({ imei }) => imei).sort(), [...imeis].sort());
		const link = manager.panel.locator('[data-verdict="unchanged"] a').first();
		assert.match((await link.getAttribute('href')) ?? '', new RegExp(`/content/devices/(${written.map(({ id }) => id).join('|')})$`));

		await give(manager, 'trackers.csv', csv([HEADINGS, ...good]));
		assert.deepEqual(await counts(manager), { bad: 0, create: 0, update: 0, unchanged: 60 });
		assert.match(await manager.panel.locator('.deed').innerText(), /nothing to import/);
	});

	test('what somebody else wrote meanwhile is refused as a whole', async () => {
		const [taken, free] = [anyImei(), anyImei()];
		await give(manager, 'two.csv', csv([HEADINGS.slice(0, 2), [free, 'Free'], [taken, 'Taken']]));
		const other = await Organization.make(admin, 'Others');
		await other.device({ imei: taken });
		await importButton(manager).click();
		await stage(manager, 'written');
		const said = await manager.panel.locator('[data-result]').innerText();
		assert.match(said, /Nothing was written/);
		assert.match(said, new RegExp(`Value "${taken}" for field "imei" in collection "devices" has to be unique`));
		assert.equal((await devices()).filter(({ imei }) => imei === free).length, 0);
		// The refusal itself is the API's, and the browser says so in its console.
		manager.errors.splice(0, manager.errors.length, ...manager.errors.filter((error) => !/status of 400.*utils\/import/.test(error)));
	});

	test('entries: semicolons and a mark of UTF-8, German headings, devices by IMEI and by name', async () => {
		await manager.panel.getByRole('radio', { name: 'Entries' }).click();
		const people = good.slice(0, 40).map(([imei, name], index) => [String(index + 1), index % 2 ? imei! : name!, `"Novak; Žan ${index + 1}"`, '#2f6fde']);
		const rows = [['Startnummer', 'Gerät', 'Teilnehmer', 'Farbe'], ...people];
		await give(manager, 'meldungen.csv', `\uFEFF${csv(rows, ';')}`);
		assert.deepEqual(await counts(manager), { bad: 0, create: 40, update: 0, unchanged: 0 });
		await importButton(manager).click();
		await stage(manager, 'written');
		const written = await entries();
		assert.equal(written.length, 40);
		const ids = new Map((await devices()).map(({ id, imei }) => [imei, id]));
		const second = written.find(({ number }) => number === '2');
		assert.deepEqual([second?.['name'], second?.['device'], second?.['color'], second?.['status']], ['Novak; Žan 2', ids.get(imeis[1]), '#2f6fde', 'registered']);
	});

	test('entries: who changes is shown before and after; who is wrong has the API’s sentence', async () => {
		const rows = [
			['number', 'device', 'name', 'status', 'color'],
			['1', 'Tracker 1', 'Novak; Žan 1', 'Did not start', ''],
			['41', '356307042441013', 'Nobody has this tracker', '', ''],
			['42', 'Tracker 42', 'First', '', ''],
			['42', 'Tracker 43', 'Second', '', ''],
			['43', 'Tracker 44', 'Blue', '', 'blue'],
			['number that is too long', 'Tracker 45', 'Long', '', ''],
		];
		await manager.panel.getByRole('button', { name: 'Another file' }).click();
		await manager.panel.locator('textarea').fill(csv(rows, '\t'));
		await manager.panel.getByRole('button', { name: 'Use these rows' }).click();
		await stage(manager, 'checked');
		assert.deepEqual(await counts(manager), { bad: 4, create: 1, update: 1, unchanged: 0 });
		const change = manager.panel.locator('[data-verdict="update"]');
		assert.match((await change.innerText()).replace(/\s+/g, ' '), /1 Status: registered → Did not start/);
		const told = await faults(manager);
		const ids = new Map((await devices()).map(({ name, id }) => [name, id]));
		const where = { organization: organization.id, event };
		const first = await manager.api.create<Item>('entries', { ...where, number: '42', device: ids.get('Tracker 42'), name: 'First' });
		const wrong = [
			{ number: '41', device: '356307042441013', name: 'Nobody' },
			{ number: '42', device: ids.get('Tracker 43'), name: 'Second' },
			{ number: '43', device: ids.get('Tracker 44'), name: 'Blue', color: 'blue' },
			{ number: 'number that is too long', device: ids.get('Tracker 45'), name: 'Long' },
		];
		for (const [index, item] of wrong.entries()) {
			const sentences = await refusalOf(manager.api, 'entries', { ...where, ...item });
			assert.ok(sentences.some((sentence) => told[index]![3]!.startsWith(sentence)), `${told[index]![3]}\n${sentences.join('\n')}`);
		}
		await admin.ask('DELETE', `/items/entries/${first.id}`);
	});

	test('a column that was guessed wrong is set right by hand', async () => {
		await give(manager, 'odd.csv', csv([['number', 'device', 'name', 'Nickname'], ['50', 'Tracker 50', 'Real', 'Nick']]));
		await manager.panel.getByLabel('Column of Name').locator('..').click();
		await manager.page.locator('.v-menu-popper, .v-menu-content').getByText('Nickname', { exact: true }).last().click();
		await stage(manager, 'checked');
		assert.match(await manager.panel.locator('[data-verdict="create"]').innerText(), /Nick/);
	});

	test('flags: many devices, a span in UTC and in local time, refusals by device, all or none', async () => {
		const { panel, page } = manager;
		const byName = new Map((await devices()).map(({ name, id }) => [name as string, id]));
		await organization.create('position_flags', {
			device: byName.get('Tracker 3'), verdict: 'valid', reason: 'Seen on video', starts_at: '2026-05-01T09:00:00Z', ends_at: '2026-05-01T09:30:00Z',
		});
		await panel.getByRole('radio', { name: 'Flag positions' }).click();
		await panel.locator('[data-device]').first().waitFor();
		assert.equal(await panel.locator('[data-device]').count(), 40);
		await panel.getByRole('button', { name: 'All', exact: true }).click();
		await panel.locator('[data-flag="start"]').fill('2026-05-01T09:15:00.250');
		await panel.locator('[data-flag="end"]').fill('2026-05-01T09:45:00');
		await panel.locator('[data-flag="reason"]').fill('Jammed at the pass');
		const refused = panel.locator('[data-refused]');
		await refused.first().waitFor();
		assert.equal(await refused.count(), 1);
		assert.match(await refused.innerText(), /verdict: another flag says `valid` of the same tracker from 2026-05-01T09:00:00/);
		assert.equal(await panel.getByRole('button', { name: /^Flag \d+ device/ }).count(), 0);
		await keepPicture(page, 'more/panel-import-flags');
		await panel.getByRole('button', { name: 'Leave these out' }).click();
		const set = panel.getByRole('button', { name: /^Flag \d+ device/ });
		await set.waitFor();
		const summary = panel.locator('[data-summary]');
		assert.match(await summary.innerText(), /39 devices: positions are faulty/);
		assert.equal(await summary.locator('[data-zone="UTC"]').innerText(), '1 May 2026 09:15:00.250 – 1 May 2026 09:45:00.000');
		assert.equal(await summary.locator('[data-zone="Europe/Ljubljana"]').innerText(), '1 May 2026 11:15:00.250 – 1 May 2026 11:45:00.000');
		await set.click();
		await panel.locator('[data-result]').waitFor();
		assert.match(await panel.locator('[data-result]').innerText(), /39 flags set\./);
		const flags = await admin.ask<Item[]>('GET', `/items/position_flags?filter[organization][_eq]=${organization.id}&filter[verdict][_eq]=faulty&limit=-1`);
		assert.equal(flags.length, 39);
		assert.equal(flags[0]?.['starts_at'], '2026-05-01T09:15:00.250Z');
	});

	test('nothing stands in the way of who uses other means than eyes and mouse, by day and by night', async () => {
		const { panel, page } = manager;
		for (const appearance of ['light', 'dark']) {
			await admin.ask('PATCH', `/users/${(await manager.api.ask<Item>('GET', '/users/me')).id}`, { appearance });
			await page.reload();
			await panel.locator('[data-stage]').waitFor();
			assert.deepEqual(await barriers(page, PANEL), [], `${appearance}, empty`);
			await panel.getByRole('radio', { name: 'Devices' }).click();
			await give(manager, 'trackers.csv', csv([HEADINGS, ...good.slice(0, 20), ...faulty.map(({ row }) => row)]));
			assert.deepEqual(await barriers(page, PANEL), [], `${appearance}, checked`);
			await keepPicture(page, `more/panel-import-${appearance}`);
			await panel.getByRole('radio', { name: 'Flag positions' }).click();
			await panel.locator('[data-device]').first().waitFor();
			assert.deepEqual(await barriers(page, PANEL), [], `${appearance}, flags`);
		}
	});

	test('a file that is too large or no table gets a sentence', async () => {
		const { panel } = manager;
		await panel.getByRole('radio', { name: 'Import' }).click();
		await panel.getByRole('button', { name: 'Another file' }).click();
		for (const [content, sentence] of [['x'.repeat(5_000_001), /larger than 5 MB/], [`a,b\n${'1,2\n'.repeat(20_001)}`, /more than 20,000 rows/], ['imei', /no rows below/]] as const) {
			await panel.locator('input[type=file]').setInputFiles({ name: 'a.csv', mimeType: 'text/csv', buffer: Buffer.from(content) });
			await panel.getByRole('alert').filter({ hasText: sentence }).waitFor();
		}
	});

	test('an operator imports entries, and has no choice of devices', async () => {
		const operator = await sitDown(await organization.person('operator'));
		assert.equal(await operator.panel.getByRole('radio', { name: 'Devices' }).count(), 0);
		assert.match(await operator.panel.innerText(), /Only managers make devices: you can import entries\./);
		await give(operator, 'one.csv', csv([['number', 'device', 'name'], ['90', 'Tracker 50', 'By an operator']]));
		await importButton(operator).click();
		await stage(operator, 'written');
		assert.ok((await entries()).some(({ number }) => number === '90'));
		assert.deepEqual(operator.errors, []);
	});

	test('a viewer gets a sentence and no form', async () => {
		const viewer = await sitDown(await organization.person('viewer'));
		assert.equal(await viewer.panel.getAttribute('data-state'), 'forbidden');
		assert.match(await viewer.panel.innerText(), /only operators and managers import and flag/);
		assert.equal(await viewer.panel.locator('button, input, textarea').count(), 0);
		assert.deepEqual(viewer.errors, []);
	});

	test('the browser’s console stays clean', () => {
		assert.deepEqual(manager.errors, []);
	});
});
