import type { Fault, PlannedRow } from './plan.ts';
import type { Mapping } from './columns.ts';
import { type Sheet, writeSheet } from './sheet.ts';
import type { Texts } from './texts/index.ts';

/** How many rows a table shows: a page with twenty thousand is slow, and nobody reads them. */
export const SHOWN = 200;

/** A fault as a line of the list. */
export interface FaultLine {
	line: number;
	/** As the file calls the column. */
	column: string;
	value: string;
	why: string;
}

/** Why, in the API's own words or the panel's. */
export const whyOf = (fault: Fault, texts: Texts): string => {
	const sentence = fault.sentence ?? (fault.own ? texts.own[fault.own] : '');
	return fault.before === undefined ? sentence : `${sentence}${/[.!?]$/.test(sentence) ? '' : '.'} ${texts.before(fault.before)}`;
};

export function faultLines(rows: PlannedRow[], sheet: Sheet, mapping: Mapping, texts: Texts): FaultLine[] {
	return rows.flatMap(({ line, faults }) =>
		faults.map((fault) => ({
			line,
			column: columnOf(fault.field, sheet, mapping, texts),
			// A token is for nobody who looks over a shoulder.
			value: fault.field === 'token' ? '•••' : fault.value,
			why: whyOf(fault, texts),
		})),
	);
}

function columnOf(field: string | null, { headings }: Sheet, mapping: Mapping, texts: Texts): string {
	if (field === null) return texts.wholeRow;
	const column = mapping[field];
	return (column == null ? null : headings[column]) || field;
}

/** The bad rows as they were, with the line and the reasons before them: to mend and to drop here again. */
export function badSheet(rows: PlannedRow[], sheet: Sheet, texts: Texts): string {
	const cells = new Map(sheet.rows.map((row) => [row.line, row.cells]));
	const bad = rows.filter(({ faults }) => faults.length > 0);
	const lines = bad.map((row) => [
		String(row.line),
		row.faults.map((fault) => whyOf(fault, texts)).join(' '),
		...(cells.get(row.line) ?? []),
	]);
	return writeSheet([texts.head.line, texts.head.why, ...sheet.headings], lines);
}

export const count = (rows: PlannedRow[], verdict: PlannedRow['verdict']): number =>
	rows.filter((row) => row.verdict === verdict).length;
