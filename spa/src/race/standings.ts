import type { Entry, Results, Standing, Status } from '../directus/schema.ts';
import { duration, gap } from '../format.ts';

/** A row of the leaderboard. */
export interface StandingRow {
	entry: string;
	/** `1`, or why there is none: `DNF`. */
	rank: string;
	number: string;
	name: string;
	category: string | null;
	/** How many checkpoints of the course were taken, and how many there are. */
	taken: number;
	total: number;
	/** The last checkpoint taken, or what there is to say instead. */
	at: string;
	/** From the start to there; empty before the second checkpoint. */
	elapsed: string;
	/** Behind the best at that checkpoint. */
	gap: string;
	finished: boolean;
	/** Out of the race. */
	out: boolean;
}

const OUT: Partial<Record<Status, string>> = { dnf: 'DNF', dns: 'DNS', dsq: 'DSQ' };

export function standingRows(results: Results): StandingRow[] {
	const { course } = results.meta;
	return results.data.map((standing) => {
		const last = lastSplit(standing);
		const place = standing.checkpoints_taken > 0 ? course[standing.checkpoints_taken - 1] : undefined;
		const out = OUT[standing.status];
		return {
			entry: standing.entry,
			rank: out ?? (standing.rank === null ? '–' : String(standing.rank)),
			number: standing.number,
			name: standing.name ?? '',
			category: standing.category,
			taken: standing.checkpoints_taken,
			total: course.length,
			at: standing.finished ? 'Finished' : (place && placeName(place, standing.checkpoints_taken)) || (standing.status === 'dns' ? 'Did not start' : 'Not started'),
			elapsed: last?.elapsed_ms ? duration(last.elapsed_ms) : '',
			gap: gap(last?.gap_ms ?? null),
			finished: standing.finished,
			out: out !== undefined,
		};
	});
}

/** What there is to show before there are results. */
export const startList = (entries: Entry[]): StandingRow[] =>
	entries.map((entry) => ({
		entry: entry.id,
		rank: OUT[entry.status] ?? '–',
		number: entry.number,
		name: entry.name ?? '',
		category: entry.category,
		taken: 0,
		total: 0,
		at: '',
		elapsed: '',
		gap: '',
		finished: false,
		out: OUT[entry.status] !== undefined,
	}));

export const placeName = (checkpoint: { name: string | null; role: string }, order: number): string =>
	checkpoint.name || `${checkpoint.role.charAt(0).toUpperCase()}${checkpoint.role.slice(1)} ${order}`;

export const lastSplit = ({ splits, checkpoints_taken }: Standing) => (checkpoints_taken > 0 ? splits[checkpoints_taken - 1] : undefined);

/** Categories in the order in which they first come, for a choice; empty when there is none to make. */
export function categories(rows: StandingRow[]): string[] {
	const found = [...new Set(rows.flatMap(({ category }) => category ?? []))];
	return found.length > 1 ? found : [];
}

/**
 * Within a category places are counted anew: gaps stay those to the best of all.
 * Equal ranks stay equal.
 */
export function ofCategory(rows: StandingRow[], category: string | null): StandingRow[] {
	if (category === null) return rows;
	let place = 0;
	let before: StandingRow | undefined;
	let shown = '';
	return rows
		.filter((row) => row.category === category)
		.map((row) => {
			if (!/^\d+$/.test(row.rank)) return row;
			place++;
			if (before?.rank !== row.rank) shown = String(place);
			before = row;
			return { ...row, rank: shown };
		});
}
