import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, test } from 'node:test';

import type { Browser, Locator, Page } from 'playwright-core';

import { anyImei, Api, Organization, type Credentials } from './api.ts';
import { barriers } from './barriers.ts';
import { consoleErrors, openBrowser } from './chromium.ts';
import { closeSidebar, dashboardWith, logIn, removeDashboard, stackFromEnvironment } from './directus.ts';
import { keepPicture } from './pictures.ts';
import { TimingRace } from './timing-race.ts';
import { PATIENCE, until } from './until.ts';

const stack = stackFromEnvironment();
const skip = stack ? false : 'BIPLANE_DIRECTUS_URL, BIPLANE_ADMIN_EMAIL and BIPLANE_ADMIN_PASSWORD name no running stack';

const PANEL = '[data-biplane-panel="timing"]';
/** Who edits, as the history names her. */
const OPERATOR = 'Petra Kos';
/** As many as a large race has. */
const MANY = 500;

describe('timing in the browser', { skip, timeout: 6 * PATIENCE }, () => {
	let browser: Browser;
	let page: Page;
	let panel: Locator;
	let errors: string[];
	let admin: Api;
	let organization: Organization;
	let race: TimingRace;
	let operator: Credentials;
	let address: string;
	const addresses: string[] = [];

	/** A dashboard with the panel, for as long as the tests take. */
	async function dashboard(options?: object): Promise<string> {
		addresses.push(await dashboardWith(admin, stack!, 'biplane-timing', options));
		return addresses.at(-1)!;
	}

	const row = (number: string): Locator => panel.locator(`tr[data-number="${number}"]`);
	const cell = (number: string, checkpoint: string): Locator =>
		row(number).locator(`td[data-checkpoint="${race.checkpoints.get(checkpoint)}"]`);
	const pane = (): Locator => panel.locator('[data-pane]');
	const button = (name: string): Locator => panel.getByRole('button', { name, exact: true });
	const fill = (field: 'date' | 'time' | 'reason', text: string): Promise<void> => pane().locator(`input[data-input="${field}"]`).fill(text);
	const fault = (field: string): Locator => pane().locator(`[data-fault="${field}"]`);

	/** What a person sees, once it is what the API says. */
	async function ranksAsTheApiSays(query = ''): Promise<[string, number | null][]> {
		const expected = await race.ranking(admin, query);
		return until(
			`the ranking ${JSON.stringify(expected)}`,
			() =>
				panel.locator('tbody tr[data-entry]').evaluateAll((rows) =>
					(rows as HTMLTableRowElement[]).map(({ dataset, cells }): [string, number | null] => {
						const shown = cells[0]!.innerText.trim();
						return [dataset['number']!, shown === '–' ? null : Number(shown)];
					}),
				),
			(seen) => JSON.stringify(seen) === JSON.stringify(expected),
		);
	}

	async function save(reason: string): Promise<void> {
		await fill('reason', reason);
		await pane().locator('[data-save] button').click();
		const closed = pane().locator('[data-form]').waitFor({ state: 'detached' });
		const refused = fault('refused').waitFor().then(async () => assert.fail(await fault('refused').innerText()));
		await Promise.race([closed, refused.catch((error: unknown) => (error instanceof assert.AssertionError ? Promise.reject(error) : closed))]);
	}

	before(async () => {
		admin = await Api.logIn(stack!);
		organization = await Organization.make(admin, 'Timing');
		race = await TimingRace.make(organization);
		operator = await organization.person('operator');
		const own = await Api.logIn(stack!, operator);
		const [first_name, last_name] = OPERATOR.split(' ');
		await admin.ask('PATCH', `/users/${(await own.ask<{ id: string }>('GET', '/users/me')).id}`, { first_name, last_name });
		address = await dashboard({ event: { key: race.event, collection: 'events' } });
		const [made] = await admin.ask<{ id: string }[]>('GET', `/panels?filter[dashboard][_eq]=${address.split('/').at(-1)}`);
		await admin.ask('PATCH', `/panels/${made!.id}`, { width: 66, height: 38 });
		browser = await openBrowser();
		page = await browser.newPage({ viewport: { width: 1600, height: 900 } });
		page.setDefaultTimeout(PATIENCE);
		errors = consoleErrors(page);
		panel = page.locator(PANEL);
		await logIn(page, { ...stack!, ...operator });
		await page.goto(address);
		await row('7').waitFor();
	});

	after(async () => {
		await browser?.close();
		for (const made of addresses) await removeDashboard(admin, made);
	});

	test('the ranking is the API’s, and who is out of the race has no place in it', async () => {
		const ranks = await ranksAsTheApiSays();
		assert.deepEqual(ranks.slice(0, 2), [['7', 1], ['12', 2]]);
		assert.deepEqual(ranks.slice(-2).map(([, rank]) => rank), [null, null]);
		assert.match(await row('3').innerText(), /DSQ/);
		assert.match(await row('7').locator('.time').innerText(), /^00:29:30\.500$/);
		assert.match(await row('12').locator('.gap').innerText(), /^\+00:00:29\.500$/);
		assert.match(await row('14').locator('.interval').innerText(), /^\+00:03:02\.941$/);
	});

	test('a checkpoint that is missing is marked, and what was crossed after it says that it does not count', async () => {
		assert.match(await cell('9', 'Lake').innerText(), /missing/);
		assert.match(await cell('9', 'Goal').innerText(), /not in order\s+09:33:00\.000/);
		assert.equal(await cell('21', 'Goal').getAttribute('data-split'), 'ahead');
	});

	test('by time of day another one is first', async () => {
		await button('Time of day').click();
		const ranks = await ranksAsTheApiSays('?rank_by=clock');
		assert.deepEqual(ranks.slice(0, 2), [['12', 1], ['7', 2]]);
		await button('Own time').click();
		await ranksAsTheApiSays();
	});

	test('a category has its own ranking', async () => {
		await panel.locator('[data-choice="category"]').click();
		await page.getByText('Women', { exact: true }).last().click();
		const ranks = await ranksAsTheApiSays('?category=Women');
		assert.deepEqual(ranks[0], ['12', 1]);
		await panel.locator('[data-choice="category"]').click();
		await page.locator('.v-menu-content').getByText(/deselect/i).click();
		await ranksAsTheApiSays();
	});

	test('what would be refused is said while it is typed, in the API’s words', async () => {
		await cell('9', 'Lake').click();
		assert.match(await pane().innerText(), /Missing: no crossing counts here/);
		await pane().locator('[data-add]').click();
		await fill('time', '25:61');
		assert.match(await fault('crossed_at').innerText(), /^crossed_at: `2026-05-01T25:61Z` is not a time like/);
		await fill('reason', 'x');
		assert.match(await fault('reason').innerText(), /^reason: is required, in 3 characters or more$/);
		assert.ok(await pane().locator('[data-save] button').isDisabled());
		const refused = { organization: organization.id, action: 'add', entry: race.entries.get('9'), checkpoint: race.checkpoints.get('Lake'), crossed_at: '2026-05-01T25:61Z' };
		await assert.rejects(admin.create('crossing_edits', { ...refused, reason: 'by hand' }), /is not a time like/);
	});

	test('an added crossing fills the gap', async () => {
		await fill('time', '09:22:10.640');
		await fault('crossed_at').waitFor({ state: 'detached' });
		await save('Marshal’s list, page 2');
		await until('the added crossing', () => cell('9', 'Lake').innerText(), (text) => text.includes('00:22:10.640'));
		assert.equal(await cell('9', 'Goal').getAttribute('data-split'), 'taken');
		await ranksAsTheApiSays();
	});

	test('a time that is adjusted changes the ranking', async () => {
		await cell('12', 'Goal').click();
		await pane().locator('[data-adjust]').click();
		assert.equal(await pane().locator('input[data-input="time"]').inputValue(), '09:30:00.000');
		await fill('time', '09:29:00.001');
		await save('By the video at the line');
		await until('the adjusted time', () => row('12').locator('.time').innerText(), (text) => text === '00:29:00.001');
		assert.deepEqual((await ranksAsTheApiSays())[0], ['12', 1]);
	});

	test('a crossing that is voided is missing, until that is taken back', async () => {
		await cell('7', 'Goal').click();
		await pane().locator('[data-void]').click();
		await save('Cut the corner');
		await until('the void', () => cell('7', 'Goal').innerText(), (text) => text.includes('voided'));
		assert.ok((await ranksAsTheApiSays()).findIndex(([number]) => number === '7') > 3);

		await button('History').click();
		const first = pane().locator('li[data-edit]').first();
		assert.match(await first.innerText(), /7 Bo Lindqvist · Goal\s+voided 09:34:30\.500\s+Cut the corner/);
		await first.locator('button[data-undo]').click();
		await save('It was another rider');
		await until('the crossing as it was measured', () => row('7').locator('.time').innerText(), (text) => text === '00:29:30.500');
		await ranksAsTheApiSays();
	});

	test('the history says who did what, when and why', async () => {
		const items = pane().locator('li[data-edit]');
		await until('four deeds', () => items.count(), (count) => count === 4);
		const texts = await items.allInnerTexts();
		for (const text of texts) assert.match(text, new RegExp(`${OPERATOR} · \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d UTC`));
		assert.match(texts[0]!, /took back: voided 09:34:30\.500\s+It was another rider/);
		assert.match(texts[1]!, new RegExp(`taken back by ${OPERATOR}`));
		assert.match(texts[2]!, /adjusted 09:30:00\.000 → 09:29:00\.001\s+By the video at the line/);
		assert.match(texts[3]!, /added 09:22:10\.640\s+Marshal’s list, page 2/);
		assert.equal(await pane().locator('button[data-undo]').count(), 2, 'what was taken back, and what takes back, offer nothing');
	});

	test('what was added can be set right and taken back', async () => {
		await cell('9', 'Lake').click();
		await pane().locator('[data-crossing] [data-adjust]').click();
		await fill('time', '09:22:11.000');
		await save('Read the list again');
		await until('the other time', () => cell('9', 'Lake').innerText(), (text) => text.includes('00:22:11.000'));
		await ranksAsTheApiSays();
		await pane().locator('[data-crossing] [data-undo]').click();
		await save('Another rider’s number');
		await until('the gap again', () => cell('9', 'Lake').innerText(), (text) => text.includes('missing'));
		await ranksAsTheApiSays();
	});

	test('a crossing that comes meanwhile is in the table, and its row is lit up', async () => {
		await until('a live connection', () => panel.getAttribute('data-connection'), (state) => state === 'live');
		const lit = row('21').and(panel.locator('[data-lit]')).waitFor();
		await race.cross('21', 'Ridge', '09:13:30.333');
		await lit;
		assert.match(await cell('21', 'Ridge').innerText(), /^00:11:30\.333/);
		await ranksAsTheApiSays();
	});

	test('what another operator edits shows by itself', async () => {
		const other = await Api.logIn(stack!, await organization.person('operator'));
		await other.create('crossing_edits', {
			organization: organization.id,
			action: 'add',
			entry: race.entries.get('40'),
			checkpoint: race.checkpoints.get('Goal'),
			crossed_at: '2026-05-01T09:43:00.500Z',
			reason: 'Her tracker ran out of power',
		});
		await until('the other’s edit', () => cell('40', 'Goal').innerText(), (text) => text.includes('00:37:00.500'));
		await ranksAsTheApiSays();
	});

	test('it can be read by day and by night, without barriers', async () => {
		await closeSidebar(page);
		for (const appearance of ['dark', 'light'] as const) {
			await (await Api.logIn(stack!, operator)).ask('PATCH', '/users/me', { appearance });
			await page.reload();
			await row('9').waitFor();
			await cell('12', 'Goal').click();
			await pane().locator('[data-crossing]').first().waitFor();
			await pane().locator('[data-adjust]').click();
			await fill('time', '09:29:00.0');
			await fill('reason', 'no');
			await fault('reason').waitFor();
			assert.deepEqual(await barriers(page, PANEL), []);
			await keepPicture(page, appearance === 'light' ? 'more/panel-timing-form' : 'more/panel-timing-dark');
			await pane().getByRole('button', { name: 'Cancel' }).click();
			await keepPicture(page, appearance === 'light' ? 'panel-timing' : 'more/panel-timing-cell-dark');
			await button('History').click();
			assert.deepEqual(await barriers(page, PANEL), []);
			await keepPicture(page, `more/panel-timing-history-${appearance}`);
		}
	});

	test('what opens beside the table does not cover the place that it is of', async () => {
		await button('History').click();
		await cell('9', 'Goal').click();
		await pane().locator('[data-crossing]').first().waitFor();
		const box = async (of: Locator) => (await of.boundingBox())!;
		const [place, name, beside] = await Promise.all([box(cell('9', 'Goal')), box(row('9').locator('.name')), box(pane())]);
		assert.ok(place.x >= name.x + name.width - 1 && place.x + place.width <= beside.x + 1, JSON.stringify({ place, name, beside }));
	});

	test('the arrow keys go from place to place, Enter opens and Escape goes back', async () => {
		await cell('7', 'Start').locator('button').focus();
		await page.keyboard.press('ArrowRight');
		await page.keyboard.press('ArrowDown');
		const focused = page.locator(`${PANEL} td button:focus`);
		const label = await focused.getAttribute('aria-label');
		assert.match(label ?? '', /, Ridge: /);
		await page.keyboard.press('Enter');
		await panel.locator('[data-pane="cell"]').waitFor();
		await panel.locator('[data-close]').focus();
		await page.keyboard.press('Escape');
		await pane().waitFor({ state: 'detached' });
		assert.equal(await focused.getAttribute('aria-label'), label);
	});

	test('the CSV is the API’s', async () => {
		const [download] = await Promise.all([page.waitForEvent('download'), button('CSV').click()]);
		assert.equal(download.suggestedFilename(), 'Alpine-Cup-task-2-results.csv');
		const text = await readFile(await download.path(), 'utf8');
		assert.match(text, /^rank,number,name,category,status,elapsed,gap,Start,Ridge,Lake,Goal\r\n1,12,Ana Kovač,Women,finished,0:29:00\.001/);
		assert.equal(text.trim().split('\r\n').length, 15);
	});

	test('the printed page is for paper: event, date, all entries, on A4 across', async () => {
		const [paper] = await Promise.all([page.waitForEvent('popup'), button('Print').click()]);
		await paper.locator('tbody tr').first().waitFor();
		await paper.emulateMedia({ media: 'print' });
		const text = await paper.locator('main').innerText();
		assert.match(text, /^Alpine Cup, task 2\s+1 May 2026 · Rank by: Own time · All categories · Printed \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
		assert.equal(await paper.locator('tbody tr').count(), 14);
		assert.match(await paper.locator('tbody tr').first().innerText(), /^1\s+12\s+Ana Kovač\s+Women\s+00:29:00\.001/);
		assert.match(await paper.locator('body').innerText(), /missing/);
		const pdf = (await paper.pdf({ preferCSSPageSize: true })).toString('latin1');
		assert.match(pdf, /\/MediaBox \[0 0 84[12]\.?\d* 59[456]\.?\d*\]/, 'A4 landscape, in points');
		assert.equal(await paper.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, 'nothing sticks out');
		await keepPicture(paper, 'more/panel-timing-print');
		await paper.close();

		await page.evaluate(() => (window.open = () => null));
		await button('Print').click();
		assert.match(await panel.locator('[data-untaken]').innerText(), /allow pop-ups/);
	});

	test('German and Slovenian have their own words', async () => {
		const own = await Api.logIn(stack!, operator);
		await admin.ask('PATCH', `/users/${(await own.ask<{ id: string }>('GET', '/users/me')).id}`, { language: 'de-DE' });
		await page.reload();
		await row('9').waitFor();
		assert.match(await cell('9', 'Lake').innerText(), /fehlt/);
		await own.ask('PATCH', '/users/me', { language: 'sl-SI' }).catch(() => undefined);
		await admin.ask('PATCH', `/users/${(await own.ask<{ id: string }>('GET', '/users/me')).id}`, { language: 'sl-SI' });
		await page.reload();
		await row('9').waitFor();
		assert.match(await cell('9', 'Lake').innerText(), /manjka/);
	});

	test('a viewer sees results and history, and nothing to press that would fail', async () => {
		const viewer = await organization.person('viewer');
		const theirs = await browser.newPage({ viewport: { width: 1600, height: 900 } });
		theirs.setDefaultTimeout(PATIENCE);
		const seen = consoleErrors(theirs);
		try {
			await logIn(theirs, { ...stack!, ...viewer });
			await theirs.goto(address);
			const view = theirs.locator(PANEL);
			await view.locator('tr[data-number="12"]').waitFor();
			await view.locator(`tr[data-number="12"] td[data-checkpoint="${race.checkpoints.get('Goal')}"]`).click();
			await view.locator('[data-crossing]').waitFor();
			assert.match(await view.locator('[data-pane]').innerText(), new RegExp(OPERATOR));
			await view.getByRole('button', { name: 'History', exact: true }).click();
			await view.locator('li[data-edit]').first().waitFor();
			assert.equal(await view.locator('[data-add], [data-adjust], [data-void], [data-undo], form').count(), 0);
			assert.deepEqual(seen, []);
		} finally {
			await theirs.close();
		}
	});

	test('who may not see the event is told so, and an empty one says what to do', async () => {
		const stranger = await (await Organization.make(admin, 'Elsewhere')).person('operator');
		const theirs = await browser.newPage();
		theirs.setDefaultTimeout(PATIENCE);
		try {
			await logIn(theirs, { ...stack!, ...stranger });
			await theirs.goto(address);
			const view = theirs.locator(PANEL);
			await view.locator('[data-notice="forbidden"]').waitFor();
			const nothing = await dashboard();
			await theirs.goto(nothing);
			await view.locator('[data-notice="empty"]').waitFor();
		} finally {
			await theirs.close();
		}
	});

	test('a large field scrolls: only what is seen is there', async () => {
		const { id: event } = await organization.create('events', { name: 'Marathon', status: 'running', starts_at: '2026-05-02T09:00:00Z' });
		const { id: geofence } = await organization.create('geofences', {
			name: 'Post',
			kind: 'circle',
			geometry: { type: 'Point', coordinates: [14, 46] },
			radius_m: 100,
			status: 'active',
		});
		for (let sort = 1; sort <= 12; sort++) await organization.create('checkpoints', { event, geofence, name: `Post ${sort}`, role: 'turnpoint', sort });
		const own = { organization: organization.id };
		const trackers = Array.from({ length: MANY }, (_, index) => ({ ...own, name: `Tracker ${index + 1}`, imei: anyImei(), protocol: 'teltonika', status: 'active' }));
		const devices = await admin.ask<{ id: string }[]>('POST', '/items/devices?fields=id', trackers);
		const entries = devices.map(({ id: device }, index) => ({ ...own, event, device, number: String(index + 1), name: `Runner ${index + 1}`, status: 'started' }));
		await admin.ask('POST', '/items/entries', entries);
		await page.goto(await dashboard({ event: { key: event, collection: 'events' } }));
		await row('1').waitFor();
		assert.equal(await panel.locator('table').getAttribute('aria-rowcount'), String(MANY + 1));
		const header = await panel.locator('thead').boundingBox();
		await panel.locator('.scroller').evaluate((box) => box.scrollTo(box.scrollWidth, box.scrollHeight));
		await row(String(MANY)).waitFor();
		assert.ok((await panel.locator('tbody tr[data-entry]').count()) < 100);
		assert.equal((await panel.locator('thead th').first().boundingBox())?.y, header?.y, 'the header stays');
		const name = await row(String(MANY)).locator('.name').boundingBox();
		assert.ok(name && header && name.x < (await panel.boundingBox())!.x + 300, 'the names stay');
	});

	test('the browser’s console stays clean', () => {
		assert.deepEqual(errors, []);
	});
});
