import type { AxiosInstance } from 'axios';

/** Somebody, as far as the user may see him. */
export interface Person {
	id: string;
	first_name: string | null;
	last_name: string | null;
	email: string | null;
}

/** A command that was given. */
export interface Given {
	id: string;
	organization: string;
	device: { id: string; name: string; protocol: string; model: string | null } | null;
	name: string;
	parameters: Record<string, unknown> | null;
	/** What the tracker gets. */
	payload: string | null;
	status: string;
	/** Its answer, or why there is none. */
	result: string | null;
	expires_at: string;
	date_created: string;
	user_created: Person | null;
	approved_by: Person | null;
}

/** A step on a command's way. */
export interface Transition {
	id: string;
	to_status: string;
	occurred_at: string;
	attempt: number | null;
	instance: string | null;
	result: string | null;
	user: Person | null;
}

export interface Row {
	organization: string;
	device: string;
	name: string;
	parameters: Record<string, unknown>;
	expires_at: string | null;
}

const person = (field: string): string[] => ['id', 'first_name', 'last_name', 'email'].map((name) => `${field}.${name}`);
const FIELDS = [
	...['id', 'organization', 'name', 'parameters', 'payload', 'status', 'result', 'expires_at', 'date_created'],
	...['id', 'name', 'protocol', 'model'].map((name) => `device.${name}`),
	...person('user_created'),
	...person('approved_by'),
];
/** The latest that are listed. */
export const LISTED = 100;
/** Most that wait for approval at once. */
const WAITING = 1000;

/** From where a command may still be taken back. */
export const isOpen = (status: string): boolean => ['awaiting_approval', 'pending', 'queued', 'routed'].includes(status);

/** For its colour. */
export function moodOf(status: string): 'waiting' | 'good' | 'bad' | 'doubtful' {
	if (status === 'acknowledged') return 'good';
	if (status === 'unknown') return 'doubtful';
	return ['failed', 'expired', 'cancelled'].includes(status) ? 'bad' : 'waiting';
}

/** Whether something is still to come of it. */
export const isUnderWay = (status: string): boolean => isOpen(status) || status === 'sent';

/** Commands as Directus has them, with the user's own rights. */
export class CommandOffice {
	private readonly api: AxiosInstance;

	constructor(api: AxiosInstance) {
		this.api = api;
	}

	/** The latest of these devices; of all when none is named. */
	latest(organization: string | null, devices: string[]): Promise<Given[]> {
		const filter = { _and: [within(organization), devices.length > 0 ? { device: { _in: devices } } : {}] };
		return this.list({ filter, sort: ['-date_created'], limit: LISTED });
	}

	waiting(organization: string | null): Promise<Given[]> {
		const filter = { _and: [within(organization), { status: { _eq: 'awaiting_approval' } }] };
		return this.list({ filter, sort: ['date_created'], limit: WAITING });
	}

	these(ids: string[]): Promise<Given[]> {
		return this.list({ filter: { id: { _in: ids } }, sort: ['device.name'], limit: -1 });
	}

	async history(command: string): Promise<Transition[]> {
		const query = {
			filter: { command: { _eq: command } },
			fields: ['id', 'to_status', 'occurred_at', 'attempt', 'instance', 'result', ...person('user')],
			sort: ['occurred_at', 'attempt'],
			limit: 100,
		};
		return (await this.api.request({ method: 'SEARCH', url: '/items/command_transitions', data: { query } })).data.data;
	}

	/** All of them or none: one request, one transaction. */
	async give(rows: Row[]): Promise<string[]> {
		const { data } = await this.api.post('/items/commands', rows, { params: { fields: ['id'], limit: -1 } });
		return (data.data as { id: string }[]).map(({ id }) => id);
	}

	/** Approves: all of them or none. */
	async approve(keys: string[]): Promise<void> {
		await this.api.patch('/items/commands', { keys, data: { status: 'pending' } }, { params: { fields: ['id'], limit: 1 } });
	}

	/** Takes one back. */
	async cancel(id: string): Promise<void> {
		await this.api.patch(`/items/commands/${id}`, { status: 'cancelled' }, { params: { fields: ['id'] } });
	}

	// Not by GET: hundreds of ids are too long for an address.
	private async list(query: object): Promise<Given[]> {
		return (await this.api.request({ method: 'SEARCH', url: '/items/commands', data: { query: { fields: FIELDS, ...query } } })).data.data;
	}
}

const within = (organization: string | null): object => (organization ? { organization: { _eq: organization } } : {});

/** What was given as one: the same text, by the same person, moments apart. */
export interface Batch {
	key: string;
	first: Given;
	commands: Given[];
}

/** Longest pause between two commands of a batch (ms). */
const MOMENT_MS = 5_000;

/** Sorts commands, the oldest first, into batches. */
export function batchesOf(commands: Given[]): Batch[] {
	const batches: Batch[] = [];
	const open = new Map<string, { batch: Batch; lastMs: number }>();
	for (const command of commands) {
		const alike = JSON.stringify([command.organization, command.name, command.parameters, command.user_created?.id]);
		const at = Date.parse(command.date_created);
		const before = open.get(alike);
		if (before && at - before.lastMs <= MOMENT_MS) {
			before.batch.commands.push(command);
			before.lastMs = at;
		} else {
			const batch = { key: command.id, first: command, commands: [command] };
			batches.push(batch);
			open.set(alike, { batch, lastMs: at });
		}
	}
	return batches;
}
