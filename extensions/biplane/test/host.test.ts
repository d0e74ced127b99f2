import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';

import type { Engine } from '../src/shared/engine.ts';
import { RuleCrash } from '../src/shared/engine.ts';
import { registerRules } from '../src/shared/hooks.ts';
import { type Caller, type Host, runRule } from '../src/shared/host.ts';
import { liveToken } from '../src/shared/live-token.ts';
import { fits } from '../src/shared/payload-size.ts';
import type { Call, Outcome, Rule } from '../src/shared/protocol.ts';

const rule: Rule = { kind: 'filter', name: 'x.y', events: ['items.update'], collections: ['x'], fields: ['a'] };
const question = { event: 'items.update' as const, collection: 'x', keys: ['k'], payload: { a: 1 } };
const accountability = { user: 'u', role: 'r', admin: false };
const caller = { database: 'transaction', schema: { collections: {}, relations: [] }, accountability } as unknown as Caller;

const limits = { max_payload_bytes: 1024 * 1024, max_payload_depth: 64, max_answer_bytes: 8 * 1024 * 1024 };

/** A rule that is a function, and a host that notes what it was asked. */
function setUp(answer: (call: Call) => Outcome) {
	const reads: unknown[] = [];
	/** What is answered to the next reads. */
	const found: unknown[][] = [];
	const log: string[] = [];
	class ItemsService {
		readMany: (...asked: unknown[]) => unknown[];
		readByQuery: (...asked: unknown[]) => unknown[];
		constructor(collection: string, options: { knex: unknown; accountability: unknown }) {
			this.readMany = (...asked) => {
				reads.push([collection, options.knex, options.accountability, ...asked]);
				return found.splice(0, 1)[0] ?? [{ a: 2 }];
			};
			this.readByQuery = this.readMany;
		}
	}
	const write = (line: string) => log.push(line);
	const host = { services: { ItemsService }, logger: { error: write, warn: write, info: write } } as unknown as Host;
	const engine = { manifest: { rules: [rule], ...limits }, call: answer } as unknown as Engine;
	return { engine, host, reads, found, log };
}

const need: Outcome = { need: [{ op: 'items.read', as: 'items', collection: 'x', keys: ['k'], fields: ['a'] }] };

test('what a rule asks for is read with the accountability and the connection of the caller', async () => {
	const { engine, host, reads } = setUp((call) => (call.ctx.results.items ? { patch: { a: 3 } } : need));
	assert.deepEqual(await runRule(engine, rule, question, caller, host), { patch: { a: 3 } });
	assert.deepEqual(reads, [['x', 'transaction', accountability, ['k'], { fields: ['a'], limit: -1 }, { emitEvents: false }]]);
});

test('a rule that never stops asking is ended', async () => {
	const { engine, host, reads } = setUp(() => need);
	await assert.rejects(runRule(engine, rule, question, caller, host), { code: 'RULE_CONTRACT', status: 500 });
	assert.equal(reads.length, 4);
});

test('what a rule looks for by its content is found with the accountability of the caller', async () => {
	const filter = { a: { _eq: 2 } };
	const find: Outcome = { need: [{ op: 'items.find', as: 'items', collection: 'x', filter, fields: ['a'] }] };
	const { engine, host, reads } = setUp((call) => (call.ctx.results.items ? {} : find));
	await runRule(engine, rule, question, caller, host);
	assert.deepEqual(reads, [['x', 'transaction', accountability, { filter, fields: ['a'], limit: -1 }, { emitEvents: false }]]);
});

/** How many reads each of these calls in a row makes for a need that may be kept. */
async function readsOf(callers: Caller[], answers: unknown[][] = []): Promise<number[]> {
	const keep: Outcome = { need: [{ op: 'items.read', as: 'items', collection: 'x', keys: ['k'], fields: ['a'], keep: true }] };
	const { engine, host, reads, found } = setUp((call) => (call.ctx.results.items ? {} : keep));
	found.push(...answers);
	const counts = [];
	for (const each of callers) {
		const before = reads.length;
		await runRule(engine, rule, question, each, host);
		counts.push(reads.length - before);
	}
	return counts;
}

test('what may be kept is read once in a transaction and user, and never kept without a transaction', async () => {
	const within = (user = 'u') => ({ ...caller, database: transaction, accountability: { ...accountability, user } }) as unknown as Caller;
	const transaction = { isTransaction: true };
	assert.deepEqual(await readsOf([within(), within(), within('v'), within()]), [1, 0, 1, 0]);
	const another = () => ({ ...caller, database: { isTransaction: true } }) as unknown as Caller;
	assert.deepEqual(await readsOf([another(), another()]), [1, 1]);
	assert.deepEqual(await readsOf([caller, caller]), [1, 1]);
});

test('what was not found is looked for again: it may have been made meanwhile', async () => {
	const within = { ...caller, database: { isTransaction: true } } as unknown as Caller;
	assert.deepEqual(await readsOf([within, within, within], [[], [{ a: 2 }]]), [1, 1, 0]);
});

test('a rejection is a Directus error with code, status, sentence and field', async () => {
	const reject = { code: 'X_Y', status: 400, field: 'a', message: 'a: is 1', at: [1, 2] as [number, number] };
	const { engine, host } = setUp(() => ({ reject: [reject] }));
	await assert.rejects(runRule(engine, rule, question, caller, host), {
		name: 'DirectusError',
		code: 'FAILED_VALIDATION',
		status: 400,
		message: 'a: is 1',
		extensions: {
			reason: 'X_Y', field: 'a', path: [], type: 'regex', collection: 'x', rule: 'x.y', at: [1, 2],
			validation_message: 'is 1', substring: 'X_Y', invalid: 'a  is 1',
		},
	});
});

