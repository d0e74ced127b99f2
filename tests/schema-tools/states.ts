// The states of a database that the cases are made of, each made once over REST and then copied.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Directus, Server } from './directus.ts';
import type { Postgres } from './postgres.ts';

export const LONG = 'A note that is too long for 255 characters. '.repeat(10).trim();

const key = { field: 'id', type: 'integer', meta: { hidden: true }, schema: { is_primary_key: true, has_auto_increment: true } };
const text = (field: string) => ({ field, type: 'text', meta: { interface: 'input-multiline' }, schema: {} });
const string = (field: string) => ({ field, type: 'string', meta: { interface: 'input' }, schema: { max_length: 255 } });
const pointer = (field: string) => ({ field, type: 'integer', meta: { interface: 'select-dropdown-m2o', special: ['m2o'] }, schema: {} });

async function collection(server: Server, name: string, fields: unknown[], rows: unknown[], meta: object = {}) {
	await server.rest('POST', '/collections', { collection: name, meta, schema: {}, fields: [key, ...fields] });
	if (rows.length) await server.rest('POST', `/items/${name}`, rows);
}

async function relate(server: Server, from: string, field: string, to: string) {
	await server.rest('POST', `/fields/${from}`, pointer(field));
	await server.rest('POST', '/relations', { collection: from, field, related_collection: to, schema: { on_delete: 'SET NULL' } });
}

export const ROLE = '11111111-1111-4111-8111-111111111111';
export const POLICY = '22222222-2222-4222-8222-222222222222';
export const FLOW = '33333333-3333-4333-8333-333333333333';

/** What is committed and deployed: three collections with rows, a role, a policy, a flow. */
async function base(server: Server) {
	const translations = [{ language: 'en-US', translation: 'Devices', singular: 'Device', plural: 'Devices' }];
	const devices = [
		{ name: 'one', imei: '1001', note: LONG, odometer: '12.34567' },
		{ name: 'two', imei: '1002', note: 'short', odometer: '7.5' },
	];
	const odometer = { field: 'odometer', type: 'decimal', meta: { interface: 'input' }, schema: { numeric_precision: 10, numeric_scale: 5 } };
	await collection(server, 'devices', [string('name'), string('imei'), text('note'), odometer], devices, { translations, versioning: false });
	await collection(server, 'trips', [string('title')], []);
	await relate(server, 'trips', 'device', 'devices');
	await server.rest('POST', '/items/trips', [{ title: 'first', device: 1 }, { title: 'second', device: 2 }]);
	await collection(server, 'alerts', [string('kind')], [{ kind: 'low battery' }, { kind: 'overspeed' }]);
	await server.rest('POST', '/roles', { id: ROLE, name: 'Operator', description: 'committed' });
	await server.rest('POST', '/policies', { id: POLICY, name: 'Operate', description: 'committed', app_access: true });
	await server.rest('POST', '/access', { role: ROLE, policy: POLICY });
	await server.rest('POST', '/permissions', { policy: POLICY, collection: 'devices', action: 'read', fields: ['*'] });
	await server.rest('POST', '/flows', { id: FLOW, name: 'Notify', status: 'active', trigger: 'manual', description: 'committed' });
}

const workers = [0, 1, 2, 3, 4].map((number) => `wip${number}`);

