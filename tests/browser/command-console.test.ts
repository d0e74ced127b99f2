import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Browser, Locator, Page } from 'playwright-core';

import { Api, Organization, type Credentials } from './api.ts';
import { barriers } from './barriers.ts';
import { consoleErrors, openBrowser } from './chromium.ts';
import { closeSidebar, dashboardWith, logIn, removeDashboard, stackFromEnvironment } from './directus.ts';
import { keepPicture } from './pictures.ts';
import { gatewayFromEnvironment, Tracker } from './tracker.ts';
import { PATIENCE, until } from './until.ts';

const stack = stackFromEnvironment();
const gateway = gatewayFromEnvironment();
const skip = stack && gateway ? false : 'BIPLANE_DIRECTUS_URL, BIPLANE_ADMIN_EMAIL, BIPLANE_ADMIN_PASSWORD and BIPLANE_STACK name no running stack';

const PANEL = '[data-biplane-panel="command-console"]';
const FLEET = 20;
/** Where trackers stand: four rows of five over the Ljubljana basin. */
const placeOf = (index: number): [number, number] => [14.4 + (index % 5) * 0.04, 46.0 + Math.floor(index / 5) * 0.03];

const answerTo = (command: string): string | null => {
	if (command === 'getinfo') return 'RTC:2026/5/1 9:30 Init:2026/4/30 6:0 UpTime:99001s PWR:PwrVoltage RST:0 GPS:2 SAT:9';
	if (command === 'cpureset') return null;
	return command.startsWith('setdigout') ? 'DOUT1:1 Timeout:INFINITY DOUT2:IGNORED' : `${command}: ok`;
};

