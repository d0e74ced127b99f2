export type Kind = 'entries' | 'devices';

/** Which column of the sheet a field is read from; none: it is left alone. */
export type Mapping = Record<string, number | null>;

export interface Target {
	field: string;
	/** Of a new item. */
	required: boolean;
	/** Headings in English, German and Slovenian, written as `plain` writes them. */
	headings: string[];
	/** In the template. */
	example: string;
}

/** The fields that a sheet can fill, in the order of the template. */
export const TARGETS: Record<Kind, Target[]> = {
	entries: [
		target('number', '7', 'number', 'no', 'nr', 'bib', 'startnumber', 'startnummer', 'nummer', 'stevilka', 'startnastevilka', 'st'),
		target('device', '356307042441013', 'device', 'tracker', 'imei', 'deviceimei', 'devicename', 'trackername', 'gerat', 'naprava', 'sledilnik'),
		target('name', 'Ana Novak', 'name', 'fullname', 'competitor', 'pilot', 'rider', 'driver', 'teilnehmer', 'fahrer', 'ime', 'imeinpriimek', 'tekmovalec', 'voznik'),
		optional('category', 'Open', 'category', 'class', 'kategorie', 'klasse', 'kategorija', 'razred'),
		optional('status', 'registered', 'status', 'state', 'stand', 'zustand', 'stanje'),
		optional('color', '#2f6fde', 'color', 'colour', 'colouronthemap', 'farbe', 'farbeaufderkarte', 'barva', 'barvanazemljevidu'),
	],
	devices: [
		target('imei', '356307042441013', 'imei', 'serial', 'deviceimei', 'trackerimei'),
		target('name', 'Tracker 7', 'name', 'device', 'devicename', 'tracker', 'label', 'bezeichnung', 'gerat', 'geratename', 'ime', 'naprava', 'oznaka'),
		optional('protocol', 'teltonika', 'protocol', 'protokoll', 'protokol'),
		optional('model', 'FMB920', 'model', 'type', 'modell', 'typ', 'tip'),
		optional('status', 'active', 'status', 'state', 'zustand', 'stanje'),
		optional('token', '', 'token', 'secret', 'geheimnis', 'zeton'),
		optional('notes', '', 'notes', 'note', 'comment', 'remarks', 'notizen', 'notiz', 'bemerkung', 'opombe', 'opomba', 'zapiski'),
	],
};

function target(field: string, example: string, ...headings: string[]): Target {
	return { field, required: true, headings, example };
}

function optional(field: string, example: string, ...headings: string[]): Target {
	return { ...target(field, example, ...headings), required: false };
}

/** `Start-Nr.` and `start nr` are one heading, with or without marks above its letters. */
export const plain = (heading: string): string =>
	heading.normalize('NFD').toLowerCase().replaceAll(/[^\p{Letter}\p{Number}]/gu, '');

/** The likeliest column of each field: by its heading in the order of the field's words; each column once. */
export function guess(kind: Kind, headings: string[]): Mapping {
	const names = headings.map(plain);
	const taken = new Set<number>();
	const mapping: Mapping = {};
	for (const { field, headings: words } of TARGETS[kind]) {
		const found = words.map((word) => names.indexOf(word)).find((column) => column >= 0 && !taken.has(column)) ?? null;
		mapping[field] = found;
		if (found !== null) taken.add(found);
	}
	return mapping;
}

/** By which field a row finds the item that it is about. */
export const KEY: Record<Kind, string> = { entries: 'number', devices: 'imei' };

/** What a row says of each field that has a column; an empty cell says nothing. */
export function valuesOf(mapping: Mapping, cells: string[]): Record<string, string> {
	const values: Record<string, string> = {};
	for (const [field, column] of Object.entries(mapping)) {
		const cell = column === null ? '' : (cells[column] ?? '');
		if (cell !== '') values[field] = cell;
	}
	return values;
}

