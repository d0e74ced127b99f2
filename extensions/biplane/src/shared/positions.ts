import type { Caller, Host } from './host.ts';
import { itemsOf } from './items.ts';
import type { Manifest, Need, PositionField } from './protocol.ts';

type PositionsNeed = Extract<Need, { op: 'positions.read' }>;

/** What of `telemetry.positions` each field is. */
const COLUMNS: Record<PositionField, string> = {
	ts_ms: 'round(extract(epoch FROM ts) * 1000)::float8',
	lat: 'lat',
	lon: 'lon',
	altitude_m: 'altitude_m',
	speed_kmh: 'speed_kmh',
	course_deg: 'course_deg',
	satellites: 'satellites',
	hdop: 'hdop',
	fault: 'fault_reason',
};

type Columns = Partial<Record<PositionField, unknown[]>>;

/**
 * Positions of each device asked for, in the order of event time; null for one that the caller may not see.
 *
 * Directus does not know the table: the devices are read through its services first, and of the positions
 * only those are told that were recorded for the organization that has the device now.
 */
export async function readPositions(
	need: PositionsNeed, { max_position_rows }: Pick<Manifest, 'max_position_rows'>, caller: Caller, host: Host,
): Promise<(Columns | null)[]> {
	const seen = await itemsOf('devices', caller, host).readByQuery(
		{ filter: { id: { _in: need.devices } }, fields: ['id', 'organization'], limit: -1 },
		{ emitEvents: false },
	) as { id: string; organization: string | null }[];
	const owners = new Map(seen.map(({ id, organization }) => [id, organization]));
	const fields = need.fields.filter((field) => Object.hasOwn(COLUMNS, field));
	const answers = need.devices.map((device): Columns | null =>
		owners.get(device) ? Object.fromEntries(fields.map((field) => [field, []])) : null);
	const places = need.devices.flatMap((device, place) => (owners.get(device) ? [place] : []));
	if (places.length === 0) return answers;
	const { rows } = await caller.database.raw(
		`SELECT asked.place, ${fields.map((field) => `found.${field}`).join(', ')}
		FROM unnest((:places)::int[], (:devices)::uuid[], (:organizations)::uuid[]) AS asked (place, device, organization)
		CROSS JOIN LATERAL (
			SELECT ts, digest, ${fields.map((field) => `${COLUMNS[field]} AS ${field}`).join(', ')}
			FROM telemetry.positions
			WHERE device = asked.device AND organization = asked.organization
				AND ts >= to_timestamp(:from / 1000.0) AND ts < to_timestamp(:to / 1000.0)
				AND (:faulty OR NOT faulty)
			ORDER BY ts, digest LIMIT :limit
		) AS found
		ORDER BY asked.place, found.ts, found.digest`,
		{
			places,
			devices: places.map((place) => need.devices[place]),
			organizations: places.map((place) => owners.get(need.devices[place] ?? '')),
			from: need.from_ms,
			to: need.to_ms,
			faulty: need.faulty,
			limit: Math.min(need.limit, Math.floor(max_position_rows / places.length)),
		},
	) as { rows: ({ place: number } & Record<PositionField, unknown>)[] };
	for (const row of rows) {
		for (const field of fields) answers[row.place]?.[field]?.push(row[field]);
	}
	return answers;
}
