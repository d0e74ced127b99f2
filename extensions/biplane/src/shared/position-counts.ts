import type { Caller, Host } from './host.ts';
import { itemsOf } from './items.ts';
import type { Need } from './protocol.ts';

type CountNeed = Extract<Need, { op: 'positions.count' }>;

interface Device {
	id: string;
	organization: string | null;
}

/** Devices that a call was shown before it asks about their positions: thousands are not read twice. */
const shown = new WeakMap<Caller, Device[]>();

export function noteShown(caller: Caller, { collection, fields }: { collection: string; fields: string[] }, found: unknown[]): void {
	if (collection === 'devices' && fields.includes('id') && fields.includes('organization')) shown.set(caller, found as Device[]);
}

/**
 * How many positions each device sent since a time, and what the last one that is believed says.
 *
 * As with positions themselves the devices are read through Directus's services first, and only what was
 * recorded for their present organization counts. Two steps: many rows are counted in one pass over the
 * days in question, then each device's last row is looked up by the key.
 */
export async function countPositions({ organization, from_ms, elements }: CountNeed, caller: Caller, host: Host): Promise<unknown[]> {
	const seen = (shown.get(caller) ?? await itemsOf('devices', caller, host).readByQuery(
		{ ...(organization !== undefined && { filter: { organization: { _eq: organization } } }), fields: ['id', 'organization'], limit: -1 },
		{ emitEvents: false },
	)) as Device[];
	const owned = seen.filter((device) => device.organization !== null && (organization === undefined || device.organization === organization));
	if (owned.length === 0) return [];
	const { rows } = await caller.database.raw(
		`WITH counted AS MATERIALIZED (
			SELECT device, organization, count(*)::int AS fixes, count(*) FILTER (WHERE faulty)::int AS faulty,
				max(ts) FILTER (WHERE NOT faulty) AS last
			FROM telemetry.positions
			WHERE device = ANY ((:devices)::uuid[]) AND ts >= to_timestamp(:from / 1000.0)
			GROUP BY device, organization
		)
		SELECT counted.device, counted.fixes, counted.faulty, latest.lag_ms, coalesce(latest.elements, '{}') AS elements
		FROM counted
		JOIN unnest((:devices)::uuid[], (:organizations)::uuid[]) AS owned (device, organization) USING (device, organization)
		LEFT JOIN LATERAL (
			SELECT extract(epoch FROM stored_at - ts)::float8 * 1000 AS lag_ms,
				(SELECT jsonb_object_agg(key, value) FROM jsonb_each(io) WHERE key = ANY (:elements)) AS elements
			FROM telemetry.positions
			WHERE device = counted.device AND ts = counted.last AND ts >= to_timestamp(:from / 1000.0)
				AND organization = counted.organization AND NOT faulty
			LIMIT 1
		) AS latest ON true`,
		{
			devices: owned.map(({ id }) => id),
			organizations: owned.map((device) => device.organization),
			from: from_ms,
			elements,
		},
	) as { rows: unknown[] };
	return rows;
}
