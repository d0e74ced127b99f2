import type { AxiosInstance } from 'axios';

import { RaceReader } from '../shared/app/race.ts';
import type { Checkpoint, Crossing, Entry, Geofence, Position } from '../shared/app/race-types.ts';
import { readTracks, type EventPage } from './replay/tracks.ts';
import type { Past } from './field.ts';

/** More fences than this cover the map and slow it down. */
const MOST_FENCES = 1000;
/** Requests for the past when the map is opened. */
const MOST_PAGES = 4;
/** Crossings that a replay knows. */
export const REPLAY_CROSSINGS = 5000;

/** What a panel is set to show. */
export interface Chosen {
	kind: 'event' | 'organization';
	/** The event's or the organization's; `null`: one is looked for. */
	id: string | null;
}

/** What is watched: an event with its competitors, or an organization with its active devices. */
export interface Watched {
	kind: Chosen['kind'];
	id: string;
	name: string;
	timezone: string | null;
	organization: string | null;
	startsMs: number | null;
	endsMs: number | null;
	/** Of an organization each device is one, with its name for a number. */
	entries: Entry[];
	/** In the order of the course; none of an organization. */
	checkpoints: Checkpoint[];
}

const FENCE_FIELDS = ['id', 'name', 'kind', 'geometry', 'radius_m', 'color'];
const timeOf = (text: string | null): number | null => (text ? Date.parse(text) : null);

/** Reads what does not move, with the user's own rights. */
export class WatchReader {
	private readonly api: AxiosInstance;
	private readonly races: RaceReader;

	constructor(api: AxiosInstance) {
		this.api = api;
		this.races = new RaceReader(api);
	}

	/** Nothing when there is nothing that the user may see. */
	async read({ kind, id }: Chosen): Promise<Watched | null> {
		return kind === 'organization' ? this.organization(id) : this.event(id);
	}

	private async event(id: string | null): Promise<Watched | null> {
		const event = await this.races.event(id);
		if (!event) return null;
		const { entries, checkpoints } = await this.races.race(event);
		const { name, timezone, organization } = event;
		return {
			kind: 'event', id: event.id, name, timezone, organization, entries, checkpoints,
			startsMs: timeOf(event.starts_at), endsMs: timeOf(event.ends_at),
		};
	}

	private async organization(id: string | null): Promise<Watched | null> {
		const fields = ['id', 'name'];
		const found: { id: string; name: string } | undefined = id
			? (await this.api.get(`/items/organizations/${encodeURIComponent(id)}`, { params: { fields } })).data.data
			: (await this.api.get('/items/organizations', { params: { fields, sort: ['name'], limit: 1 } })).data.data[0];
		if (!found) return null;
		const filter = JSON.stringify({ organization: { _eq: found.id }, status: { _eq: 'active' } });
		const params = { filter, fields: ['id', 'name', 'model'], limit: -1 };
		const devices: { id: string; name: string | null; model: string | null }[] = (await this.api.get('/items/devices', { params })).data.data;
		const entries = devices.map(
			({ id, name, model }): Entry => ({ id, number: name || id.slice(0, 8), name: model, category: null, status: 'started', color: null, device: id }),
		);
		return {
			kind: 'organization', id: found.id, name: found.name, timezone: null, organization: found.id,
			startsMs: null, endsMs: null, entries, checkpoints: [],
		};
	}

	crossings(watched: Watched, limit?: number): Promise<Crossing[]> {
		return this.races.crossingsWhere({ [watched.kind]: { _eq: watched.id } }, limit);
	}

	/** Where everybody was last, from the table. */
	lastKnown(watched: Watched): Promise<Position[]> {
		return watched.kind === 'event'
			? this.races.lastKnown(watched.entries)
			: this.races.lastKnownWhere({ organization: { _eq: watched.id } });
	}

	/** Active geofences of the organization that are not part of the course. */
	async fences(watched: Watched): Promise<Geofence[]> {
		const filter = JSON.stringify({ organization: { _eq: watched.organization }, status: { _eq: 'active' } });
		const params = { filter, fields: FENCE_FIELDS, sort: ['name'], limit: MOST_FENCES };
		const fences: Geofence[] = (await this.api.get('/items/geofences', { params })).data.data;
		const course = new Set(watched.checkpoints.map(({ geofence }) => geofence?.id));
		return fences.filter(({ id }) => !course.has(id));
	}

	/** An event's positions from one time to another, as far as one answer holds them; faulty ones too. */
	async page(watched: Watched, fromMs: number, toMs: number): Promise<EventPage> {
		const params = { format: 'columns', faulty: true, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() };
		return (await this.api.get(`/biplane/events/${encodeURIComponent(watched.id)}/positions`, { params })).data;
	}

	/** Where the competitors of an event were from one time to another. */
	async past(watched: Watched, fromMs: number, toMs: number): Promise<Past[]> {
		if (watched.kind !== 'event' || fromMs >= toMs) return [];
		const past = new Map<string, Past>();
		let next: number | null = fromMs;
		for (let pages = 0; next !== null && pages < MOST_PAGES; pages++) {
			const page = await this.page(watched, next, toMs);
			for (const { device, track } of readTracks(page)) {
				const known = past.get(device) ?? { device, points: [], faults: [] };
				past.set(device, known);
				track.timeMs.forEach((timeMs, i) => known.points.push({ timeMs, lat: track.lat[i]!, lon: track.lon[i]! }));
				known.faults.push(...track.faults);
			}
			next = timeOf(page.meta.next);
		}
		return [...past.values()];
	}

	/** Why a fix is held for implausible, by its stable name; nothing when it is not any more, or may not be known. */
	async faultReason(device: string, timeMs: number): Promise<string | null> {
		const params = { faulty: true, from: new Date(timeMs).toISOString(), to: new Date(timeMs + 1).toISOString() };
		const { data } = await this.api.get(`/biplane/devices/${encodeURIComponent(device)}/positions`, { params });
		return (data.data as { fault: string | null }[]).find(({ fault }) => fault)?.fault ?? null;
	}
}
