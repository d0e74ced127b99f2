import { readItem, readItems } from '@directus/sdk';
import type { LivePosition } from '@biplane/live';

import type { Directus } from '../directus/client.ts';
import { ask } from '../directus/client.ts';
import { codeOf } from '../directus/refusal.ts';
import type { Checkpoint, Entry, RaceEvent, Results, StoredAlert, StoredCrossing } from '../directus/schema.ts';

export const EVENT_FIELDS = ['id', 'name', 'description', 'status', 'timezone', 'starts_at', 'ends_at', 'organization'] as const;
const CROSSINGS_AT_START = 1000;
const ALERTS_AT_START = 100;
/** So many ids fit into an address. */
const IDS_AT_ONCE = 100;

/** What of the race does not move. */
export interface Race {
	event: RaceEvent;
	entries: Entry[];
	/** In the order of the course. */
	checkpoints: Checkpoint[];
}

export async function readRace(directus: Directus, id: string): Promise<Race> {
	const filter = { event: { _eq: id } };
	const [event, entries, checkpoints] = await Promise.all([
		directus.request(readItem('events', id, { fields: [...EVENT_FIELDS] })),
		directus.request(readItems('entries', { filter, fields: ['id', 'event', 'number', 'name', 'category', 'status', 'color', 'device'], limit: -1 })),
		directus.request(
			readItems('checkpoints', {
				filter,
				sort: ['sort'],
				fields: ['id', 'sort', 'name', 'role', { geofence: ['id', 'name', 'kind', 'geometry', 'radius_m', 'color'] }],
				limit: -1,
			}),
		),
	]);
	const byNumber = new Intl.Collator(undefined, { numeric: true });
	entries.sort((a, b) => byNumber.compare(a.number, b.number));
	return { event: event as RaceEvent, entries: entries as Entry[], checkpoints: checkpoints as unknown as Checkpoint[] };
}

export const readResults = (directus: Directus, event: string): Promise<Results> =>
	ask<Results>(directus, `/biplane/events/${event}/results`);

/** The latest, newest first; nothing for a role that may not read them. */
export const readCrossings = (directus: Directus, event: string): Promise<StoredCrossing[]> =>
	readable(() =>
		directus.request(
			readItems('crossings', {
				filter: { event: { _eq: event } },
				fields: ['id', 'event', 'entry', 'device', 'checkpoint', 'geofence', 'direction', 'crossed_at', 'status'],
				sort: ['-crossed_at'],
				limit: CROSSINGS_AT_START,
			}),
		) as Promise<StoredCrossing[]>,
	);

export const readAlerts = (directus: Directus, event: string): Promise<StoredAlert[]> =>
	readable(() =>
		directus.request(
			readItems('alerts', {
				filter: { event: { _eq: event } },
				fields: ['id', 'event', 'device', 'kind', 'severity', 'status', 'occurred_at', 'message'],
				sort: ['-occurred_at'],
				limit: ALERTS_AT_START,
			}),
		) as Promise<StoredAlert[]>,
	);

/** Where the devices were last, from the table: what is shown until the live channel speaks, and while it is silent. */
export async function readLastKnown(directus: Directus, entries: Entry[]): Promise<LivePosition[]> {
	const devices = entries.flatMap(({ device }) => device ?? []);
	const parts = Array.from({ length: Math.ceil(devices.length / IDS_AT_ONCE) }, (_, i) => devices.slice(i * IDS_AT_ONCE, (i + 1) * IDS_AT_ONCE));
	const rows = await readable(async () => {
		const read = parts.map((part) =>
			directus.request(
				readItems('device_status', {
					filter: { device: { _in: part } },
					fields: ['device', 'last_fix_at', 'lat', 'lon', 'altitude_m', 'speed_kmh', 'course_deg'],
					limit: -1,
				}),
			),
		);
		return (await Promise.all(read)).flat();
	});
	return rows.flatMap(({ last_fix_at, lat, lon, ...row }) =>
		last_fix_at === null || lat === null || lon === null ? [] : { ...row, lat, lon, time: last_fix_at, faulty: false },
	);
}

/** An extra that a role may be refused must not take the page down. */
async function readable<T>(read: () => Promise<T[]>): Promise<T[]> {
	try {
		return await read();
	} catch (error) {
		if (codeOf(error) === 'FORBIDDEN') return [];
		throw error;
	}
}
