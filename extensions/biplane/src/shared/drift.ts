// Generated from crates/schema/src/drift.rs; to generate anew:
// UPDATE_PROTOCOL=1 cargo test -p biplane-schema typescript

/** How instance and snapshot stand to each other; of several that hold, the gravest. */
export type DriftStatus = "clean" | "pending" | "stale" | "uncommitted" | "conflict";

/** A part of the schema by name. */
export type DriftPart = {
/** `collection`, `field`, `system field` or `relation`. */
kind: string,
/** `devices`, or `devices.imei`. */
name: string, };

/** What differs between an instance and its snapshot, and what that means. */
export type Drift = {
/** The gravest of what follows. */
status: DriftStatus,
/** What an operator should know and do. */
sentence: string,
/** Only in the database: made, changed or deleted here, and in no snapshot. */
uncommitted: Array<DriftPart>,
/** Only in the snapshot: an apply would make, change or delete it here. */
pending: Array<DriftPart>,
/** What people have to decide. */
conflicts: Array<DriftPart>,
/** Applied here before, and lacking in an older or foreign snapshot. */
stale: Array<DriftPart>,
/** What an apply would do: `Plan::to_json`. */
plan: Plan, };

/** What a plan comes to, and the exit code that says so. */
export type Outcome = "nothing" | "changes" | "refused";

/** Whose child the target is. */
export type Ancestry = "no-base" | "descendant" | "rollback";

/** SHA-256 of what a plan would lose for which target; 64 lower-case hexadecimal digits.
 *
 * Independent of how many rows there are, so that it can be approved before it meets production. */
export type Fingerprint = string;

/** How data goes. */
export type LossKind = "table" | "column" | "narrowed";

/** Data that would go. */
export type Loss = {
/** How. */
kind: LossKind,
/** From what to what: `text → varchar(255)`. */
detail: string,
/** How many rows have a value there; none while nobody counted. */
rows: number | null, };

/** A part of an item that differs: `meta.note` from this to that; absent where there is none. */
export type Difference = {
/** Where in the item. */
path: string,
/** What the last applied snapshot said. */
base?: unknown,
/** What the database has. */
running?: unknown,
/** What the snapshot says. */
target?: unknown, };

/** What is decided of one item. */
export type PlanChange = { verdict: string, kind: string, name: string, reason: string, sentence: string, differences?: Array<Difference>, loss?: Loss, };

/** A plan as programs read it. */
export type Plan = { outcome: Outcome, exit_code: number, ancestry: Ancestry, base: string | null, target: string, fingerprint: Fingerprint, loses_rows: boolean, counts: { [key in string]: number }, changes: Array<PlanChange>, renames: Array<string>, warnings: Array<string>, };
