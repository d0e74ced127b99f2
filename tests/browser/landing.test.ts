import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Browser, Page } from 'playwright-core';

import { Api, Organization } from './api.ts';
import { consoleErrors, openBrowser } from './chromium.ts';
import { logIn, stackFromEnvironment } from './directus.ts';
import { PATIENCE } from './until.ts';

const stack = stackFromEnvironment();
const skip = stack ? false : 'BIPLANE_DIRECTUS_URL, BIPLANE_ADMIN_EMAIL and BIPLANE_ADMIN_PASSWORD name no running stack';

/** What everybody starts with beside the lists of content. */
const BOOKMARKS = { device_status: ['Offline devices'], alerts: ['Open alerts'], events: ['Running events'], commands: ['Commands awaiting approval', 'Commands without a known end'] };

describe('the first log-in', { skip, timeout: 4 * PATIENCE }, () => {
	let browser: Browser;
	let page: Page;
	let errors: string[];

	before(async () => {
		const admin = await Api.logIn(stack!);
		const person = await (await Organization.make(admin, 'Landing')).person('viewer');
		browser = await openBrowser();
		page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
		page.setDefaultTimeout(PATIENCE);
		errors = consoleErrors(page);
		await logIn(page, { ...stack!, ...person });
	});

	after(async () => {
		await browser?.close();
	});

	test('somebody new opens onto the race control dashboard', async () => {
		await page.waitForURL(/\/admin\/insights\/67eac3f7-df74-59b2-bec1-3474c5cff266/);
		await page.locator('[data-biplane-panel="live-map"]').waitFor();
	});

	test('every bookmark of the lists is there and shows its list', async () => {
		for (const [collection, names] of Object.entries(BOOKMARKS)) {
			await page.goto(`${stack!.url}/admin/content/${collection}`);
			for (const name of names) {
				await page.getByText(name, { exact: true }).first().click();
				await page.waitForURL(/bookmark=\d+/);
				await page.getByText(/No Items|No Results|\d+ Items?/i).first().waitFor();
			}
		}
	});

	test('the browser’s console stays clean', () => {
		assert.deepEqual(errors, []);
	});
});
