import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import type { Browser, Page } from 'playwright-core';

import type { HubClock, LiveConnection, LiveState, LiveToken } from '../../clients/live/src/index.ts';
import { consoleErrors, openBrowser } from './chromium.ts';
import { stackFromEnvironment } from './directus.ts';
import { serveFolder } from './file-server.ts';

const stack = stackFromEnvironment();
const skip = stack ? false : 'BIPLANE_DIRECTUS_URL, BIPLANE_ADMIN_EMAIL and BIPLANE_ADMIN_PASSWORD name no running stack';

/** How long the race may take to bring what is waited for (ms). */
const RACE = 120_000;
/** So many competitors must be seen to move. */
const MOVING = 5;

/** What the page has seen. */
interface Seen {
	states: LiveState[];
	events: string[];
	/** Keys of positions, each once. */
	fields: string[];
	/** Places of each device, each once, up to two. */
	places: Record<string, string[]>;
	/** What it said when it subscribed. */
	subscribed: { resume?: string; options?: object }[];
	cursors: string[];
	clock: HubClock | undefined;
}

declare global {
	interface Window {
		seen: Seen;
		live: LiveConnection;
		/** Of the page's connections, the last. */
		socket: WebSocket;
		liveToken(): Promise<LiveToken>;
	}
}

/** Asks Directus as a client outside of the browser does. */
async function ask<T>(path: string, token?: string, body?: object): Promise<T> {
	const response = await fetch(`${stack!.url}${path}`, {
		method: body ? 'POST' : 'GET',
		headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
		...(body && { body: JSON.stringify(body) }),
	});
	if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
	return ((await response.json()) as { data: T }).data;
}

async function login(): Promise<string> {
	const { email, password } = stack!;
	return (await ask<{ access_token: string }>('/auth/login', undefined, { email, password })).access_token;
}

