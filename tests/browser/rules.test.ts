import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Browser, Page } from 'playwright-core';

import { consoleErrors, openBrowser } from './chromium.ts';
import { logIn, stackFromEnvironment } from './directus.ts';
import { keepPicture, keepsPictures } from './pictures.ts';

const stack = stackFromEnvironment();
const skip = stack ? false : 'BIPLANE_DIRECTUS_URL, BIPLANE_ADMIN_EMAIL and BIPLANE_ADMIN_PASSWORD name no running stack';

/** Of the test's own; 15 digits of which the last is wrong. */
const WRONG_IMEI = '356307042441014';

/** What a person reads in the form of each operation; an input holds its default. */
const FORMS: { label: string; fields: Record<string, { title: string; note: RegExp; value?: string }> }[] = [
	{
		label: 'Biplane: validate item',
		fields: {
			collection: { title: 'Collection', note: /Of which collection/ },
			item: { title: 'Item', note: /\{\{\$trigger\.payload\}\}/ },
			if_invalid: { title: 'If invalid', note: /takes the failure path/ },
		},
	},
	{
		label: 'Biplane: route command',
		fields: { command: { title: 'Command', note: /This one only/ } },
	},
	{
		label: 'Biplane: check geofences',
		fields: {
			lat: { title: 'Lat', note: /-90 to 90 degrees/ },
			lon: { title: 'Lon', note: /-180 to 180 degrees/ },
			within_m: { title: 'Within, m', note: /0 to 100000 m/, value: '0' },
			organization: { title: 'Organization', note: /Only geofences of this organization/ },
		},
	},
	{
		label: 'Biplane: simplify track',
		fields: {
			track: { title: 'Track', note: /LineString/ },
			tolerance_m: { title: 'Tolerance, m', note: /0 to 100000 m/, value: '20' },
		},
	},
	{
		label: 'Biplane: format crossing',
		fields: {
			crossing: { title: 'Crossing', note: /Which one/ },
			text: { title: 'Text', note: /number, name, checkpoint, event/, value: '[number] [name] at [checkpoint], [time]' },
		},
	},
];

/** What Directus's API answers the administrator. */
async function ask<T>(path: string, body?: unknown): Promise<T> {
	const { url, email, password } = stack!;
	const send = async (to: string, content: unknown, token?: string) => {
		const response = await fetch(`${url}${to}`, {
			method: content === undefined ? 'GET' : 'POST',
			headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
			...(content !== undefined && { body: JSON.stringify(content) }),
		});
		const answer = (await response.json()) as { data: unknown };
		assert.ok(response.ok, `${to}: ${JSON.stringify(answer)}`);
		return answer.data;
	};
	const { access_token: token } = (await send('/auth/login', { email, password })) as { access_token: string };
	return (await send(path, body, token)) as T;
}

async function keep(page: Page, name: string): Promise<void> {
	// What is chosen moves to its place first.
	if (keepsPictures) await page.waitForTimeout(1_000);
	await keepPicture(page, name);
}

describe('the rules in the admin UI', { skip, timeout: 120_000 }, () => {
	let browser: Browser;
	let page: Page;
	let errors: string[];

	before(async () => {
		browser = await openBrowser();
		page = await browser.newPage({ viewport: { width: 1500, height: 1000 } });
		page.setDefaultTimeout(30_000);
		errors = consoleErrors(page);
		await logIn(page, stack!);
	});

	after(async () => {
		await browser?.close();
	});

	test('what a rule says of a field stands above the form, which marks the field', async () => {
		const [device] = await ask<{ id: string }[]>('/items/devices?limit=1&fields=id');
		await page.goto(`${stack!.url}/admin/content/devices/${device!.id}`);
		const field = page.locator('[data-field=imei]');
		await field.locator('input').fill(WRONG_IMEI);
		await page.keyboard.press('Control+s');
		const sentence = `the check digit of \`${WRONG_IMEI}\` is 4, but its other digits ask for 3`;
		await page.locator('.validation-errors', { hasText: 'IMEI' }).getByText(sentence).waitFor();
		assert.match((await field.getAttribute('class'))!, /\binvalid\b/);
		await keep(page, 'rule-in-form');
		// The browser's own word for what the form shows.
		const refused = errors.splice(0);
		assert.ok(refused.every((error) => /status of 400/.test(error) && error.includes(device!.id)), refused.join());
	});

	test('an operation is set up by its form in the Flow editor, and kept', async () => {
		const flow = await ask<{ id: string }>('/flows', {
			name: 'Made by a test', icon: 'bolt', status: 'inactive', trigger: 'manual', options: { collections: ['devices'] },
		});
		await page.goto(`${stack!.url}/admin/settings/flows/${flow.id}`);
		await page.locator('.v-workspace-tile, .panel').first().hover();
		await page.locator('.add-resolve').first().click();
		await page.getByText('Biplane: validate item').first().click();
		const field = (name: string) => page.locator(`[data-field=${name}]`);
		await field('collection').locator('input').fill('devices');
		assert.match(await field('item').innerText(), /\{\{\$trigger\.payload\}\}/, 'the default of an option stands in its form');
		await field('if_invalid').locator('.v-input, input').first().click();
		await page.locator('.v-list-item', { hasText: 'continue' }).click();
		await keep(page, 'operation-form');
		await page.locator('[role=dialog] .header-bar button, .v-drawer .header-bar button').last().click();
		await page.locator('[role=dialog], .v-drawer').waitFor({ state: 'hidden' });
		await page.keyboard.press('Control+s');
		await page.waitForURL(/\/flows(\/[0-9a-f-]{36})?$/);
		const path = `/operations?filter[flow][_eq]=${flow.id}&fields=type,options`;
		let made: { type: string; options: Record<string, unknown> }[] = [];
		for (let turn = 0; turn < 50 && made.length === 0; turn += 1) {
			made = await ask(path);
			if (made.length === 0) await new Promise((resolve) => setTimeout(resolve, 100));
		}
		assert.equal(made.length, 1, 'the operation is kept');
		assert.equal(made[0]!.type, 'biplane-item.validate');
		assert.equal(made[0]!.options['collection'], 'devices');
		assert.equal(made[0]!.options['if_invalid'], 'continue');
		assert.deepEqual(errors, []);
	});

	test('each operation has a form with its options, what they mean and their defaults', async () => {
		const flow = await ask<{ id: string }>('/flows', {
			name: 'Made by a test', icon: 'bolt', status: 'inactive', trigger: 'manual', options: { collections: ['devices'] },
		});
		for (const { label, fields } of FORMS) {
			await page.goto(`${stack!.url}/admin/settings/flows/${flow.id}/+`);
			await page.getByText(label, { exact: true }).first().click();
			for (const [name, { title, note, value }] of Object.entries(fields)) {
				const field = page.locator(`[data-field=${name}]`);
				await field.getByText(title, { exact: true }).first().waitFor();
				assert.match(await field.innerText(), note, `${label}: ${name}`);
				if (value !== undefined) assert.equal(await field.locator('input').first().inputValue(), value, `${label}: ${name}`);
			}
			assert.equal(await page.locator('.v-drawer [data-field], [role=dialog] [data-field]').count(), Object.keys(fields).length, label);
			await keep(page, `more/${label.replace('Biplane: ', '').replaceAll(' ', '-')}`);
		}
		assert.deepEqual(errors, []);
	});
});
