// Generated from crates/core/src/live.rs; to generate anew:
// UPDATE_PROTOCOL=1 cargo test -p biplane-core typescript

/** A UUID in its usual text form. */
export type Uuid = string;

/** RFC 3339 in UTC with milliseconds: `2020-09-12T11:40:00.000Z`. */
export type Instant = string;

/** How far a client has been told; opaque. */
export type Cursor = string;

/** Stable. New ones may come. */
export type LiveErrorCode =
  | "LIVE_MESSAGE"
  | "LIVE_UNAUTHORIZED"
  | "LIVE_TOKEN_EXPIRED"
  | "LIVE_FORBIDDEN"
  | "LIVE_LIMIT"
  | "LIVE_BEHIND"
  | "LIVE_DIRECTUS_AWAY"
  | "LIVE_CURSOR"
  | "LIVE_PROTOCOL"
  | "LIVE_DATABASE_AWAY";

/** What a client says. */
export type ClientMessage = { "type": "auth",
/** A Directus access token, session token or static token. */
access_token: string,
/** The [`PROTOCOL`] that the client speaks, if it wants to be refused by a hub that does not. */
protocol?: number, } | { "type": "subscribe",
/** Names the subscription in everything sent for it. */
uid: string,
/** What to see. */
topic: Topic,
/** How. */
options?: Options,
/** The last cursor of this topic that the client has: what was committed since comes first. */
resume?: Cursor, } | { "type": "unsubscribe",
/** As given in `subscribe`. */
uid: string, } | { "type": "ping" } | { "type": "pong" };

/** What a subscription shows. */
export type Topic = { "event": Uuid } | { "organization": Uuid } | { "devices": Array<Uuid> };

/** How a subscription shows its topic. */
export type Options = {
/** Of positions, besides `device` and `time`; left out: all. */
fields?: Array<PositionField>,
/** So many milliseconds at least lie between two messages of positions; at most 60,000. */
min_interval_ms?: number,
/** The positions of so many seconds before each device's last come as `replay` after `init`, and
 * the crossings and alerts that were committed within so many seconds; at most 3,600. */
replay_s?: number, };

/** A field of [`LivePosition`] that may be left out. */
export type PositionField = "lat" | "lon" | "altitude_m" | "speed_kmh" | "course_deg" | "faulty";

/** What the hub says. */
export type ServerMessage = { "type": "auth",
/** `ok` or `error`. */
status: Status,
/** When the token ends: send a fresh one before. */
expires_at?: Instant,
/** The hub's [`PROTOCOL`]. */
protocol?: number,
/** The hub's clock, by which clients may set theirs. */
time?: Instant,
/** Why not. */
error?: LiveError, } | { "type": "subscription",
/** The client's name for it. */
uid?: string,
/** Give the last one back as `resume` when you subscribe again. */
cursor?: Cursor, } & ({ "event": "init", "data": Array<LivePosition> } | { "event": "replay", "data": Array<LivePosition> } | { "event": "positions", "data": Array<LivePosition> } | { "event": "crossings", "data": Array<LiveCrossing> } | { "event": "retractions", "data": Array<Retraction> } | { "event": "alerts", "data": Array<LiveAlert> } | { "event": "status", "data": Array<LiveStatus> } | { "event": "error", "data": LiveError }) | { "type": "rate",
/** Between two updates, in milliseconds. */
interval_ms: number, } | { "type": "ping" } | { "type": "pong" } | { "type": "error",
/** Always `error`. */
status: Status,
/** Why. */
error: LiveError,
/** Before a client is closed that would miss what may not be missed: where to go on. */
cursor?: Cursor, };

/** How it went. */
export type Status = "ok" | "error";

/** What a subscription brings. */
export type SubscriptionEvent = { "event": "init", "data": Array<LivePosition> } | { "event": "replay", "data": Array<LivePosition> } | { "event": "positions", "data": Array<LivePosition> } | { "event": "crossings", "data": Array<LiveCrossing> } | { "event": "retractions", "data": Array<Retraction> } | { "event": "alerts", "data": Array<LiveAlert> } | { "event": "status", "data": Array<LiveStatus> } | { "event": "error", "data": LiveError };

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
crossed_at: Instant,
/** `valid`, or `outside_window`: before the checkpoint opened or after it closed. */
status: string, };

/** A crossing that turned out to be none: its fixes were faulty, came late, or its fence changed. */
export type Retraction = {
/** The row that was in `crossings`. */
id: Uuid,
/** Its tenant. */
organization: Uuid,
/** As the crossing had it. */
event: Uuid | null,
/** As the crossing had it. */
device: Uuid, };

/** Something that people should know of. */
export type LiveAlert = {
/** The row in `alerts`. */
id: Uuid,
/** Its tenant. */
organization: Uuid,
/** The tracker, if it is about one. */
device: Uuid | null,
/** The event that it takes part in. */
event: Uuid | null,
/** Where, if it is about one. */
geofence: Uuid | null,
/** As in `alerts.kind`: `overspeed`, `dwell`, `device_offline`, ... */
kind: string,
/** `info`, `warning` or `critical`. */
severity: string,
/** `open`, `acknowledged` or `closed`. */
status: string,
/** Event time. */
occurred_at: Instant,
/** A sentence. */
message: string | null, };

/** Whether a device is heard of. */
export type LiveStatus = {
/** Which. */
device: Uuid,
/** Whether it was heard of within the last minutes. */
connected: boolean,
/** When it was heard of last, as far as this was known then; processing time. */
heard_at: Instant | null, };
