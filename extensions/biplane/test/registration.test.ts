import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Router } from 'express';

import { carryOut } from '../src/shared/effects.ts';
import type { Engine } from '../src/shared/engine.ts';
import type { Caller, Host } from '../src/shared/host.ts';
import { formsOf } from '../src/shared/operation-forms.ts';
import { operationsOf } from '../src/shared/operations.ts';
import type { Call, Manifest, Outcome, Parameter, Rule } from '../src/shared/protocol.ts';
import { registerEndpoints } from '../src/shared/routes.ts';

const user = { user: 'u', role: 'r', admin: false };
const host = { services: {}, logger: { error: () => undefined, warn: () => undefined } };

const endpoint = (path: string, more: Partial<Extract<Rule, { kind: 'endpoint' }>> = {}): Rule => ({
	kind: 'endpoint', name: `at ${path}`, method: 'get', path, access: 'users', summary: '', parameters: [], answers: [], ...more,
});

function engineOf(rules: Rule[], call: (call: Call) => Outcome = () => ({})): Engine {
	const manifest = { rules, max_payload_bytes: 1024, max_payload_depth: 8, max_answer_bytes: 1024 };
	return { manifest, call } as unknown as Engine;
}

/** The routes that a router was given, and what each answers a request. */
function routesOf(engine: Engine) {
	const routes = new Map<string, (request: unknown, response: unknown, next: (error: unknown) => void) => void>();
	const add = (method: string) => (path: string, handler: never) => routes.set(`${method} ${path}`, handler);
	registerEndpoints(engine, { get: add('get'), post: add('post') } as unknown as Router, { ...host, database: 'pool' } as never);
	const ask = (route: string, request: object) =>
		new Promise<Record<string, unknown>>((resolve, reject) => {
			const told: Record<string, unknown> = {};
			const response = {
				set: (name: string | object, value?: string) => (Object.assign(told, typeof name === 'string' ? { [name]: value } : name), response),
				type: (mediaType: string) => ((told.type = mediaType), response),
				send: (body: unknown) => resolve({ ...told, body }),
			};
			routes.get(route)?.({ accountability: user, schema: {}, params: {}, query: {}, ...request }, response, reject);
		});
	return { routes, ask };
}

test('an endpoint of the manifest is a route, with the parameters of its path as the router writes them', () => {
	const engine = engineOf([endpoint('/devices/{device}/positions'), endpoint('/check', { method: 'post' })]);
	assert.deepEqual([...routesOf(engine).routes.keys()], ['get /devices/:device/positions', 'post /check']);
});

test('a rule gets path, query and body, and its JSON is the answer, never cached', async () => {
	const asked: Call[] = [];
	const engine = engineOf([endpoint('/check', { method: 'post' })], (call) => (asked.push(call), { answer: { type: 'json', text: '{"data":1}' } }));
	const answer = await routesOf(engine).ask('post /check', { params: { a: '1' }, query: { b: '2' }, body: { c: 3 } });
	assert.deepEqual(answer, { 'Cache-Control': 'no-store', type: 'json', body: '{"data":1}' });
	assert.deepEqual(asked[0]?.payload, { path: { a: '1' }, query: { b: '2' }, body: { c: 3 } });
	assert.deepEqual([asked[0]?.kind, asked[0]?.event, asked[0]?.ctx.user], ['endpoint', null, 'u']);
});

test('a text is answered with its type, its headers and the name of a file', async () => {
	const text = { type: 'text', media_type: 'text/csv', file_name: 'a.csv', text: 'a\r\n', headers: { 'X-Next': 'k' } } as const;
	const answer = await routesOf(engineOf([endpoint('/csv')], () => ({ answer: text }))).ask('get /csv', {});
	assert.deepEqual(answer, {
		'Cache-Control': 'no-store', 'X-Next': 'k', 'Content-Disposition': 'attachment; filename="a.csv"', type: 'text/csv', body: 'a\r\n',
	});
});

test('nobody but who is named gets as far as a rule', async () => {
	const engine = engineOf([endpoint('/all'), endpoint('/few', { access: 'administrators' })], () => assert.fail('called'));
	const { ask } = routesOf(engine);
	await assert.rejects(ask('get /all', { accountability: null }), { status: 401 });
	await assert.rejects(ask('get /all', { accountability: { ...user, user: null } }), { status: 401 });
	await assert.rejects(ask('get /all', { accountability: { ...user, share: 's' } }), { status: 403 });
	await assert.rejects(ask('get /few', {}), { status: 403 });
});

test('a rejection goes to the error handler of Directus, with its own code', async () => {
	const engine = engineOf([endpoint('/all')], () => ({ reject: [{ code: 'X_Y', status: 400, field: 'from', message: 'from: is 1' }] }));
	await assert.rejects(routesOf(engine).ask('get /all', {}), { status: 400, code: 'X_Y', message: 'from: is 1' });
});

