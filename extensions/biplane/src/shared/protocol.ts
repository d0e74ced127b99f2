// Generated from crates/rules: call.rs, manifest.rs, request.rs; to generate anew:
// UPDATE_PROTOCOL=1 cargo test -p biplane-rules typescript
import type { Filter } from '@directus/types';

/** What happens to an item. */
export type ItemEvent = "items.create" | "items.update" | "items.delete";

/** The kinds of rule. */
export type Kind = "filter" | "action" | "endpoint" | "operation";

/** Everything that the host has to know to register the rules. */
export type Manifest = {
/** Version of the calling convention. */
abi: number,
/** The module's name. */
name: string,
/** The module's version. */
version: string,
/** Largest payload that crosses, in bytes as [`crate::fits`] counts them. */
max_payload_bytes: number,
/** Largest answer to a need, counted as payloads are. */
max_answer_bytes: number,
/** How deep arrays and objects may be in one another. */
max_payload_depth: number,
/** How many positions cross at once, of all devices together. */
max_position_rows: number,
/** The rules. */
rules: Array<Rule>,
/** Every code that a client can see, with its HTTP status. */
codes: Array<Code>, };

/** A stable code and its HTTP status. */
export type Code = {
/** As clients see it. */
code: string,
/** HTTP. */
status: number, };

/** A rule and where it applies. */
export type Rule = {
/** Unique among rules of its kind, e.g. `geofence.validate`. */
name: string, } & ({ "kind": "filter",
/** On what. */
events: ItemEvent[],
/** Of which collections. */
collections: string[],
/** The only fields that cross. An update that has none of them is not
 * the rule's business. */
fields: string[],
/** The field whose GeoJSON crosses as flat coordinates ([`crate::FlatGeometry`]). */
flat?: string, } | { "kind": "action",
/** On what. */
events: ItemEvent[],
/** Of which collections. */
collections: string[], } | { "kind": "endpoint",
/** HTTP. */
method: Method,
/** Below `/biplane`; `{name}` stands for a parameter. */
path: string,
/** For whom. */
access: Access,
/** What it does, in a few words. */
summary: string,
/** What it takes; what is not named here is refused. */
parameters: Parameter[],
/** The media types that it answers with. */
answers: string[], } | { "kind": "operation",
/** As the Flow editor shows it. */
label: string,
/** A Material Symbols name. */
icon: string,
/** What it does, in a sentence. */
description: string,
/** Its form in the Flow editor. */
options: Parameter[],
/** Whether one run serves all who ask for the same before it begins: as Directus itself, and
 * what it hands on is nobody's secret. */
together: boolean, });

/** What sets a rule off. */
export type Trigger = { "kind": "filter",
/** On what. */
events: ItemEvent[],
/** Of which collections. */
collections: string[],
/** The only fields that cross. An update that has none of them is not
 * the rule's business. */
fields: string[],
/** The field whose GeoJSON crosses as flat coordinates ([`crate::FlatGeometry`]). */
flat?: string, } | { "kind": "action",
/** On what. */
events: ItemEvent[],
/** Of which collections. */
collections: string[], } | { "kind": "endpoint",
/** HTTP. */
method: Method,
/** Below `/biplane`; `{name}` stands for a parameter. */
path: string,
/** For whom. */
access: Access,
/** What it does, in a few words. */
summary: string,
/** What it takes; what is not named here is refused. */
parameters: Parameter[],
/** The media types that it answers with. */
answers: string[], } | { "kind": "operation",
/** As the Flow editor shows it. */
label: string,
/** A Material Symbols name. */
icon: string,
/** What it does, in a sentence. */
description: string,
/** Its form in the Flow editor. */
options: Parameter[],
/** Whether one run serves all who ask for the same before it begins: as Directus itself, and
 * what it hands on is nobody's secret. */
together: boolean, };

/** HTTP methods of endpoints. */
export type Method = "get" | "post";

/** Who may call an endpoint at all; what he may see is for Directus's permissions to say. */
export type Access = "users" | "administrators";