test('what no form can show at a field keeps its own code', async () => {
	const refusals = [
		{ reject: { code: 'X_Y', status: 403, field: 'a', message: 'a: no' }, field: 'a' },
		{ reject: { code: 'X_Y', status: 400, message: 'no' }, field: null },
	];
	for (const { reject, field } of refusals) {
		const { engine, host } = setUp(() => ({ reject: [reject] }));
		const extensions = { reason: 'X_Y', field, path: [], type: 'rule', collection: 'x', rule: 'x.y' };
		await assert.rejects(runRule(engine, rule, question, caller, host), { code: 'X_Y', status: reject.status, extensions });
	}
});

test('several rejections are thrown as Directus throws several, of one status', async () => {
	const reject = [
		{ code: 'X_A', status: 400, field: 'a', message: 'a: is 1' },
		{ code: 'X_B', status: 400, field: 'b', message: 'b: is 2' },
		{ code: 'X_C', status: 403, field: 'b', message: 'b: no' },
	];
	const { engine, host } = setUp(() => ({ reject }));
	const thrown = await runRule(engine, rule, question, caller, host).catch((errors: unknown) => errors);
	assert.deepEqual((thrown as { extensions: { reason: string } }[]).map(({ extensions }) => extensions.reason), ['X_A', 'X_B']);
});

test('a payload above the limit does not reach the rule', async () => {
	const { engine, host } = setUp(() => assert.fail('called'));
	const large = { ...question, payload: { a: 'x'.repeat(1024 * 1024) } };
	await assert.rejects(runRule(engine, rule, large, caller, host), { code: 'PAYLOAD_TOO_LARGE', status: 413 });
});

test('the limit counts all sorts of values and ten thousand positions pass it', () => {
	const positions = Array.from({ length: 10_000 }, (_, index) => [index / 7, index / 3]);
	assert.equal(fits({ geometry: { type: 'Polygon', coordinates: [positions] } }, limits), true);
	assert.equal(fits(Array.from({ length: 200_000 }, () => null), limits), false);
	assert.equal(fits(Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`key${index}`, 1])), limits), false);
	assert.equal(fits({ ['k'.repeat(1024 * 1024)]: 1 }, limits), false);
});

test('a crash is answered with a stable code and logged with its cause and a digest, not with the input', async () => {
	const { engine, host, log } = setUp(() => {
		throw new RuleCrash('index out of bounds');
	});
	const secret = { ...question, payload: { a: 'secret' } };
	await assert.rejects(runRule(engine, rule, secret, caller, host), { code: 'RULE_CRASHED', status: 500 });
	assert.match(log.join(), /x\.y crashed.*input [0-9a-f]{16}.*index out of bounds/);
	assert.doesNotMatch(log.join(), /secret/);
});

test('a filter hands on only the fields of its rule and merges its patch', async () => {
	let asked: Call | undefined;
	const { engine, host } = setUp((call) => {
		asked = call;
		return { patch: { a: 9 } };
	});
	const filters = new Map<string, Function>();
	const register = { filter: (event: string, handler: Function) => filters.set(event, handler), action: () => undefined };
	registerRules(engine, register as never, { ...host, getSchema: async () => caller.schema });
	const filter = filters.get('x.items.update');
	assert.deepEqual(await filter?.({ a: 1, b: 2 }, { keys: ['k'] }, caller), { a: 9, b: 2 });
	assert.deepEqual(asked?.payload, { a: 1 });
	asked = undefined;
	assert.deepEqual(await filter?.({ b: 2 }, { keys: ['k'] }, caller), { b: 2 });
	assert.equal(asked, undefined);
});

test('an action that fails is logged and ends nothing', async () => {
	const { engine, host, log } = setUp(() => {
		throw new Error('broken');
	});
	engine.manifest.rules.splice(0, 1, { kind: 'action', name: 'x.z', events: ['items.create'], collections: ['x'] });
	const actions: Function[] = [];
	const register = { filter: () => undefined, action: (_event: string, handler: Function) => actions.push(handler) };
	registerRules(engine, register as never, { ...host, getSchema: async () => caller.schema });
	actions[0]?.({ key: 'k', payload: {} }, caller);
	await new Promise((resolve) => setImmediate(resolve));
	assert.match(log.join(), /x\.z failed after x\.items\.create: Error: broken/);
});

const SECRET = 'a secret of the test';
function token(claims: object, secret = SECRET): string {
	const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
	const text = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`;
	return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}
const claimsOf = (jwt: string) => JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
const claims = { id: 'u', role: 'r', app_access: true, admin_access: false, session: 's', iss: 'directus', iat: 900 };

test('a live token is the same user, role and session for five minutes', () => {
	const live = liveToken(token({ ...claims, exp: 100_000 }), SECRET, 1_000_500);
	assert.deepEqual(claimsOf(live.access_token), { ...claims, iat: 1000, exp: 1300 });
	assert.equal(live.expires_at, '1970-01-01T00:21:40.000Z');
	assert.equal(live.access_token, token(claimsOf(live.access_token)));
});

test('a live token does not outlive its original', () => {
	const live = liveToken(token({ ...claims, exp: 1100 }), SECRET, 1_000_000);
	assert.equal(claimsOf(live.access_token).exp, 1100);
});

test('no live token is made of a static token, of a foreign signature or without a secret', () => {
	for (const [original, secret] of [['static', SECRET], [null, SECRET], [token(claims, 'other'), SECRET], [token(claims, ''), '']]) {
		assert.throws(() => liveToken(original as string | null, secret as string, 0), { code: 'LIVE_UNAUTHORIZED', status: 401 });
	}
});
