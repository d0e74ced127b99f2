/** What a create over REST costs Directus with no hook, one in JavaScript, and ours. Prints a figure a line. */

import { figure, say, timing } from './measure.ts';
import { shapes } from './shapes.ts';

const SIDES = { none: 'bench_none', js: 'bench_js', wasm: 'bench_wasm' };
type SideName = keyof typeof SIDES;
const ROUNDS = 105;
const ITEMS = 8;
const SEED = 4;

const { DIRECTUS_URL: url, DIRECTUS_EMAIL: email, DIRECTUS_PASSWORD: password } = process.env;
if (!url || !email || !password) throw new Error('run it by `npm run -s bench -- wasm`: it needs a Directus');
let token = '';

async function ask(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
	const response = await fetch(`${url}${path}`, {
		method,
		headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }) },
		...(body !== undefined && { body: JSON.stringify(body) }),
	});
	const text = await response.text();
	return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) };
}

async function must(method: string, path: string, body?: unknown): Promise<unknown> {
	const answer = await ask(method, path, body);
	if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
	return answer.body;
}

/** The token lives for a quarter of an hour. */
async function logIn(): Promise<void> {
	token = '';
	const { data } = (await must('POST', '/auth/login', { email, password })) as { data: { access_token: string } };
	token = data.access_token;
}

async function make(collection: string): Promise<void> {
	const fields = [
		{ field: 'id', type: 'uuid', schema: { is_primary_key: true }, meta: { special: ['uuid'] } },
		{ field: 'kind', type: 'string', schema: {}, meta: {} },
		{ field: 'geometry', type: 'geometry', schema: {}, meta: {} },
	];
	await must('POST', '/collections', { collection, schema: {}, meta: {}, fields });
}

const cpu = async (): Promise<number> => (await must('GET', '/biplane-bench/cpu')) as number;

/** CPU milliseconds of Directus an item, the sides in turns. */
async function creates(vertices: number): Promise<void> {
	const items = shapes(vertices, SEED).map(({ ring, valid }) => ({
		item: { kind: 'polygon', geometry: { type: 'Polygon', coordinates: [ring] } },
		valid,
	}));
	for (const side of ['js', 'wasm'] as const) {
		for (const { item, valid } of items) {
			const { status } = await ask('POST', `/items/${SIDES[side]}`, item);
			if ((status < 300) !== valid) throw new Error(`${side}: ${status} to a polygon that is ${valid ? '' : 'not '}valid`);
		}
	}
	const good = items.filter(({ valid }) => valid);
	const samples: Record<SideName, number[]> = { none: [], js: [], wasm: [] };
	const names = Object.keys(SIDES) as SideName[];
	// The first round warms up.
	for (let round = 0; round <= ROUNDS; round += 1) {
		await logIn();
		for (let turn = 0; turn < names.length; turn += 1) {
			const side = names[(turn + round) % names.length]!;
			const before = await cpu();
			for (let index = 0; index < ITEMS; index += 1) {
				await must('POST', `/items/${SIDES[side]}`, good[index % good.length]!.item);
			}
			const spent = ((await cpu()) - before) / 1000 / ITEMS;
			if (round > 0) samples[side].push(spent);
		}
	}
	const { wasm, ...peers } = { none: timing(samples.none), js: timing(samples.js), wasm: timing(samples.wasm) };
	// Round by round: what slows the machine for a while slows all sides of a round.
	const over = (side: SideName) => timing(samples.wasm.map((spent, round) => spent - samples[side][round]!));
	const [none, js] = [over('none'), over('js')];
	say({
		...figure(`rest_create_${vertices}`, { ours: wasm, ...peers }, 'CPU of Directus an item; ours and js judge alike'),
		unit: 'ms',
		details: {
			over_none_ms: none.median, over_none_low_ms: none.interval[0], over_none_high_ms: none.interval[1],
			over_js_ms: js.median, over_js_low_ms: js.interval[0], over_js_high_ms: js.interval[1],
		},
	});
}

await logIn();
for (const collection of Object.values(SIDES)) await make(collection);
for (const vertices of [10, 100, 1_000]) await creates(vertices);
