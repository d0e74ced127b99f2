import type { AxiosInstance } from 'axios';

import { isForbidden } from '../shared/refusals.ts';
import type { Range } from './fixes.ts';

export type Verdict = 'faulty' | 'valid';

export interface Device {
	id: string;
	name: string;
	organization: string;
	/** Of the event that the panel is set to. */
	entry: { number: string; name: string | null } | null;
}

export interface Flag {
	id: string;
	verdict: Verdict;
	starts_at: string;
	ends_at: string;
	reason: string | null;
	date_created: string | null;
	user_created: { first_name: string | null; last_name: string | null; email: string | null } | null;
}

export interface Crossing {
	id: string;
	crossed_at: string;
	direction: 'enter' | 'exit';
	status: string;
	source: string;
	geofence: { name: string } | null;
	checkpoint: { name: string | null } | null;
	entry: { number: string } | null;
}

/** What becomes of a crossing (crates/core/src/review.rs). */
export type Becomes = 'gone' | 'new' | 'moved' | 'changed' | 'kept';

/** One of them. */
export interface Difference {
	becomes: Becomes;
	geofence: string;
	checkpoint: string | null;
	direction: 'enter' | 'exit';
	before_at: string | null;
	after_at: string | null;
	moved_ms: number | null;
	edited: boolean;
	/** Read beside it. */
	name?: string;
}

export interface Outcome {
	positions: number;
	marks: { faulty: number; valid: number; reason: number };
	crossings: { counts: Record<Difference['becomes'], number>; list: Difference[]; left_off: number };
}

export type Answer =
	| { state: 'waiting'; outcome: null }
	| { state: 'done'; outcome: Outcome }
	| { state: 'too_much'; outcome: { too_much: { positions: number } } }
	| { state: 'failed'; outcome: unknown };

export interface Recompute {
	id: number;
	cause: string;
	ordered_at: string;
	done_at: string | null;
	marks_changed: number | null;
	crossings_added: number | null;
	crossings_removed: number | null;
	crossings_changed: number | null;
}

/** Most devices or entries to choose from. */
const MOST_CHOICES = 2_000;
/** Flags and crossings of a span that are listed. */
const MOST_LISTED = 1_000;

/** What the panel asks Directus, with the user's own rights. */
export class ReviewApi {
	readonly api: AxiosInstance;

	constructor(api: AxiosInstance) {
		this.api = api;
	}

	private async list<T>(collection: string, params: object): Promise<T[]> {
		return (await this.api.get(`/items/${collection}`, { params: { limit: MOST_LISTED, ...params } })).data.data;
	}

	/** An event's entries with their devices, or all devices. */
	async devices(event: string | null): Promise<Device[]> {
		if (!event) {
			const params = { fields: ['id', 'name', 'organization'], sort: ['name'], limit: MOST_CHOICES };
			return (await this.list<Omit<Device, 'entry'>>('devices', params)).map((device) => ({ ...device, entry: null }));
		}
		const entries = await this.list<{ number: string; name: string | null; device: Omit<Device, 'entry'> | null }>('entries', {
			filter: JSON.stringify({ event: { _eq: event } }),
			fields: ['number', 'name', 'device.id', 'device.name', 'device.organization'],
			limit: MOST_CHOICES,
		});
		entries.sort((a, b) => a.number.localeCompare(b.number, undefined, { numeric: true }));
		return entries.flatMap(({ number, name, device }) => (device ? [{ ...device, entry: { number, name } }] : []));
	}

	/** Up to when a device has fixes; nothing when it never had one. */
	async lastFix(device: string): Promise<number | null> {
		const params = { filter: JSON.stringify({ device: { _eq: device } }), fields: ['last_fix_at'], limit: 1 };
		const [row] = await this.list<{ last_fix_at: string | null }>('device_status', params);
		return row?.last_fix_at ? Date.parse(row.last_fix_at) : null;
	}

	/** Flags that share a moment with a span, as far as the user may see them. */
	async flags(device: string, { from, to }: Range): Promise<Flag[]> {
		const filter = { device: { _eq: device }, starts_at: { _lte: iso(to) }, ends_at: { _gte: iso(from) } };
		const who = ['first_name', 'last_name', 'email'].map((field) => `user_created.${field}`);
		const fields = ['id', 'verdict', 'starts_at', 'ends_at', 'reason', 'date_created'];
		const read = (fields: string[]): Promise<Flag[]> => this.list('position_flags', { filter: JSON.stringify(filter), fields, sort: ['starts_at'] });
		try {
			return await read([...fields, ...who]);
		} catch (error) {
			if (!isForbidden(error)) throw error;
			// Some roles may not see people.
			return (await read(fields)).map((flag) => ({ ...flag, user_created: null }));
		}
	}

	async crossings(device: string, { from, to }: Range): Promise<Crossing[]> {
		const filter = { device: { _eq: device }, crossed_at: { _between: [iso(from), iso(to)] } };
		const fields = ['id', 'crossed_at', 'direction', 'status', 'source', 'geofence.name', 'checkpoint.name', 'entry.number'];
		return this.list('crossings', { filter: JSON.stringify(filter), fields, sort: ['crossed_at'] });
	}

	async flag(device: Device, verdict: Verdict, { from, to }: Range, reason: string): Promise<void> {
		const { id, organization } = device;
		await this.api.post('/items/position_flags', { device: id, organization, verdict, starts_at: iso(from), ends_at: iso(to), reason });
	}

	async removeFlag(flag: string): Promise<void> {
		await this.api.delete(`/items/position_flags/${flag}`);
	}

	/** Asks what a new flag would change; answers with the preview's key. */
	async askFlag(device: string, verdict: Verdict, { from, to }: Range): Promise<string> {
		const { data } = await this.api.post('/biplane/reviews/flags', { device, verdict, starts_at: iso(from), ends_at: iso(to) });
		return data.data.review;
	}

	/** Asks what the end of a flag would change. */
	async askRemoval(flag: string): Promise<string> {
		return (await this.api.post('/biplane/reviews/removals', { flag })).data.data.review;
	}

	async answer(review: string): Promise<Answer> {
		return (await this.api.get(`/biplane/reviews/${review}`)).data.data;
	}

	async recomputes(device: string): Promise<Recompute[]> {
		return (await this.api.get(`/biplane/devices/${device}/recomputes`)).data.data;
	}

	/** Gives each difference the name of its checkpoint, or else of its geofence. */
	async name(differences: Difference[]): Promise<void> {
		const names = new Map<string, string>();
		for (const [collection, keys] of [
			['geofences', differences.map(({ geofence }) => geofence)],
			['checkpoints', differences.flatMap(({ checkpoint }) => checkpoint ?? [])],
		] as const) {
			const distinct = [...new Set(keys)];
			if (distinct.length === 0) continue;
			const query = { filter: { id: { _in: distinct } }, fields: ['id', 'name'], limit: -1 };
			const { data } = await this.api.request({ method: 'SEARCH', url: `/items/${collection}`, data: { query } });
			for (const { id, name } of data.data) if (name) names.set(id, name);
		}
		for (const it of differences) it.name = (it.checkpoint && names.get(it.checkpoint)) || names.get(it.geofence) || '–';
	}
}

const iso = (ms: number): string => new Date(ms).toISOString();
