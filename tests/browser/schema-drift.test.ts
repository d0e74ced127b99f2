import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Browser, Locator, Page } from 'playwright-core';

import { consoleErrors, openBrowser } from './chromium.ts';
import { closeSidebar, logIn, openDashboard, stackFromEnvironment } from './directus.ts';
import { keepPicture } from './pictures.ts';
import { PATIENCE } from './until.ts';

const stack = stackFromEnvironment();
const skip = stack ? false : 'BIPLANE_DIRECTUS_URL, BIPLANE_ADMIN_EMAIL and BIPLANE_ADMIN_PASSWORD name no running stack';

const NAME = `drift_browser_${Date.now()}`;

describe('the schema drift in the browser', { skip, timeout: 4 * PATIENCE }, () => {
	let browser: Browser;
	let page: Page;
	let panel: Locator;
	let errors: string[];

	/** As the admin UI does it: from the page, with its session. */
	const ask = (method: string, path: string, body?: object): Promise<number> =>
		page.evaluate(
			async ([method, path, body]) => {
				const headers = { 'Content-Type': 'application/json' };
				return (await fetch(path!, { method, headers, ...(body && { body }), credentials: 'include' })).status;
			},
			[method, path, body && JSON.stringify(body)] as const,
		);
	const row = (): Locator => panel.locator(`[data-change="${NAME}"]`);
	const appearance = async (value: 'light' | 'dark'): Promise<void> => {
		assert.equal(await ask('PATCH', '/users/me', { appearance: value }), 200);
		await page.reload();
		await panel.locator('header').waitFor();
	};

	before(async () => {
		browser = await openBrowser();
		page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
		page.setDefaultTimeout(PATIENCE);
		errors = consoleErrors(page);
		panel = page.locator('[data-biplane-panel="schema-drift"]');
		await logIn(page, stack!);
		await openDashboard(page, stack!, 'Administration');
		await panel.locator('header').waitFor();
	});

	after(async () => {
		if (panel) {
			await ask('DELETE', `/collections/${NAME}`).catch(() => undefined);
			await ask('PATCH', '/users/me', { appearance: null }).catch(() => undefined);
		}
		await browser?.close();
	});

	test('the panel says how the schema stands, and the operator’s rule', async () => {
		assert.equal(await panel.getAttribute('data-state'), 'ready');
		assert.match(await panel.locator('.rule').innerText(), /change → snapshot → commit → only then rebuild or restart/);
		assert.equal(await row().count(), 0);
	});

	test('a collection that is made meanwhile shows when the page has the focus again', async () => {
		const key = { field: 'id', type: 'uuid', schema: { is_primary_key: true }, meta: { special: ['uuid'] } };
		assert.equal(await ask('POST', '/collections', { collection: NAME, schema: {}, meta: {}, fields: [key] }), 200);
		await page.evaluate(() => window.dispatchEvent(new Event('focus')));
		await row().waitFor({ timeout: 5000 });
		assert.match((await row().innerText()).replace(/\s+/g, ' '), /keep collection drift_browser_\d+ uncommitted/);
		assert.match(await panel.locator('.sentence').innerText(), /uncommitted schema changes: .*Do not rebuild before biplane schema snapshot and a commit\./);
	});

	test('it can be read by day and by night', async () => {
		await closeSidebar(page);
		for (const value of ['light', 'dark'] as const) {
			await appearance(value);
			await row().waitFor();
			await keepPicture(page, value === 'light' ? 'schema-drift' : 'more/schema-drift-dark');
		}
	});

	test('the refresh button asks anew, and the deletion clears the mark', async () => {
		assert.equal(await ask('DELETE', `/collections/${NAME}`), 204);
		const before = await panel.getAttribute('data-checked-at');
		await panel.getByRole('button', { name: 'Compare now' }).click();
		await row().waitFor({ state: 'detached', timeout: 5000 });
		assert.notEqual(await panel.getAttribute('data-checked-at'), before);
	});

	test('German and Slovenian have their own words', async () => {
		for (const [language, rule] of [['de-DE', /ändern → Snapshot → Commit/], ['sl-SI', /sprememba → posnetek → commit/]] as const) {
			assert.equal(await ask('PATCH', '/users/me', { language }), 200);
			await page.reload();
			await panel.locator('.rule').waitFor();
			assert.match(await panel.locator('.rule').innerText(), rule);
			await keepPicture(page, `more/schema-drift-${language}`);
		}
		assert.equal(await ask('PATCH', '/users/me', { language: null }), 200);
	});

	test('the browser’s console stays clean', () => {
		assert.deepEqual(errors, []);
	});
});
