import type { AxiosInstance } from 'axios';

import { isForbidden } from '../refusals.ts';
import type { Checkpoint, Crossing, Entry, Position, RaceEvent } from './race-types.ts';

/** What of the race does not move, read with the user's own rights. */
export interface Race {
	event: RaceEvent;
	entries: Entry[];
	/** In the order of the course. */
	checkpoints: Checkpoint[];
}

const EVENT_FIELDS = ['id', 'name', 'status', 'timezone', 'starts_at', 'ends_at', 'organization'];
/** Shown in the ticker and used for each competitor's last checkpoint. */
const CROSSINGS_AT_START = 500;

export class RaceReader {
	private readonly api: AxiosInstance;

	constructor(api: AxiosInstance) {
		this.api = api;
	}

	/** The event asked for; else the running one that started last; else the latest. Nothing when none is visible. */
	async event(id: string | null): Promise<RaceEvent | null> {
		if (id) {
			const { data } = await this.api.get(`/items/events/${encodeURIComponent(id)}`, { params: { fields: EVENT_FIELDS } });
			return data.data;
		}
		const pick = async (filter: object): Promise<RaceEvent | null> => {
			const params = { fields: EVENT_FIELDS, sort: ['-starts_at'], limit: 1, filter: JSON.stringify(filter) };
			return (await this.api.get('/items/events', { params })).data.data[0] ?? null;
		};
		// PostgreSQL holds a missing start for the latest of all.
		const dated = { starts_at: { _nnull: true } };
		for (const status of [{ _eq: 'running' }, { _neq: 'archived' }]) {
			const found = (await pick({ status, ...dated })) ?? (await pick({ status }));
			if (found) return found;
		}
		return null;
	}

	async race(event: RaceEvent): Promise<Race> {
		const filter = JSON.stringify({ event: { _eq: event.id } });
		const [entries, checkpoints] = await Promise.all([
			this.list<Entry>('entries', {
				filter,
				fields: ['id', 'number', 'name', 'category', 'status', 'color', 'device'],
			}),
			this.list<Checkpoint>('checkpoints', {
				filter,
				sort: ['sort'],
				fields: ['id', 'sort', 'name', 'role', ...['id', 'name', 'kind', 'geometry', 'radius_m', 'color'].map((f) => `geofence.${f}`)],
			}),
		]);
		return { event, entries, checkpoints };
	}

	/** The event's last crossings, newest first; an empty list for a role that may not read them. */
	crossings(event: { id: string }, limit = CROSSINGS_AT_START): Promise<Crossing[]> {
		return this.crossingsWhere({ event: { _eq: event.id } }, limit);
	}

	/** The same of whatever a filter chooses. */
	async crossingsWhere(filter: object, limit = CROSSINGS_AT_START): Promise<Crossing[]> {
		const params = {
			filter: JSON.stringify({ ...filter, status: { _eq: 'valid' } }),
			fields: ['id', 'entry', 'device', 'checkpoint', 'geofence', 'direction', 'crossed_at'],
			sort: ['-crossed_at'],
			limit,
		};
		return this.readable(async () => (await this.api.get('/items/crossings', { params })).data.data);
	}

	/** Where the devices were last, from the table: what is shown until the live channel speaks, and while it is silent. */
	async lastKnown(entries: Entry[]): Promise<Position[]> {
		const devices = entries.flatMap((entry) => entry.device ?? []);
		return devices.length === 0 ? [] : this.lastKnownWhere({ device: { _in: devices } });
	}

	/** The same of whatever a filter chooses. */
	async lastKnownWhere(filter: object): Promise<Position[]> {
		const query = {
			filter,
			fields: ['device', 'last_fix_at', 'lat', 'lon', 'altitude_m', 'speed_kmh', 'course_deg'],
			limit: -1,
		};
		const rows = await this.readable<StatusRow[]>(
			async () => (await this.api.request({ method: 'SEARCH', url: '/items/device_status', data: { query } })).data.data,
		);
		return rows.flatMap((row) =>
			row.lat === null || row.lon === null || row.last_fix_at === null
				? []
				: { ...row, lat: row.lat, lon: row.lon, time: row.last_fix_at, faulty: false },
		);
	}

	private async list<T>(collection: string, params: object): Promise<T[]> {
		return (await this.api.get(`/items/${collection}`, { params: { limit: -1, ...params } })).data.data;
	}

	/** An extra that a role may be refused must not take the map down. */
	private async readable<T extends unknown[]>(read: () => Promise<T>): Promise<T | []> {
		try {
			return await read();
		} catch (error) {
			if (isForbidden(error)) return [];
			throw error;
		}
	}
}

interface StatusRow {
	device: string;
	last_fix_at: string | null;
	lat: number | null;
	lon: number | null;
	altitude_m: number | null;
	speed_kmh: number | null;
	course_deg: number | null;
}