describe('the command console', { skip, timeout: 8 * PATIENCE }, () => {
	let browser: Browser;
	let admin: Api;
	let organization: Organization;
	let address: string;
	let operator: Credentials;
	let page: Page;
	let panel: Locator;
	const errors: string[][] = [];
	const trackers: Tracker[] = [];

	const open = async (who: Credentials): Promise<Page> => {
		const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
		const opened = await context.newPage();
		opened.setDefaultTimeout(PATIENCE);
		errors.push(consoleErrors(opened));
		await logIn(opened, { ...stack!, ...who });
		await opened.goto(address);
		await opened.locator(`${PANEL}[data-state=ready]`).waitFor();
		return opened;
	};
	/** Of Directus's own drop-down: opens it and takes what is written so. */
	const choose = async (on: Page, field: Locator, text: string): Promise<void> => {
		await field.locator('.v-select, .v-input').first().click();
		await on.locator('.v-menu-content .v-list-item').getByText(text, { exact: true }).click();
	};
	const chooseCommand = (text: string): Promise<void> => choose(page, panel.locator('[data-field=command]'), text);
	const select = async (...names: string[]): Promise<void> => {
		if (await panel.locator('[data-clear]').isVisible()) await panel.locator('[data-clear]').click();
		for (const name of names) await panel.locator('.list label').filter({ hasText: name }).locator('input').check();
	};
	const selection = (): Promise<string> => panel.locator('[data-selection]').innerText();
	const tab = (on: Locator, key: string): Promise<void> => on.locator(`[data-tab=${key}]`).click();
	const given = (): Promise<{ id: string; status: string }[]> =>
		admin.ask('GET', `/items/commands?limit=-1&fields=id,status&filter[organization][_eq]=${organization.id}`);

	before(async () => {
		browser = await openBrowser();
		admin = await Api.logIn(stack!);
		organization = await Organization.make(admin, 'Fleet of the console');
		operator = await organization.person('operator');
		for (let index = 0; index < FLEET; index++) {
			const { imei } = await organization.device({ name: `Glider ${String(index + 1).padStart(2, '0')}`, model: 'FMB920' });
			// The gateway is told of a new device by the outbox, which takes a moment.
			const tracker = await until(`${imei} may log in`, () => Tracker.connect(gateway!, imei, answerTo).catch(() => null), (one) => one !== null);
			tracker!.report(...placeOf(index), Date.now() - 1000);
			trackers.push(tracker!);
		}
		await organization.device({ name: 'Tow plane', model: 'FMC650' });
		await organization.device({ name: 'Old watch', protocol: 'h02' });
		address = await dashboardWith(admin, stack!, 'biplane-command-console', {
			organization: { key: organization.id, collection: 'organizations' },
		});
		page = await open(operator);
		panel = page.locator(PANEL);
	});

	after(async () => {
		for (const tracker of trackers) tracker.close();
		await browser?.close();
		if (address) await removeDashboard(admin, address);
	});

	test('the devices are listed, with who is connected', async () => {
		assert.equal(await panel.locator('.list label').count(), FLEET + 2);
		assert.equal(await selection(), `0 of ${FLEET + 2} selected`);
		await until('all trackers connected', () => panel.locator('.list .standing.on').count(), (count) => count === FLEET);
		assert.match(await panel.locator('.list label').filter({ hasText: 'Old watch' }).innerText(), /h02\s+never seen/);
		assert.match(await panel.locator('[data-form]').innerText(), /Select devices in the list or on the map/);
		await panel.getByLabel('Name, IMEI or number').fill('tow');
		assert.equal(await panel.locator('.list label').count(), 1);
		await panel.getByLabel('Name, IMEI or number').fill('');
	});

	test('one command is sent, and its answer is seen, with every step of its way', async () => {
		await select('Glider 01');
		await chooseCommand('System information');
		assert.match(await panel.locator('[data-form]').innerText(), /Unless given, it waits 1 h for the device; at most 7 days\.[\s\S]*The device gets getinfo/);
		await panel.locator('[data-send]').click();
		const row = panel.locator('[data-command]').first();
		await panel.locator('[data-command][data-status=acknowledged]').waitFor();
		assert.match(await row.innerText(), /Glider 01\s+System information\s+acknowledged\s+the tracker answered[\s\S]*UpTime:99001s/);
		assert.deepEqual(trackers[0]!.heard, ['getinfo']);
		await row.getByRole('button', { name: /^History/ }).click();
		const history = panel.locator('[data-history] li');
		await history.last().waitFor();
		const steps = (await history.allInnerTexts()).join('\n');
		assert.match(steps, /UTC\s+pending\s+operator-[\s\S]*routed[\s\S]*attempt 1[\s\S]*sent[\s\S]*acknowledged[\s\S]*UpTime:99001s/);
		assert.match(steps, /\d\d:\d\d:\d\d\.\d{3} UTC/);
	});

	test('a parameter out of its range is refused at its field, in the words of the API, before anything is sent', async () => {
		const before = (await given()).length;
		await chooseCommand('Read a parameter');
		const field = panel.locator('[data-parameter=id]');
		assert.match(await field.innerText(), /required[\s\S]*The parameter's id\./);
		await field.locator('input').fill('70000');
		const sentence = 'parameters: id: 70000 is not a whole number from 0 to 65535';
		assert.equal(await field.getByRole('alert').innerText(), sentence);
		const [device] = await admin.ask<{ id: string }[]>('GET', `/items/devices?limit=1&filter[organization][_eq]=${organization.id}&filter[protocol][_eq]=teltonika`);
		const same = { organization: organization.id, device: device!.id, name: 'getparam', parameters: { id: 70_000 } };
		await assert.rejects(admin.create('commands', same), ({ message }: Error) => message.includes(sentence));
		await panel.locator('[data-field=expires] input').fill('yesterday');
		assert.equal(await panel.locator('[data-field=expires] [role=alert]').innerText(), 'expires_at: `yesterday` is not a time like 2026-05-01T09:30:00Z');
		await panel.locator('[data-send]').click();
		await panel.locator('[data-field=expires] input').fill('');
		await field.locator('input').fill('');
		await panel.locator('[data-send]').click();
		assert.match(await field.getByRole('alert').innerText(), /^parameters: id: is required/);
		assert.equal((await given()).length, before);
	});

	test('a box on the map selects twenty, and one action tells them all', async () => {
		await select();
		await panel.locator('[data-map=drawn]').waitFor();
		await panel.getByRole('button', { name: 'Show all devices' }).click();
		await panel.getByRole('button', { name: 'Select with a box' }).click();
		const box = (await panel.locator('.canvas').boundingBox())!;
		await page.mouse.move(box.x + 3, box.y + box.height - 3);
		await page.mouse.down();
		await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
		await page.mouse.move(box.x + box.width - 3, box.y + 3);
		await page.mouse.up();
		assert.equal(await selection(), `${FLEET} of ${FLEET + 2} selected`);
		await chooseCommand('Modem');
		assert.equal(await panel.locator('[data-send]').innerText(), `Send to ${FLEET} devices`);
		await panel.locator('[data-send]').click();
		await panel.locator(`[data-action][data-given="${FLEET}"][data-ended="${FLEET}"]`).waitFor();
		assert.equal(await panel.locator('[data-command][data-status=acknowledged]').count(), FLEET);
		for (const tracker of trackers) assert.equal(tracker.heard.filter((one) => one === 'getstatus').length, 1);
		await keepPicture(page, 'more/panel-command-console-bulk');
	});

	test('of several models only what all understand is offered, and who lacks what is said', async () => {
		await select('Glider 01', 'Tow plane', 'Old watch');
		const form = panel.locator('[data-form]');
		assert.match(await form.innerText(), /takes no commands[\s\S]*h02 · 1 device/);
		await form.locator('.silent').getByRole('button', { name: 'Leave out' }).click();
		assert.match(await selection(), /^2 of/);
		await chooseCommand('Set outputs');
		const names = await panel.locator('[data-parameter]').evaluateAll((fields) => fields.map((field) => field.getAttribute('data-parameter')));
		assert.deepEqual(names, ['output_1', 'output_2', 'timeout_1_s', 'timeout_2_s']);
		assert.match(await panel.locator('[data-parameter=timeout_1_s]').innerText(), /timeout 1 \(s\)[\s\S]*After so many seconds the output goes back/i);
	});

	test('a dangerous command is confirmed, waits, is not for its giver to approve, and another approves it', async () => {
		await select('Glider 03', 'Glider 04');
		await chooseCommand('Set outputs');
		await choose(page, panel.locator('[data-parameter=output_1]'), 'on');
		await panel.locator('[data-send]').click();
		const dialog = page.locator('[data-confirm]');
		assert.match(await dialog.innerText(), /Set outputs: to 2 devices\?[\s\S]*Switches digital outputs; they may hold an engine or a door\.[\s\S]*setdigout 1\?[\s\S]*Glider 03, Glider 04[\s\S]*until a second person approves/);
		await dialog.locator('[data-yes]').click();
		await panel.locator('[data-action][data-given="2"]').waitFor();
		await panel.locator('[data-command][data-status=awaiting_approval]').nth(1).waitFor();
		await tab(panel, 'approve');
		const own = panel.locator('[data-waiting="2"]');
		assert.match(await own.innerText(), /You asked for it: somebody else has to approve it\./);
		assert.equal(await own.locator('[data-approve]').count(), 0);

		const second = await open(await organization.person('operator'));
		const theirs = second.locator(PANEL);
		await tab(theirs, 'approve');
		const batch = theirs.locator('[data-waiting="2"]');
		assert.match(await batch.innerText(), /Set outputs setdigout 1\?[\s\S]*2 devices: Glider 03, Glider 04 · asked for by operator-/);
		await keepPicture(second, 'more/panel-command-console-approve');
		await batch.locator('[data-approve]').click();
		assert.match(await second.locator('[data-confirm]').innerText(), /Approve “Set outputs” to 2 devices\?/);
		await second.locator('[data-confirm] [data-yes]').click();
		await batch.waitFor({ state: 'detached' });
		await second.context().close();

		// Told to the giver's page by itself.
		await own.waitFor({ state: 'detached' });
		await tab(panel, 'give');
		await panel.locator('[data-action][data-ended="2"]').waitFor();
		assert.match(await panel.locator('[data-command]').first().innerText(), /acknowledged[\s\S]*DOUT1:1/);
		assert.deepEqual(trackers[2]!.heard.at(-1), 'setdigout 1?');
	});

	test('what waits for a tracker that is away can be taken back', async () => {
		await select('Tow plane');
		await chooseCommand('Versions');
		await panel.locator('[data-send]').click();
		const row = panel.locator('[data-command][data-status=queued]');
		await row.waitFor();
		assert.match(await row.innerText(), /queued\s+the tracker is away; sent when it connects/);
		await row.locator('[data-take-back]').click();
		const cancelled = panel.locator('[data-command][data-status=cancelled]');
		await cancelled.waitFor();
		assert.match(await cancelled.innerText(), /taken back\s+taken back before it was sent/);
		assert.equal(await cancelled.locator('[data-take-back]').count(), 0);
	});

	test('a viewer sees states and history, and nothing to press that would fail', async () => {
		const viewer = await open(await organization.person('viewer'));
		const theirs = viewer.locator(PANEL);
		assert.match((await theirs.getByRole('tab').allInnerTexts()).join(), /^To approve\d*,Commands$/);
		await theirs.locator('[data-command]').first().waitFor();
		assert.equal(await theirs.locator('[data-form], [data-send], [data-take-back], [data-approve], [data-refuse]').count(), 0);
		await theirs.getByRole('button', { name: /^History/ }).first().click();
		await theirs.locator('[data-history] li').first().waitFor();
		await viewer.context().close();
	});

	test('it can be read by day and by night, by everybody', async () => {
		await select('Glider 01', 'Glider 02', 'Glider 07', 'Glider 13');
		await closeSidebar(page);
		for (const appearance of ['dark', 'light']) {
			await page.evaluate(async (value) => {
				const headers = { 'Content-Type': 'application/json' };
				await fetch('/users/me', { method: 'PATCH', headers, body: JSON.stringify({ appearance: value }), credentials: 'include' });
			}, appearance);
			await page.reload();
			await panel.locator('[data-map=drawn]').waitFor();
			await select('Glider 01', 'Glider 02', 'Glider 07', 'Glider 13');
			await chooseCommand('Set outputs');
			assert.deepEqual(await barriers(page, PANEL), [], `${appearance}, the form`);
			await keepPicture(page, appearance === 'light' ? 'panel-command-console' : 'more/panel-command-console-dark');
			await tab(panel, 'commands');
			await panel.locator('[data-command]').first().getByRole('button', { name: /^History/ }).click();
			await panel.locator('[data-history] li').first().waitFor();
			assert.deepEqual(await barriers(page, PANEL), [], `${appearance}, the commands`);
			await keepPicture(page, `more/panel-command-console-commands-${appearance}`);
		}
	});

	test('the browser’s console stays clean', () => {
		assert.deepEqual(errors.flat(), []);
	});
});
