import type { Caller, Host } from './host.ts';
import { itemsOf } from './items.ts';
import type { Effect, Need } from './protocol.ts';

type Ask = Extract<Effect, { op: 'review.ask' }>;
type ReviewsNeed = Extract<Need, { op: 'reviews.read' }>;
type RecomputesNeed = Extract<Need, { op: 'recomputes.read' }>;

class Allowed extends Error {}

/**
 * Hands a question to the processor, for who might do what it is about: Directus's own look at item, fields
 * and values and every rule, without the write behind it.
 */
export async function askForReview({ review, flag, item }: Ask, caller: Caller, host: Host): Promise<void> {
	const preMutationError = new Allowed() as never;
	const flags = itemsOf('position_flags', caller, host);
	try {
		if (flag) await flags.deleteMany([flag], { preMutationError });
		else await flags.createOne({ ...item, reason: 'Preview' }, { preMutationError });
	} catch (error) {
		if (error !== preMutationError) throw error;
	}
	await caller.database.raw(
		`INSERT INTO telemetry.review_previews (id, asked_by, organization, device, change, verdict, starts_at, ends_at)
		VALUES (:review, :user, :organization, :device, :change, :verdict, :starts_at, :ends_at) ON CONFLICT (id) DO NOTHING`,
		{ ...item, review, user: caller.accountability?.user ?? null, change: flag ? 'remove' : 'add' } as Record<string, string>,
	);
}

/** The caller's own previews, and nobody else's. */
export async function readReviews({ key }: ReviewsNeed, caller: Caller): Promise<unknown[]> {
	const { rows } = await caller.database.raw(
		`SELECT id, organization, device, change, verdict, telemetry.utc(starts_at) AS starts_at, telemetry.utc(ends_at) AS ends_at,
			telemetry.utc(asked_at) AS asked_at, telemetry.utc(done_at) AS done_at, outcome
		FROM telemetry.review_previews
		WHERE asked_by = :user AND asked_at > now() - interval '15 minutes'
			AND CASE WHEN :key::uuid IS NULL THEN done_at IS NULL ELSE id = :key::uuid END
		ORDER BY asked_at DESC LIMIT 20`,
		{ user: caller.accountability?.user ?? null, key: key ?? null } as Record<string, string>,
	) as { rows: unknown[] };
	return rows;
}

/** What was ordered and what came of it, of a device that the caller may see; else null alone. */
export async function readRecomputes({ device }: RecomputesNeed, caller: Caller, host: Host): Promise<unknown[]> {
	const seen = await itemsOf('devices', caller, host).readByQuery(
		{ filter: { id: { _eq: device } }, fields: ['id'], limit: 1 }, { emitEvents: false },
	);
	if (seen.length === 0) return [null];
	const { rows } = await caller.database.raw(
		`SELECT id::float8 AS id, cause, telemetry.utc(from_ts) AS "from", telemetry.utc(until_ts) AS until,
			telemetry.utc(ordered_at) AS ordered_at, telemetry.utc(done_at) AS done_at, marks_changed::float8 AS marks_changed,
			crossings_added::float8 AS crossings_added, crossings_removed::float8 AS crossings_removed,
			crossings_changed::float8 AS crossings_changed
		FROM telemetry.recomputes WHERE device = :device AND ordered_at > now() - interval '1 day'
		ORDER BY id DESC LIMIT 20`,
		{ device },
	) as { rows: unknown[] };
	return rows;
}