describe('the live client in the browser', { skip, timeout: 4 * RACE }, () => {
	let browser: Browser;
	let server: Awaited<ReturnType<typeof serveFolder>>;
	let event: string;
	let session: string;

	before(async () => {
		const root = fileURLToPath(new URL('../..', import.meta.url));
		execFileSync('npm', ['run', '--silent', 'build', '--workspace', 'clients/live'], { cwd: root, stdio: 'inherit' });
		server = await serveFolder(fileURLToPath(new URL('../../clients/live/dist', import.meta.url)));
		browser = await openBrowser();
		session = await login();
		// The race that is replayed, whatever else tests have made.
		const filter = encodeURIComponent(JSON.stringify({ name: { _contains: 'Meduno' } }));
		const [race] = await ask<{ id: string }[]>(`/items/events?fields=id&limit=1&filter=${filter}`, session);
		event = race!.id;
	});

	after(async () => {
		await browser?.close();
		await server?.close();
	});

	/** A page at this address that follows the event with the built client. */
	async function follow(address: string): Promise<{ page: Page; errors: string[] }> {
		const page = await browser.newPage();
		page.setDefaultTimeout(RACE);
		const errors = consoleErrors(page);
		// To the browser the client's files are of the page's origin.
		const base = new URL('/live-client/', address).href;
		await page.route(`${base}**`, async (route) => {
			const path = route.request().url().slice(base.length);
			await route.fulfill({ response: await route.fetch({ url: `${server.url}/${path}` }) });
		});
		await page.exposeFunction('liveToken', () => ask<LiveToken>('/biplane/live/token', session, {}));
		await page.goto(address);
		await page.evaluate(watchRace, { event, script: `${base}index.js` });
		return { page, errors };
	}

	const seenBy = (page: Page): Promise<Seen> => page.evaluate(() => ({ ...window.seen, clock: window.live.clock }));

	test('a page of an unknown origin is not let in', async () => {
		const { page, errors } = await follow(`${server.url}/`);
		await page.waitForFunction(() => window.seen.states.some(({ name }) => name === 'reconnecting'));
		const { states, events } = await seenBy(page);
		const state = states.find(({ name }) => name === 'reconnecting');
		assert.ok(state?.name === 'reconnecting' && state.reason.code === 'CONNECTION_LOST');
		assert.deepEqual(events, []);
		assert.match(errors.join('\n'), /Unexpected response code: 403/);
		await page.close();
	});

	test('a page of Directus’s origin sees the race, with the fields that it asks for, over a break of the connection', async () => {
		// A page that Directus itself serves: Chromium lets no other one of that origin speak to this machine.
		const { page, errors } = await follow(`${stack!.url}/server/ping`);
		const moving = async (least: number): Promise<void> => {
			const enough = (least: number): boolean => Object.values(window.seen.places).filter((places) => places.length > 1).length >= least;
			await page.waitForFunction(enough, least).catch(async (error: Error) => {
				throw new Error(`${error.message}: ${JSON.stringify(await seenBy(page))}; ${errors.join('; ')}`);
			});
		};
		await moving(MOVING);
		const first = await seenBy(page);
		assert.deepEqual(first.states.map(({ name }) => name), ['connecting', 'live']);
		assert.equal(first.events[0], 'init');
		assert.ok(first.events.includes('status'), 'which devices are connected is told');
		assert.deepEqual(first.fields, ['device', 'lat', 'lon', 'time']);
		assert.deepEqual(first.subscribed.map(({ resume, options }) => ({ resume, options })), [{ resume: undefined, options: { fields: ['lat', 'lon'] } }]);
		// The hub's clock is this machine's.
		assert.ok(first.clock && Math.abs(first.clock.offset_ms) <= first.clock.within_ms + 50, JSON.stringify(first.clock));

		await page.evaluate(() => {
			window.seen.events = [];
			window.seen.places = {};
			window.socket.close();
		});
		await page.waitForFunction(() => window.seen.events.includes('init'));
		await moving(MOVING);
		const second = await seenBy(page);
		assert.deepEqual(second.states.map(({ name }) => name), ['connecting', 'live', 'reconnecting', 'live']);
		assert.equal(second.events[0], 'init');
		const { resume } = second.subscribed[1]!;
		assert.ok(resume && first.cursors.includes(resume), `goes on from ${resume}`);
		assert.ok(!second.events.includes('missed') && !second.events.includes('error'));
		assert.deepEqual(errors, []);
		await page.evaluate(() => window.live.close());
		assert.equal((await seenBy(page)).states.at(-1)?.name, 'closed');
		await page.close();
	});
});

/** Runs in the page. */
async function watchRace({ event, script }: { event: string; script: string }): Promise<void> {
	const seen: Seen = { states: [], events: [], fields: [], places: {}, subscribed: [], cursors: [], clock: undefined };
	window.seen = seen;
	window.WebSocket = class extends WebSocket {
		constructor(url: string | URL) {
			super(url);
			window.socket = this;
			this.addEventListener('message', ({ data }) => {
				const { cursor } = JSON.parse(data);
				if (cursor && seen.cursors.at(-1) !== cursor) seen.cursors.push(cursor);
			});
		}

		override send(data: string): void {
			const message = JSON.parse(data);
			if (message.type === 'subscribe') seen.subscribed.push(message);
			super.send(data);
		}
	};
	const { connect } = (await import(script)) as typeof import('../../clients/live/src/index.ts');
	window.live = connect({ token: () => window.liveToken() });
	window.live.onState((state) => seen.states.push(state));
	window.live.subscribe(
		{ event },
		(update) => {
			seen.events.push(update.event);
			if (update.event !== 'init' && update.event !== 'positions') return;
			for (const position of update.data) {
				seen.fields = [...new Set([...seen.fields, ...Object.keys(position)])].sort();
				const places = (seen.places[position.device] ??= []);
				const place = `${position.lat} ${position.lon}`;
				if (places.length < 2 && !places.includes(place)) places.push(place);
			}
		},
		{ fields: ['lat', 'lon'] },
	);
}