/** A parameter of an endpoint, or an option of an operation. */
export type Parameter = {
/** As it is written. */
name: string,
/** Where it stands. */
place: Place,
/** Whether it has to be there. */
required: boolean,
/** What it is if it is left out. */
default?: string,
/** For people. */
description: string, } & ({ "type": "text",
/** Characters. */
max_length: number, } | { "type": "uuid" } | { "type": "uuids",
/** How many. */
max: number, } | { "type": "integer",
/** Inclusive. */
min: number,
/** Inclusive. */
max: number, } | { "type": "number",
/** Inclusive. */
min: number,
/** Inclusive. */
max: number,
/** SI or stated. */
unit: string, } | { "type": "time" } | { "type": "boolean" } | { "type": "choice",
/** In the order in which people should see them. */
of: string[], } | { "type": "json" });

/** Where a parameter stands. */
export type Place = "path" | "query" | "body" | "option";

/** What a parameter may be. In a query everything is text; in a body and a form numbers and
 * booleans may be themselves. */
export type ParameterKind = { "type": "text",
/** Characters. */
max_length: number, } | { "type": "uuid" } | { "type": "uuids",
/** How many. */
max: number, } | { "type": "integer",
/** Inclusive. */
min: number,
/** Inclusive. */
max: number, } | { "type": "number",
/** Inclusive. */
min: number,
/** Inclusive. */
max: number,
/** SI or stated. */
unit: string, } | { "type": "time" } | { "type": "boolean" } | { "type": "choice",
/** In the order in which people should see them. */
of: string[], } | { "type": "json" };

/** One question to a rule. */
export type Call = {
/** The rule's kind. */
kind: Kind,
/** The rule's name. */
name: string,
/** What happens; `None` for endpoints and operations. */
event: ItemEvent | null,
/** The item or the patch (the rule's fields only), the keys of a delete, the
 * [`Request`](crate::Request) of an endpoint, the options of an operation. */
payload: unknown,
/** Who asks, and what is known. */
ctx: Context, };

/** What the host knows. */
export type Context = {
/** Processing time, milliseconds since the Unix epoch. */
now_ms: number,
/** The collection that is written to. */
collection: string,
/** The items that an update changes: the payload is one patch for them all. */
keys: unknown[],
/** The caller; `None`: nobody logged in, or Directus itself. */
user: string | null,
/** The caller's role. */
role: string | null,
/** Whether the caller may do everything. */
admin: boolean,
/** The answers to [`Need`]s of the rounds before, by `as`. */
results: Record<string, unknown>, };

/** A request, as the host hands it over. */
export type Request = {
/** The parameters of the path. */
path: { [key in string]: string },
/** Of the query; a parameter that is given twice comes as an array, which is refused. */
query: Record<string, unknown>,
/** JSON. */
body: unknown, };

/** What a rule decides. Empty: nothing to say against it. */
export type Outcome = {
/** Fields to set in the item before it is written. */
patch?: Record<string, unknown>,
/** Not allowed, and why: all that is wrong, where more than one thing can be said. */
reject?: Array<Rejection>,
/** What an operation hands on. */
result?: unknown,
/** What an endpoint answers. */
answer?: Answer,
/** Not decided yet: read this and call again. */
need?: Array<Need>,
/** To do once decided; should one fail, the request fails. */
effects?: Array<Effect>, };

/** What an endpoint answers. */
export type Answer = { "type": "json",
/** The whole body, as JSON: the host passes it on without a look into it. */
text: string, } | { "type": "text",
/** With its character set. */
media_type: string,
/** What a browser saves it as. */
file_name: string,
/** The whole body. */
text: string,
/** Headers besides those that say what it is. */
headers?: { [key in string]: string }, };

/** Why something is not allowed. */
export type Rejection = {
/** Stable. */
code: string,
/** HTTP. */
status: number,
/** The field at fault. */
field?: string,
/** One sentence for people: field, value, what is wrong, where. */
message: string,
/** Where on earth: longitude and latitude in degrees. */
at?: [number, number], };

