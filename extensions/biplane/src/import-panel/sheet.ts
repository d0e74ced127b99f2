import Papa from 'papaparse';

/** What a browser reads, checks and shows without a person waiting long. */
export const MAX_BYTES = 5_000_000;
export const MAX_ROWS = 20_000;

export interface Row {
	/** As an editor counts, from 1: a quoted cell may have several. */
	line: number;
	cells: string[];
}

export interface Sheet {
	headings: string[];
	rows: Row[];
	delimiter: string;
	encoding: Encoding;
	/** Rows that are not as wide as the headings, or whose quotes do not close. */
	broken: { row: Row; why: 'quotes' | 'cells' }[];
}

export type Encoding = 'utf-8' | 'utf-16le' | 'windows-1252';

export type Refusal = 'bytes' | 'rows' | 'empty' | 'headings';

/** What spreadsheets save: UTF-8, UTF-16 ("Unicode text"), and Excel's CSV in the codepage of western Windows. */
export function decode(bytes: Uint8Array): { text: string; encoding: Encoding } {
	if (bytes[0] === 0xff && bytes[1] === 0xfe) return { text: new TextDecoder('utf-16le').decode(bytes), encoding: 'utf-16le' };
	try {
		return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), encoding: 'utf-8' };
	} catch {
		return { text: new TextDecoder('windows-1252').decode(bytes), encoding: 'windows-1252' };
	}
}

/** The rows of a file or of what was pasted, the first of which has the headings. */
export function readSheet(text: string, encoding: Encoding = 'utf-8'): Sheet | { refusal: Refusal } {
	const rows: Row[] = [];
	const unclosed = new Set<Row>();
	let line = 1;
	let start = 0;
	let refused = false;
	const source = text.replace(/^\uFEFF/, '');
	const delimiter = delimiterOf(source);
	Papa.parse<string[]>(source, {
		delimiter,
		step: ({ data, errors, meta }, parser) => {
			const row = { line, cells: data.map((cell) => cell.trim()) };
			line += source.slice(start, meta.cursor).match(/\r\n|\n|\r/g)?.length ?? 0;
			start = meta.cursor;
			if (row.cells.every((cell) => cell === '')) return;
			rows.push(row);
			if (errors.some(({ type }) => type === 'Quotes')) unclosed.add(row);
			// One for the headings.
			if (rows.length <= MAX_ROWS + 1) return;
			refused = true;
			parser.abort();
		},
	});
	const [head, ...body] = rows;
	if (refused) return { refusal: 'rows' };
	if (head && unclosed.has(head)) return { refusal: 'headings' };
	if (!head || body.length === 0) return { refusal: 'empty' };
	const wide = ({ cells }: Row) => cells.slice(head.cells.length).some((cell) => cell !== '');
	const broken = body.flatMap((row): Sheet['broken'] =>
		unclosed.has(row) ? [{ row, why: 'quotes' }] : wide(row) ? [{ row, why: 'cells' }] : [],
	);
	return { headings: head.cells, rows: body, delimiter, encoding, broken };
}

/** That by which most of the first rows are as wide as the headings; of equals the one that makes them widest. */
function delimiterOf(source: string): string {
	const trials = [',', ';', '\t'].map((delimiter) => {
		const { data } = Papa.parse<string[]>(source, { delimiter, preview: 20, skipEmptyLines: 'greedy' });
		const width = data[0]?.length ?? 0;
		return { delimiter, width, even: width > 1 ? data.filter((cells) => cells.length === width).length : 0 };
	});
	return trials.sort((a, b) => b.even - a.even || b.width - a.width)[0]?.delimiter ?? ',';
}

/** A table for spreadsheets; with its mark of UTF-8, or Excel takes it for its own codepage. */
export const writeSheet = (headings: string[], rows: string[][]): string =>
	`\uFEFF${Papa.unparse({ fields: headings, data: rows }, { escapeFormulae: true })}\r\n`;

/** Gives a person a file. */
export function download(name: string, text: string): void {
	const link = document.createElement('a');
	link.href = URL.createObjectURL(new Blob([text], { type: 'text/csv;charset=utf-8' }));
	link.download = name;
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
