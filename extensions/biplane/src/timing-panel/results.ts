import type { Role, Status } from '../shared/app/race-types.ts';

export type RankBy = 'elapsed' | 'clock';
export type SplitState = 'taken' | 'missing' | 'out_of_order' | 'ahead';
export type Action = 'add' | 'void' | 'adjust' | 'undo';

/** What became of an entry at a checkpoint (crates/rules/src/results.rs). */
export interface Split {
	checkpoint: string;
	state: SplitState;
	crossed_at: string | null;
	/** Where it does not count: when it was crossed first all the same. */
	seen_at: string | null;
	elapsed_ms: number | null;
	leg_ms: number | null;
	gap_ms: number | null;
	/** The crossing and the edit that made it so. */
	crossing: string | null;
	edit: string | null;
}

export interface Row {
	rank: number | null;
	entry: string;
	number: string;
	name: string | null;
	category: string | null;
	status: Status;
	checkpoints_taken: number;
	finished: boolean;
	elapsed_ms: number | null;
	gap_ms: number | null;
	interval_ms: number | null;
	splits: Split[];
}

export interface CoursePoint {
	id: string;
	name: string | null;
	role: Role;
}

export interface Results {
	data: Row[];
	meta: { event: { id: string; name: string; course_revision: boolean }; course: CoursePoint[] };
}

export interface Person {
	first_name: string | null;
	last_name: string | null;
	email: string | null;
}

/** Somebody's edit of a crossing, as Directus gives it. */
export interface Edit {
	id: string;
	action: Action;
	crossing: { id: string; entry: string | null; checkpoint: string | null; crossed_at: string } | null;
	entry: string | null;
	checkpoint: string | null;
	crossed_at: string | null;
	/** What it takes back. */
	edit: string | null;
	reason: string;
	date_created: string;
	/** Nobody where the reader may not see who it was. */
	user_created: Person | null;
}

/** A crossing that was found, whether it counts or not. */
export interface Found {
	id: string;
	crossed_at: string;
	status: string;
	direction: 'enter' | 'exit';
	source: string;
	fix_before_at: string;
	fix_after_at: string;
}

/** A place in the table. */
export interface Cell {
	entry: string;
	checkpoint: string;
}

export const placeName = (point: CoursePoint | undefined): string => point?.name || point?.role || '?';

export const personName = (person: Person | null): string | null =>
	person && ([person.first_name, person.last_name].filter(Boolean).join(' ') || person.email);

/** Where in the table an edit belongs, also one that takes another back. */
export function cellOf(edit: Edit, edits: Map<string, Edit>): Cell | null {
	const meant = (edit.edit && edits.get(edit.edit)) || edit;
	const entry = meant.entry ?? meant.crossing?.entry;
	const checkpoint = meant.checkpoint ?? meant.crossing?.checkpoint;
	return entry && checkpoint ? { entry, checkpoint } : null;
}
