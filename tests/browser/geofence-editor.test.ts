import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import type { Browser, Locator, Page } from 'playwright-core';

import { Api, Organization } from './api.ts';
import { barriers } from './barriers.ts';
import { consoleErrors, openBrowser } from './chromium.ts';
import { closeSidebar, logIn, stackFromEnvironment } from './directus.ts';
import { keepPicture } from './pictures.ts';
import { PATIENCE, until } from './until.ts';

const stack = stackFromEnvironment();
const skip = stack ? false : 'BIPLANE_DIRECTUS_URL, BIPLANE_ADMIN_EMAIL and BIPLANE_ADMIN_PASSWORD name no running stack';

const EDITOR = '[data-biplane-interface="geofence"]';

interface Fence {
	id: string;
	kind: string;
	geometry: { type: string; coordinates: unknown };
	radius_m: number | null;
	area_m2: number | null;
	perimeter_m: number | null;
}

const SQUARE = { type: 'Polygon', coordinates: [[[13.0, 46.0], [13.02, 46.0], [13.02, 46.015], [13.0, 46.015], [13.0, 46.0]]] };
/** South of it, to be seen from it. */
const NEIGHBOUR = { type: 'Polygon', coordinates: [[[13.005, 45.99], [13.018, 45.99], [13.018, 45.997], [13.005, 45.997], [13.005, 45.99]]] };

const GPX = `<?xml version="1.0"?>
<gpx version="1.1" creator="test" xmlns="http://www.topografix.com/GPX/1/1">
	<trk><name>Ridge run</name><trkseg>
		<trkpt lat="46.01" lon="13.01"><ele>812</ele></trkpt>
		<trkpt lat="46.0150001" lon="13.0150001"><ele>820</ele></trkpt>
		<trkpt lat="46.02" lon="13.02"><ele>833</ele></trkpt>
		<trkpt lat="46.02" lon="13.03"><ele>841</ele></trkpt>
	</trkseg></trk>
</gpx>`;