/** What a rule has to know before it decides. The host reads it with the caller's own permissions. */
export type Need = { "op": "items.read",
/** The name of the answer in [`Context::results`]. */
as: string,
/** Of which collection. */
collection: string,
/** Which. */
keys: (string | number)[],
/** What of them. */
fields: string[],
/** Whether what is found may be used again in the same transaction: so
 * that an import asks once, not once a row. */
keep?: boolean, } | { "op": "items.find",
/** The name of the answer in [`Context::results`]. */
as: string,
/** Of which collection. */
collection: string,
/** A filter of Directus. */
filter: Filter,
/** What of them. */
fields: string[],
/** At most so many; a rule that has to have all asks for one more than it can take. */
limit?: number,
/** As above. */
keep?: boolean, } | { "op": "items.count",
/** The name of the answer in [`Context::results`]. */
as: string,
/** Of which collection. */
collection: string,
/** A filter of Directus. */
filter: Filter,
/** By which fields. */
group: string[],
/** Counts different values of this field instead of items. */
distinct?: string, } | { "op": "positions.read",
/** The name of the answer in [`Context::results`]. */
as: string,
/** Of which devices. */
devices: Array<string>,
/** What of them. */
fields: PositionField[],
/** Event time, milliseconds since the Unix epoch; inclusive. */
from_ms: number,
/** Event time, milliseconds since the Unix epoch; exclusive. */
to_ms: number,
/** Whether those that are marked faulty come too. */
faulty: boolean,
/** At most so many of each device; the host gives no more than [`MAX_POSITION_ROWS`] in all. */
limit: number, } | { "op": "positions.count",
/** The name of the answer in [`Context::results`]. */
as: string,
/** Only devices of this organization. */
organization?: string,
/** Event time, milliseconds since the Unix epoch; inclusive. */
from_ms: number,
/** Which of the elements that are no columns. */
elements: string[], } | { "op": "registry.read",
/** The name of the answer in [`Context::results`]. */
as: string,
/** Of which devices. */
imeis: Array<string>, } | { "op": "attempts.claim",
/** The name of the answer in [`Context::results`]. */
as: string,
/** Which. */
attempts: Array<Attempt>, } | { "op": "reviews.read",
/** The name of the answer in [`Context::results`]. */
as: string,
/** Which. */
key?: string, } | { "op": "recomputes.read",
/** The name of the answer in [`Context::results`]. */
as: string,
/** Of which device. */
device: string, };

/** One attempt to deliver a command. */
export type Attempt = {
/** A row of `commands`. */
command: string,
/** From 1. */
attempt: number, };

/** What is known of a position. */
export type PositionField = "ts_ms" | "lat" | "lon" | "altitude_m" | "speed_kmh" | "course_deg" | "satellites" | "hdop" | "fault";

/** What follows from a decision, for the host to carry out. */
export type Effect = { "op": "log",
/** How serious. */
level: Level,
/** The line. */
message: string, } | { "op": "items.create",
/** Of which collection. */
collection: string,
/** All fields. */
items: Record<string, unknown>[], } | { "op": "review.ask",
/** The preview's id. */
review: string,
/** The flag whose end it is about; none: it is about a new one. */
flag?: string,
/** The flag: organization, device, verdict, starts_at, ends_at. */
item: Record<string, string>, } | { "op": "stream.append" } & StreamEntry | { "op": "items.claim",
/** Of which collection; its key is `id`, its state `status`. */
collection: string,
/** Which, and what follows where it succeeds. */
items: Array<Claimed>,
/** The state that they have to be in. */
status: string,
/** What is written. */
patch: Record<string, unknown>, };

/** An item to claim. */
export type Claimed = {
/** Its key. */
key: string,
/** An entry of a stream, in the same transaction. */
entry?: StreamEntry, };

/** An entry of a Redis stream. */
export type StreamEntry = {
/** The stream's name. */
stream: string,
/** Names and values. */
fields: { [key in string]: string }, };

/** How serious a line in the log is. */
export type Level = "info" | "warn";