/** Each but `base` starts as a copy of `base`. */
export const STATES = {
	base,
	async wip(server: Server) {
		for (const name of workers) await collection(server, name, [string('title')], [{ title: 'a' }, { title: 'b' }]);
	},
	async wipField(server: Server) {
		await server.rest('POST', '/fields/devices', string('wip'));
		await server.rest('PATCH', '/items/devices/1', { wip: 'work' });
	},
	async wipMeta(server: Server) {
		await server.rest('PATCH', '/fields/devices/name', { meta: { note: 'from the admin UI' } });
	},
	async gitMeta(server: Server) {
		await server.rest('PATCH', '/fields/devices/name', { meta: { note: 'from git' } });
	},
	async withoutAlerts(server: Server) {
		await server.rest('DELETE', '/collections/alerts');
	},
	// Directus has no rename: a developer makes the new field and deletes the old one.
	async renamed(server: Server) {
		await server.rest('POST', '/fields/devices', string('label'));
		await server.rest('DELETE', '/fields/devices/name');
	},
	async narrowed(server: Server) {
		await server.rest('PATCH', '/fields/devices/note', { type: 'string', schema: { max_length: 255 } });
		await server.rest('PATCH', '/fields/devices/odometer', { type: 'integer', schema: { is_nullable: true } });
	},
	async withPlaces(server: Server) {
		await collection(server, 'places', [string('name')], []);
	},
	async withPlacesRows(server: Server) {
		await collection(server, 'places', [string('name')], [{ name: 'launch' }, { name: 'goal' }]);
	},
	async wipPointer(server: Server) {
		await collection(server, 'reviews', [string('verdict')], []);
		await relate(server, 'reviews', 'alert', 'alerts');
		await server.rest('POST', '/items/reviews', [{ verdict: 'fine', alert: 1 }]);
	},
	async wipConfig(server: Server) {
		await server.rest('PATCH', `/roles/${ROLE}`, { description: 'from the admin UI' });
		await server.rest('PATCH', `/policies/${POLICY}`, { description: 'from the admin UI' });
		await server.rest('PATCH', `/flows/${FLOW}`, { description: 'from the admin UI' });
		await server.rest('POST', '/roles', { name: 'New role' });
		await server.rest('POST', '/policies', { name: 'New policy' });
		await server.rest('POST', '/flows', { name: 'New flow', status: 'active', trigger: 'manual' });
		await server.rest('POST', '/permissions', { policy: POLICY, collection: 'trips', action: 'read', fields: ['*'] });
	},
} satisfies Record<string, (server: Server) => Promise<void>>;

export type State = keyof typeof STATES;

/** What the extensions of the peers leave in a database: made once in `base`, so that all copies have it. */
export type Install = (database: string) => Promise<void>;

/** Makes the states of one Directus; `name(state)` is the database. */
export class States {
	readonly directus: Directus;
	private readonly postgres: Postgres;
	private readonly prefix: string;
	private readonly made = new Map<State | 'empty', Promise<void>>();
	private readonly installs: Install[];

	constructor(directus: Directus, postgres: Postgres, installs: Install[], apart?: string) {
		this.directus = directus;
		this.postgres = postgres;
		this.installs = installs;
		this.prefix = `${apart ?? `d${directus.version.split('.')[0]}`}_`;
	}

	name(state: State | 'empty'): string {
		return this.prefix + state;
	}

	async ensure(state: State): Promise<string> {
		if (!this.made.has(state)) this.made.set(state, this.make(state));
		await this.made.get(state);
		return this.name(state);
	}

	private async make(state: State): Promise<void> {
		const database = this.name(state);
		const home = this.directus.home(`home-${database}`);
		if (state === 'base') {
			await this.postgres.create(database);
			const bootstrap = await this.directus.cli(home, database, ['bootstrap']);
			if (bootstrap.exit !== 0) throw new Error(`bootstrap: ${bootstrap.output}`);
		} else {
			await this.ensure('base');
			await this.postgres.create(database, this.name('base'));
		}
		const server = await this.directus.serve(home, database);
		try {
			await STATES[state](server);
		} finally {
			await server.stop();
		}
		if (state !== 'base' || !this.installs.length) return;
		const before = await this.snapshot(home, database);
		for (const install of this.installs) await install(database);
		// Tools share the states, so what one leaves must not be seen by another.
		if ((await this.snapshot(home, database)) !== before) throw new Error('an extension changed the snapshot');
	}

	private async snapshot(home: string, database: string): Promise<string> {
		const ran = await this.directus.cli(home, database, ['schema', 'snapshot', '--yes', 'schema.yaml']);
		if (ran.exit !== 0) throw new Error(`snapshot: ${ran.output}`);
		return readFileSync(join(home, 'schema.yaml'), 'utf8');
	}
}