describe('the geofence editor in the browser', { skip, timeout: 8 * PATIENCE }, () => {
	let browser: Browser;
	let page: Page;
	let errors: string[];
	let admin: Api;
	let organization: Organization;
	let polygon: Fence;

	const editor = (): Locator => page.locator(EDITOR);
	const sentence = (): Locator => editor().locator('[data-sentence]');
	const tool = (name: string): Locator => editor().locator(`[data-tool=${name}]`);
	const readFence = (id: string): Promise<Fence> => admin.ask('GET', `/items/geofences/${id}?fields=id,kind,geometry,radius_m,area_m2,perimeter_m`);
	const make = (item: object): Promise<Fence> => organization.create('geofences', { name: 'Field', status: 'active', ...item });
	const positions = (fence: Fence): unknown[] => (fence.geometry.coordinates as unknown[][])[0]!;

	async function open(id: string): Promise<void> {
		await page.goto(`${stack!.url}/admin/content/geofences/${id}`);
		await page.locator(`${EDITOR}[data-state=ready]`).waitFor();
		await editor().scrollIntoViewIfNeeded();
	}

	/** The map on the page, and a place on it by its share of width and height. */
	async function place(x: number, y: number): Promise<{ x: number; y: number }> {
		const box = (await editor().locator('canvas').boundingBox())!;
		return { x: Math.round(box.x + box.width * x), y: Math.round(box.y + box.height * y) };
	}

	async function click(x: number, y: number): Promise<void> {
		const at = await place(x, y);
		await page.mouse.move(at.x, at.y);
		await page.mouse.click(at.x, at.y);
	}

	async function drag(from: { x: number; y: number }, to: { x: number; y: number }): Promise<void> {
		await page.mouse.move(from.x, from.y);
		await page.mouse.down();
		await page.mouse.move((from.x + to.x) / 2, (from.y + to.y) / 2);
		await page.mouse.move(to.x, to.y);
		await page.mouse.up();
	}

	/** Saves, and gives what the API answered. */
	async function save(): Promise<{ status: number; body: { data?: Fence; errors?: { message: string; extensions: { at?: [number, number] } }[] } }> {
		const answered = page.waitForResponse((response) => /\/items\/geofences/.test(response.url()) && ['POST', 'PATCH'].includes(response.request().method()));
		await page.keyboard.press('Control+s');
		const response = await answered;
		return { status: response.status(), body: await response.json() };
	}

	const appearance = async (value: 'light' | 'dark' | null): Promise<void> => {
		await admin.ask('PATCH', '/users/me', { appearance: value });
	};

	before(async () => {
		admin = await Api.logIn(stack!);
		organization = await Organization.make(admin, `Fences ${Date.now()}`);
		await make({ name: 'Landing field', kind: 'polygon', geometry: NEIGHBOUR });
		polygon = await make({ name: 'Take-off', kind: 'polygon', geometry: SQUARE });
		browser = await openBrowser();
		page = await browser.newPage({ viewport: { width: 1440, height: 1100 } });
		page.setDefaultTimeout(PATIENCE);
		errors = consoleErrors(page);
		await logIn(page, stack!);
	});

	after(async () => {
		await appearance(null).catch(() => undefined);
		await admin?.ask('PATCH', '/users/me', { language: null }).catch(() => undefined);
		await browser?.close();
	});

	test('a person draws a polygon, saves it, and the API has it', async () => {
		await page.goto(`${stack!.url}/admin/content/geofences/+`);
		await page.locator(`${EDITOR}[data-state=ready]`).waitFor();
		await page.locator('[data-field=name] input').fill('Drawn by hand');
		await page.locator('[data-field=organization] .v-list-item, [data-field=organization] .v-input').first().click();
		const drawer = page.locator('.v-drawer, [role=dialog]').last();
		await drawer.getByText(organization.name).first().click();
		await drawer.locator('.header-bar button').last().click();
		await drawer.waitFor({ state: 'hidden' });
		await editor().scrollIntoViewIfNeeded();
		if (await editor().locator('.kinds').isVisible()) await editor().getByRole('button', { name: 'Polygon', exact: true }).click();
		assert.match(await editor().locator('.hint').innerText(), /Click on the map for the first vertex/);
		await click(0.3, 0.3);
		await click(0.7, 0.3);
		assert.match(await sentence().innerText(), /needs at least 4/, 'two vertices are no polygon yet');
		await click(0.7, 0.7);
		await click(0.5, 0.8);
		await click(0.3, 0.7);
		// On the first vertex the ring is closed.
		await click(0.3, 0.3);
		await until('the verdict', () => editor().getAttribute('data-verdict'), (verdict) => verdict === 'valid');
		const shown = await editor().locator('[data-figure=area]').innerText();
		const { status, body } = await save();
		assert.equal(status, 200, JSON.stringify(body));
		const fence = await readFence(body.data!.id);
		assert.equal(fence.geometry.type, 'Polygon');
		assert.equal(positions(fence).length, 6);
		const km2 = Number(shown.replace(/[^\d.]/g, ''));
		assert.ok(Math.abs(km2 - fence.area_m2! / 1e6) <= 0.0005 * km2 + 0.51, `${shown} is what the database reckons: ${fence.area_m2}`);
	});

	test('of a bow tie the place is marked, with the sentence that the API gives', async () => {
		await open(polygon.id);
		assert.equal(await editor().getAttribute('data-verdict'), 'valid');
		await tool('clear').click();
		const corners = [[0.35, 0.3], [0.65, 0.7], [0.65, 0.3], [0.35, 0.7]] as const;
		for (const [x, y] of corners) await click(x, y);
		await page.keyboard.press('Enter');
		const mark = editor().locator('[data-fault]');
		await mark.waitFor();
		const box = (await mark.boundingBox())!;
		const middle = await place(0.5, 0.5);
		assert.ok(Math.hypot(box.x + box.width / 2 - middle.x, box.y + box.height / 2 - middle.y) < 4, 'the mark is where the lines cross');
		const shown = await sentence().innerText();
		assert.equal(await mark.innerText(), shown);
		assert.equal(await editor().locator('[data-figure=area]').count(), 0, 'what crosses itself has no area');
		await editor().locator('.vertices > summary').click();
		await editor().locator('[data-vertex="3"]').waitFor();
		assert.equal(await editor().locator('tr.fault').count(), 4, 'the ends of both segments are marked in the table');
		await keepPicture(editor(), 'geofence-editor');
		const { status, body } = await save();
		assert.equal(status, 400);
		assert.equal(shown, body.errors![0]!.message);
		const refused = errors.splice(0);
		assert.ok(refused.every((error) => /status of 400/.test(error) && error.includes(polygon.id)), refused.join());
	});

	test('undo takes it back, step by step, and redo brings it again', async () => {
		for (let step = 0; step < 5; step++) await tool('undo').click();
		assert.equal(await editor().locator('[data-line="0"] [data-vertex]').count(), 4);
		assert.equal(await editor().getAttribute('data-verdict'), 'valid');
		assert.ok(await tool('undo').isDisabled());
		await tool('redo').click();
		assert.equal(await editor().locator('[data-vertex]').count(), 0);
		await tool('undo').click();
	});

	test('vertices are dragged, inserted and removed', async () => {
		await open(polygon.id);
		await editor().locator('.vertices > summary').click();
		const rows = editor().locator('[data-line="0"] [data-vertex]');
		const longitude = (vertex: number): Promise<string> => rows.nth(vertex).locator('input').first().inputValue();
		// A square of 0.02 by 0.015 degrees fills the height of the map, less its margin.
		const box = (await editor().locator('canvas').boundingBox())!;
		const half = { y: box.height / 2 - 56, x: ((box.height / 2 - 56) * 0.02 * Math.cos((46 * Math.PI) / 180)) / 0.015 };
		const middle = await place(0.5, 0.5);
		const corner = { x: middle.x + half.x, y: middle.y - half.y };
		assert.equal(await longitude(2), '13.02');
		await drag(corner, { x: corner.x + 60, y: corner.y + 20 });
		assert.ok(Number(await longitude(2)) > 13.021, 'the corner follows the pointer');
		await drag({ x: middle.x, y: middle.y + half.y }, { x: middle.x, y: middle.y + half.y - 50 });
		assert.equal(await rows.count(), 5, 'the dot between two vertices becomes one');
		await tool('remove').click();
		assert.equal(await rows.count(), 4);
		const { status } = await save();
		assert.equal(status, 200);
		const fence = await readFence(polygon.id);
		assert.ok(Number((positions(fence)[2] as number[])[0]) > 13.021);
	});

	test('a circle’s radius is typed or dragged, and area and form follow', async () => {
		const circle = await make({ name: 'Cylinder', kind: 'circle', geometry: { type: 'Point', coordinates: [13.01, 46.01] }, radius_m: 1000 });
		await open(circle.id);
		const radius = editor().locator('[data-radius]');
		assert.equal(await radius.inputValue(), '1000');
		assert.match(await editor().locator('[data-figure=area]').innerText(), /3\.14\d km²/);
		await radius.fill('2000');
		await radius.press('Enter');
		assert.match(await editor().locator('[data-figure=area]').innerText(), /12\.566 km²/);
		assert.equal(await page.locator('[data-field=radius_m] input').inputValue(), '2000');
		await tool('show').click();
		const box = (await editor().locator('canvas').boundingBox())!;
		const middle = await place(0.5, 0.5);
		const rim = { x: middle.x + box.height / 2 - 56, y: middle.y };
		await until('the map has come to rest', () => drag(rim, { x: rim.x - 82, y: rim.y }).then(() => radius.inputValue()), (value) => value !== '2000');
		const metres = Number(await radius.inputValue());
		assert.ok(metres > 900 && metres < 1100, `half as far, half the radius: ${metres}`);
		const { status } = await save();
		assert.equal(status, 200);
		assert.equal((await readFence(circle.id)).radius_m, metres);
	});

	test('a track of a GPX file becomes a gate', async () => {
		const gate = await make({ name: 'Gate', kind: 'gate', geometry: { type: 'LineString', coordinates: [[13, 46], [13.01, 46.001]] } });
		await open(gate.id);
		assert.match(await editor().innerText(), /With the arrows is to enter/);
		await tool('import').click();
		const dialog = page.locator('[data-import]');
		await dialog.locator('textarea').fill('{"type": "MultiPoint", "coordinates": [[1, 2]]}');
		assert.match(await dialog.locator('[data-skipped]').innerText(), /a MultiPoint is no shape of a geofence/);
		await dialog.locator('textarea').fill('neither');
		assert.match(await dialog.locator('[data-failure]').innerText(), /neither GeoJSON nor GPX/);
		await dialog.locator('input[type=file]').setInputFiles({ name: 'ridge.gpx', mimeType: 'application/gpx+xml', buffer: Buffer.from(GPX) });
		const row = dialog.locator('[data-found=line]');
		assert.match(await row.innerText(), /Ridge run\s+4 positions/);
		await dialog.locator('.tolerance input').fill('5');
		assert.match(await row.innerText(), /3 positions/, 'what lies on the line is left out');
		await keepPicture(page, 'more/geofence-editor-import');
		await row.getByRole('button', { name: 'Take as gate' }).click();
		await dialog.waitFor({ state: 'hidden' });
		const { status } = await save();
		assert.equal(status, 200);
		assert.deepEqual((await readFence(gate.id)).geometry, { type: 'LineString', coordinates: [[13.01, 46.01], [13.02, 46.02], [13.03, 46.02]] });
	});

	test('the keyboard alone edits it', async () => {
		await open(polygon.id);
		const focused = (selector: string): Promise<boolean> => page.evaluate((wanted) => document.activeElement?.matches(wanted) ?? false, `${EDITOR} ${selector}`);
		await page.locator('[data-field=name] input').focus();
		for (let step = 0; step < 60 && !(await focused('.vertices > summary')); step++) await page.keyboard.press('Tab');
		assert.ok(await focused('.vertices > summary'), 'the table is reached by Tab');
		await page.keyboard.press('Enter');
		await editor().locator('[data-vertex="0"] input').first().waitFor();
		await page.keyboard.press('Tab');
		if (!(await focused('[data-vertex] input'))) await page.keyboard.press('Tab');
		assert.ok(await focused('[data-vertex="0"] input'));
		await page.keyboard.press('Control+a');
		await page.keyboard.type('12.99');
		await page.keyboard.press('Enter');
		const { status } = await save();
		assert.equal(status, 200);
		assert.deepEqual(positions(await readFence(polygon.id))[0], [12.99, 46]);
	});

	test('it can be read by day and by night, and axe finds no barrier', async () => {
		for (const value of ['light', 'dark'] as const) {
			await appearance(value);
			await open(polygon.id);
			await closeSidebar(page);
			await editor().locator('.vertices > summary').click();
			await editor().scrollIntoViewIfNeeded();
			assert.deepEqual(await barriers(page, EDITOR), [], value);
			await keepPicture(page, `more/geofence-editor-${value}`);
		}
		for (const [language, words] of [['de-DE', /Fläche/], ['sl-SI', /Površina/]] as const) {
			await admin.ask('PATCH', '/users/me', { language });
			await open(polygon.id);
			assert.match(await editor().innerText(), words);
		}
		await admin.ask('PATCH', '/users/me', { language: null });
	});

	test('without WebGL the table does it', async () => {
		const context = await browser.newContext({ viewport: { width: 1440, height: 1100 } });
		const bare = await context.newPage();
		bare.setDefaultTimeout(PATIENCE);
		await bare.addInitScript(() => {
			const { getContext } = HTMLCanvasElement.prototype;
			HTMLCanvasElement.prototype.getContext = function (this: HTMLCanvasElement, kind: string, ...more: unknown[]) {
				return /webgl/.test(kind) ? null : (getContext as (...all: unknown[]) => unknown).call(this, kind, ...more);
			} as typeof getContext;
		});
		await logIn(bare, stack!);
		await bare.goto(`${stack!.url}/admin/content/geofences/${polygon.id}`);
		await bare.locator(`${EDITOR}[data-state=failed]`).waitFor();
		const input = bare.locator(`${EDITOR} [data-vertex="0"] input`).first();
		await input.fill('12.98');
		await input.press('Enter');
		assert.equal(await bare.locator(EDITOR).getAttribute('data-verdict'), 'valid');
		await context.close();
	});

	test('a viewer sees it and changes nothing', async () => {
		const viewer = await organization.person('viewer');
		const context = await browser.newContext({ viewport: { width: 1440, height: 1100 } });
		const seen = await context.newPage();
		seen.setDefaultTimeout(PATIENCE);
		const theirs = consoleErrors(seen);
		await logIn(seen, { ...stack!, ...viewer });
		await seen.goto(`${stack!.url}/admin/content/geofences/${polygon.id}`);
		await seen.locator(`${EDITOR}[data-state=ready]`).waitFor();
		const shown = seen.locator(EDITOR);
		await shown.locator('.vertices > summary').click();
		await shown.locator('[data-vertex="3"]').waitFor();
		assert.equal(await shown.locator('[data-vertex]').count(), 4);
		assert.equal(await shown.locator('[data-tool], input, .vertex-table button').count(), 0);
		assert.deepEqual(await barriers(seen, EDITOR), []);
		assert.deepEqual(theirs, []);
		await context.close();
	});

	test('the browser’s console stays clean', () => {
		assert.deepEqual(errors, []);
	});
});