const option = (name: string, more: object): Parameter =>
	({ name, place: 'option', required: false, description: `About ${name}.`, type: 'text', max_length: 9, ...more }) as Parameter;

const operation: Rule = {
	kind: 'operation', name: 'x.y', label: 'X', icon: 'check', description: 'Does x.', together: false,
	options: [
		option('which', { type: 'choice', of: ['a', 'b'], required: true }),
		option('crossing', { type: 'uuid' }),
		option('limit', { type: 'integer', min: 1, max: 9, default: '3' }),
		option('item', { type: 'json' }),
	],
};

const flow = { ...host, database: 'pool', getSchema: () => Promise.resolve({}), accountability: user };

test('an operation hands on the result of its rule and is not told what was left empty', async () => {
	const asked: unknown[] = [];
	const [made] = operationsOf(engineOf([operation, endpoint('/a')], ({ payload }) => (asked.push(payload), { result: { ok: true } })));
	assert.equal(made?.id, 'biplane-x.y');
	assert.deepEqual(await made?.handler({ which: 'a', crossing: '', limit: null, item: { a: 0 } }, flow as never), { ok: true });
	assert.deepEqual(asked, [{ which: 'a', item: { a: 0 } }]);
});

test('one run of an operation serves all who ask for the same before it begins', async () => {
	let runs = 0;
	const engine = engineOf([{ ...operation, together: true } as Rule], () => ({ result: (runs += 1) }));
	const [made] = operationsOf(engine);
	const ask = (which: string) => Promise.resolve(made?.handler({ which }, flow as never));
	const first = ask('a');
	const together = [first, ask('a'), ask('b'), ask('a'), ask('b')];
	assert.deepEqual(await Promise.all(together), [1, 1, 2, 1, 2]);
	assert.equal(await ask('a'), 3, 'what is asked for afterwards is run again');
});

test('a rejection sends the Flow onto its failure path', async () => {
	const [made] = operationsOf(engineOf([operation], () => ({ reject: [{ code: 'X_Y', status: 400, message: 'no' }] })));
	await assert.rejects(Promise.resolve(made?.handler({}, flow as never)), { code: 'X_Y' });
});

test("an operation's form has a field an option, and each takes a template", () => {
	const [form] = formsOf({ rules: [operation] } as unknown as Manifest);
	assert.equal(form?.id, 'biplane-x.y');
	const fields = form?.options as { field: string; type: string; name: string; meta: { required: boolean; note: string; interface: string; options: object }; schema: object }[];
	assert.deepEqual(fields.map(({ field, type, name, meta }) => [field, type, name, meta.required, meta.interface]), [
		['which', 'string', 'Which', true, 'select-dropdown'],
		['crossing', 'string', 'Crossing', false, 'input'],
		['limit', 'string', 'Limit', false, 'input'],
		['item', 'json', 'Item', false, 'input-code'],
	]);
	assert.deepEqual(fields[0]?.meta.options, { choices: [{ text: 'a', value: 'a' }, { text: 'b', value: 'b' }], allowOther: true });
	assert.equal(fields[2]?.meta.note, 'About limit. 1 to 9.');
	assert.deepEqual(fields[2]?.schema, { default_value: '3' });
	const overview = form?.overview as (set: Record<string, unknown>) => unknown;
	assert.deepEqual(overview({ which: 'a', limit: '' }), [{ label: 'Which', text: 'a' }]);
});

test('effects that last happen in one transaction: the one of the caller, or one of their own', async () => {
	const done: unknown[] = [];
	class ItemsService {
		createMany: (items: unknown[]) => void;
		constructor(collection: string, { knex }: { knex: { name: string } }) {
			this.createMany = (items) => done.push([knex.name, collection, items]);
		}
	}
	const database = (name: string) => ({ name, isTransaction: true, raw: (_: string, values: unknown[]) => done.push([name, ...values]) });
	const pool = { transaction: (work: (transaction: unknown) => unknown) => work(database('own')) };
	const effects = [
		{ op: 'log' as const, level: 'info' as const, message: 'made' },
		{ op: 'items.create' as const, collection: 'x', items: [{ a: 1 }] },
		{ op: 'stream.append' as const, stream: 's', fields: { b: '2' } },
	];
	const lines: string[] = [];
	const writing = { services: { ItemsService }, logger: { info: (line: string) => lines.push(line) } } as unknown as Host;
	await carryOut(effects, { database: database('callers'), schema: {}, accountability: user } as unknown as Caller, writing);
	await carryOut(effects, { database: pool, schema: {}, accountability: user } as unknown as Caller, writing);
	const both = (name: string) => [[name, 'x', [{ a: 1 }]], [name, 's', '{"b":"2"}']];
	assert.deepEqual(done, [...both('callers'), ...both('own')]);
	assert.deepEqual(lines, ['[biplane] made', '[biplane] made']);
});
