// Generated from crates/core/src/live.rs; to generate anew:
// UPDATE_PROTOCOL=1 cargo test -p biplane-core typescript

/** A UUID in its usual text form. */
export type Uuid = string;

/** RFC 3339 in UTC with milliseconds: `2020-09-12T11:40:00.000Z`. */
export type Instant = string;

/** Stable. New ones may come. */
export type LiveErrorCode =
  | "LIVE_MESSAGE"
  | "LIVE_UNAUTHORIZED"
  | "LIVE_TOKEN_EXPIRED"
  | "LIVE_FORBIDDEN"
  | "LIVE_LIMIT"
  | "LIVE_BEHIND"
  | "LIVE_DIRECTUS_AWAY";

/** What a client says. */
export type ClientMessage = { "type": "auth",
/** A Directus access token. */
access_token: string, } | { "type": "subscribe",
/** Names the subscription in everything sent for it. */
uid: string,
/** What to see. */
topic: Topic, } | { "type": "unsubscribe",
/** As given in `subscribe`. */
uid: string, } | { "type": "ping" } | { "type": "pong" };

/** What a subscription shows. */
export type Topic = { "event": Uuid } | { "devices": Array<Uuid> };

/** What the hub says. */
export type ServerMessage = { "type": "auth",
/** `ok` or `error`. */
status: Status,
/** When the token ends: send a fresh one before. */
expires_at?: Instant,
/** Why not. */
error?: LiveError, } | { "type": "subscription",
/** The client's name for it. */
uid?: string, } & ({ "event": "init", "data": Array<LivePosition> } | { "event": "positions", "data": Array<LivePosition> } | { "event": "crossings", "data": Array<LiveCrossing> } | { "event": "error", "data": LiveError }) | { "type": "ping" } | { "type": "pong" } | { "type": "error",
/** Always `error`. */
status: Status,
/** Why. */
error: LiveError, };

/** How it went. */
export type Status = "ok" | "error";

/** What a subscription brings. */
export type SubscriptionEvent = { "event": "init", "data": Array<LivePosition> } | { "event": "positions", "data": Array<LivePosition> } | { "event": "crossings", "data": Array<LiveCrossing> } | { "event": "error", "data": LiveError };

/** A code with a sentence. */
export type LiveError = {
/** Stable. */
code: LiveErrorCode,
/** For people. */
message: string, };

/** Where a device is. */
export type LivePosition = {
/** Whose. */
device: Uuid,
/** Event time. */
time: Instant,
/** Degrees. */
lat: number,
/** Degrees. */
lon: number,
/** Metres. */
altitude_m: number | null,
/** Over ground. */
speed_kmh: number | null,
/** Over ground, degrees. */
course_deg: number | null,
/** Whether the processor holds the fix for implausible. */
faulty: boolean, };

/** Which way a device crossed a geofence's border. */
export type Direction = "enter" | "exit";

/** A device crossed a geofence's border. */
export type LiveCrossing = {
/** The row in `crossings`. */
id: Uuid,
/** Its tenant. */
organization: Uuid,
/** The event whose course the geofence is part of. */
event: Uuid | null,
/** The competitor or vehicle. */
entry: Uuid | null,
/** The tracker. */
device: Uuid,
/** The place in the course. */
checkpoint: Uuid | null,
/** What was crossed. */
geofence: Uuid,
/** Which way. */
direction: Direction,
/** Event time, interpolated between two fixes. */
crossed_at: Instant, };
