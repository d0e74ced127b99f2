import type { Edit, Found, Split } from './results.ts';
import type { Texts } from './texts.ts';
import { timeOfDay } from './times.ts';

/** A crossing of an entry at a checkpoint: found, or added by hand. */
export interface Candidate {
	id: string;
	/** The row in `crossings`; none of what was added. */
	crossing: string | null;
	/** As measured, or as added. */
	at: string;
	/** The last edit of it that nobody took back. */
	edit: Edit | null;
	state: 'counts' | 'valid' | 'void' | 'outside';
	adjusts: boolean;
	voids: boolean;
	/** Where it comes from. */
	how: string;
	fixes?: string;
}

/** What there is to choose from; which of them counts is said by the results. */
export function candidatesOf(found: Found[], edits: Edit[], split: Split | null, texts: Texts): Candidate[] {
	const undone = new Set(edits.flatMap(({ edit }) => edit ?? []));
	const standing = edits.filter(({ id, action }) => action !== 'undo' && !undone.has(id));
	const measured = found.map((one): Candidate => {
		// Newest first.
		const edit = standing.find(({ crossing }) => crossing?.id === one.id) ?? null;
		const isVoid = edit?.action === 'void';
		const counts = split?.state === 'taken' && split.crossing === one.id;
		const outside = one.status !== 'valid' && !edit;
		const way = one.direction === 'enter' ? texts.cell.enter : texts.cell.exit;
		const fixes = texts.cell.fixes(timeOfDay(one.fix_before_at), timeOfDay(one.fix_after_at));
		return {
			id: one.id,
			crossing: one.id,
			at: one.crossed_at,
			edit,
			state: isVoid ? 'void' : counts ? 'counts' : outside ? 'outside' : 'valid',
			adjusts: true,
			voids: !isVoid,
			how: `${way}, ${fixes}`,
			fixes: one.id,
		};
	});
	const added = standing.flatMap((edit): Candidate[] => {
		if (edit.action !== 'add' || !edit.crossed_at) return [];
		const counts = split?.state === 'taken' && split.edit === edit.id;
		return [{ id: edit.id, crossing: null, at: edit.crossed_at, edit, state: counts ? 'counts' : 'valid', adjusts: true, voids: false, how: texts.cell.added }];
	});
	return [...measured, ...added].sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}
