import type { Page } from 'playwright-core';

import type { Api } from './api.ts';

/** The running stack that the tests look at; see README.md for who starts it. */
export interface Stack {
	url: string;
	email: string;
	password: string;
}

export function stackFromEnvironment(): Stack | null {
	const { BIPLANE_DIRECTUS_URL: url, BIPLANE_ADMIN_EMAIL: email, BIPLANE_ADMIN_PASSWORD: password } = process.env;
	return url && email && password ? { url: url.replace(/\/$/, ''), email, password } : null;
}

/** Within this the app has started (ms). */
const START_MS = 20_000;

/** A fresh Directus asks its administrator for an owner, over whatever is shown: put off whenever it does. */
export async function remindLater(page: Page): Promise<void> {
	const later = page.getByRole('button', { name: 'Remind Later' });
	await page.addLocatorHandler(later, () => later.click());
}

/** As a person does it: by the form. */
export async function logIn(page: Page, { url, email, password }: Stack): Promise<void> {
	await remindLater(page);
	await page.goto(`${url}/admin/login`);
	const form = page.locator('input[type=email]');
	// Chromium has been seen never to ask for the largest of the app's files; a person would load the page again.
	await form.waitFor({ timeout: START_MS }).catch(async () => {
		console.warn(`Directus's app did not start within ${START_MS / 1000} s; the page is loaded again`);
		await page.reload();
	});
	await form.fill(email);
	await page.locator('input[type=password]').fill(password);
	await page.locator('button[type=submit]').click();
	await page.waitForURL((address) => !address.pathname.endsWith('/login'));
}

/** Opens a dashboard by the name that people see. */
export async function openDashboard(page: Page, { url }: Stack, name: string): Promise<void> {
	await page.goto(`${url}/admin/insights`);
	await page.getByText(name, { exact: true }).first().click();
	await page.waitForURL(/\/admin\/insights\/[0-9a-f-]{36}/);
}

/** Directus opens a side bar of its own over dashboards and beside items; out of the way with it for a picture. */
export async function closeSidebar(page: Page): Promise<void> {
	const part = page.locator('.accordion-trigger').first();
	const place = await part.boundingBox();
	const isOpen = place && place.x < (page.viewportSize()?.width ?? 0) && !(await part.evaluate((element) => element.classList.contains('collapsed')));
	if (isOpen) await page.locator('.sidebar-toggle').click();
}

/** A dashboard with one panel of ours, with these settings; its address. Whoever may see dashboards may open it. */
export async function dashboardWith(admin: Api, { url }: Stack, type: string, options: object = {}, height = 36): Promise<string> {
	const { id } = await admin.ask<{ id: string }>('POST', '/dashboards', { name: `Test of ${type}`, icon: 'science' });
	const place = { position_x: 1, position_y: 1, width: 60, height };
	await admin.ask('POST', '/panels', { dashboard: id, type, name: type, show_header: false, ...place, options });
	return `${url}/admin/insights/${id}`;
}

/** Takes it away again: other tests' pictures show what dashboards there are. */
export async function removeDashboard(admin: Api, address: string): Promise<void> {
	await admin.ask('DELETE', `/dashboards/${address.split('/').at(-1)}`);
}
