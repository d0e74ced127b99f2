import type { Caller, Host } from './host.ts';
import { itemsOf } from './items.ts';
import type { Need } from './protocol.ts';

/** Whatever a rule asks for. */
const MAX_ROWS = 50_000;

type PositionsNeed = Extract<Need, { op: 'positions.read' }>;

/** The columns of the answer, and what of `telemetry.positions` each is. */
const COLUMNS = {
	ts_ms: 'extract(epoch FROM ts)::float8 * 1000',
	digest: 'digest::text',
	lat: 'lat',
	lon: 'lon',
	altitude_m: 'altitude_m',
	speed_kmh: 'speed_kmh',
	course_deg: 'course_deg',
	satellites: 'satellites',
	hdop: 'hdop',
	fault: 'fault_reason',
	stored_at_ms: 'extract(epoch FROM stored_at)::float8 * 1000',
} as const;

type Columns = Record<keyof typeof COLUMNS, unknown[]>;

/**
 * Positions of one device, in the order of their keys; null where the caller may not see the device.
 *
 * Directus does not know the table: the device is read through its services first, and of the positions
 * only those are told that were recorded for the organization that has the device now.
 */
export async function readPositions(need: PositionsNeed, caller: Caller, host: Host): Promise<Columns | null> {
	const devices = await itemsOf('devices', caller, host).readByQuery(
		{ filter: { id: { _eq: need.device } }, fields: ['id', 'organization'], limit: 1 },
		{ emitEvents: false },
	) as { id: string; organization: string | null }[];
	const [device] = devices;
	if (!device?.organization) return null;
	const after = need.after;
	const selected = Object.entries(COLUMNS).map(([name, expression]) => `${expression} AS ${name}`);
	const { rows } = await caller.database.raw(
		`SELECT ${selected.join(', ')} FROM telemetry.positions
		WHERE device = :device AND organization = :organization
			AND ts >= to_timestamp(:from / 1000.0) AND ts < to_timestamp(:to / 1000.0)
			AND (:faulty OR NOT faulty)
			${after ? 'AND (ts, digest) > (to_timestamp(:ts / 1000.0), (:digest)::bigint)' : ''}
		ORDER BY ts, digest LIMIT :limit`,
		{
			device: device.id,
			organization: device.organization,
			from: need.from_ms,
			to: need.to_ms,
			faulty: need.faulty,
			limit: Math.min(need.limit, MAX_ROWS),
			...(after && { ts: after.ts_ms, digest: after.digest }),
		},
	) as { rows: Record<string, unknown>[] };
	const columns = Object.keys(COLUMNS).map((name) => [name, rows.map((row) => row[name])]);
	return Object.fromEntries(columns) as Columns;
}
