import assert from 'node:assert/strict';
import { test } from 'node:test';

import { guess, valuesOf } from '../src/import-panel/columns.ts';
import { DeviceNames, type Existing, type Stored } from '../src/import-panel/existing.ts';
import { instantOf, inUtc, inZone, lengthOf, typedOf } from '../src/import-panel/moments.ts';
import { type Job, plan } from '../src/import-panel/plan.ts';
import type { Field } from '../src/import-panel/schema-checks.ts';
import { decode, MAX_ROWS, readSheet, type Sheet, writeSheet } from '../src/import-panel/sheet.ts';
import { fieldsOf, matches } from '../src/shared/app/filter.ts';
import { engine } from './module.ts';

const ORGANIZATION = '0aaaaaaa-0000-4000-8000-00000000000a';
const EVENT = '0bbbbbbb-0000-4000-8000-00000000000b';
const DEVICE = { id: '0ccccccc-0000-4000-8000-00000000000c', name: 'Tracker 7', imei: '356307042441013', organization: ORGANIZATION };

function sheetOf(text: string): Sheet {
	const sheet = readSheet(text);
	assert.ok('rows' in sheet, JSON.stringify(sheet));
	return sheet;
}

test('commas, semicolons and tabs are recognized, quoted cells may hold each of them and line breaks', () => {
	for (const delimiter of [',', ';', '\t']) {
		const lines = [`number${delimiter}name`, `7${delimiter}"Novak${delimiter} ""Ana""\nof Kobarid"`, '', `8${delimiter} Jan `];
		const sheet = sheetOf(lines.join('\r\n'));
		assert.equal(sheet.delimiter, delimiter);
		assert.deepEqual(sheet.headings, ['number', 'name']);
		assert.deepEqual(sheet.rows, [
			{ line: 2, cells: ['7', `Novak${delimiter} "Ana"\nof Kobarid`] },
			{ line: 5, cells: ['8', 'Jan'] },
		]);
		assert.deepEqual(sheet.broken, []);
	}
});

test('UTF-8 with its mark, UTF-16 and the codepage of western Windows are read', () => {
	const utf8 = new TextEncoder().encode('\uFEFFname\nČrt');
	assert.deepEqual([decode(utf8).encoding, sheetOf(decode(utf8).text).headings], ['utf-8', ['name']]);
	const utf16 = new Uint8Array(Buffer.from('\uFEFFname\tnumber\nČrt\t1', 'utf16le'));
	assert.deepEqual([decode(utf16).encoding, sheetOf(decode(utf16).text).rows[0]?.cells], ['utf-16le', ['Črt', '1']]);
	const windows = new Uint8Array([...Buffer.from('name\n'), 0x8e, 0x69, 0x67, 0x61]);
	assert.deepEqual(decode(windows), { text: 'name\nŽiga', encoding: 'windows-1252' });
});

test('what is no table is refused, and so is what is too long', () => {
	assert.deepEqual(readSheet(''), { refusal: 'empty' });
	assert.deepEqual(readSheet('number,name\n'), { refusal: 'empty' });
	assert.deepEqual(readSheet('"number,name\n1,2'), { refusal: 'headings' });
	const rows = (count: number) => `number,name\n${'7,Ana\n'.repeat(count)}`;
	assert.equal(sheetOf(rows(MAX_ROWS)).rows.length, MAX_ROWS);
	assert.deepEqual(readSheet(rows(MAX_ROWS + 1)), { refusal: 'rows' });
});

test('rows that are too wide or whose quotes do not close are named', () => {
	const sheet = sheetOf('number,name\n7,Ana,rest\n8,"Jan');
	assert.deepEqual(sheet.broken.map(({ row, why }) => [row.line, why]), [[2, 'cells'], [3, 'quotes']]);
});

test('what is written can be read again, and is no formula in a spreadsheet', () => {
	const text = writeSheet(['a', 'b'], [['=1+1', 'one, two']]);
	assert.deepEqual(sheetOf(text).rows[0]?.cells, ["'=1+1", 'one, two']);
});

test('headings are recognized in three languages, each column once', () => {
	assert.deepEqual(guess('entries', ['Startnummer', 'Gerät', 'Teilnehmer', 'Klasse']), {
		number: 0, device: 1, name: 2, category: 3, status: null, color: null,
	});
	assert.deepEqual(guess('entries', ['Ime in priimek', 'Štartna št.', 'IMEI', 'št.']), {
		number: 3, device: 2, name: 0, category: null, status: null, color: null,
	});
	assert.deepEqual(guess('devices', ['Device Name', 'IMEI', 'Type']), {
		imei: 1, name: 0, protocol: null, model: 2, status: null, token: null, notes: null,
	});
	assert.deepEqual(valuesOf({ number: 1, name: 0, color: null }, ['Ana', '']), { name: 'Ana' });
});

test('an answer for many questions is told apart by each question’s own filter', () => {
	const entry = { number: '7', status: 'started', event: { id: EVENT, status: 'running' }, at: '2026-05-01T09:30:00.000Z' };
	const filter = { _and: [{ number: { _eq: '7' } }, { event: { status: { _eq: 'running' } } }, { _or: [{ status: { _in: ['dns'] } }, { status: { _neq: 'dns' } }] }] };
	assert.ok(matches(entry, filter));
	assert.ok(!matches({ ...entry, event: null }, filter));
	assert.ok(!matches({ ...entry, number: '8' }, filter));
	assert.ok(matches(entry, { at: { _lt: '2026-05-01T09:30:00.001Z', _gt: '2026-05-01T11:29:59+02:00' } }));
	assert.deepEqual(new Set(fieldsOf(filter)), new Set(['number', 'event.status', 'status']));
	assert.throws(() => matches(entry, { number: { _contains: '7' } }), /_contains/);
});

test('a span is shown in UTC and in the event’s own time', () => {
	const ms = instantOf('2020-09-12T13:05:22.417');
	assert.ok(ms);
	assert.equal(typedOf(ms), '2020-09-12T13:05:22.417');
	assert.equal(inUtc(ms), '12 Sept 2020 13:05:22.417');
	assert.equal(inZone(ms, 'Europe/Ljubljana'), '12 Sept 2020 15:05:22.417');
	assert.equal(inZone(ms, 'Nowhere/Land'), null);
	assert.equal(instantOf('2020-09'), null);
	assert.equal(lengthOf(5_405_250), '1 h 30 min 5.25 s');
});

const field = (name: string, schema: Partial<NonNullable<Field['schema']>> = {}, meta: Partial<NonNullable<Field['meta']>> = {}): Field => ({
	field: name,
	name,
	schema: { is_nullable: false, default_value: null, max_length: 255, is_unique: false, ...schema },
	meta: { special: null, validation: null, validation_message: null, options: null, ...meta },
});

/** As an administrator; `answer` for what is asked of Directus. */
function job(kind: Job['kind'], text: string, stored: Stored[], fields: Field[], answer: Job['answer']): Job {
	const sheet = sheetOf(text);
	const existing = {
		byKey: (keys: string[]) => Promise.resolve(new Map(stored.filter((it) => keys.includes(keyOf(it))).map((it) => [keyOf(it), it]))),
		devices: () => Promise.resolve(new DeviceNames([DEVICE])),
	} as unknown as Existing;
	const keyOf = (item: Stored) => String(item[kind === 'devices' ? 'imei' : 'number']);
	return {
		kind, sheet, fields, existing, answer, engine,
		mapping: guess(kind, sheet.headings),
		place: { organization: ORGANIZATION, event: kind === 'entries' ? EVENT : null },
		asker: { user: '0eeeeeee-0000-4000-8000-00000000000e', role: null, admin: true },
		went: () => true,
	};
}

const said = (rows: Awaited<ReturnType<typeof plan>>) => rows!.map(({ line, verdict, faults }) => [line, verdict, ...faults.map((it) => it.sentence ?? it.own)]);

test('devices: the rules’ sentences, what is missing, what is there twice, what stays as it is', async () => {
	const fields = [field('imei', { max_length: 15, is_unique: true }), field('name'), field('protocol', { default_value: 'teltonika' })];
	const stored: Stored = { id: 'stored', organization: ORGANIZATION, imei: '490154203237518', name: 'Old' };
	const text = [
		'imei,name,protocol,model',
		'356307042441013,One,,FMB920',
		'356307042441014,Two,,',
		'356307042441013,Three,,',
		'356938035643809,,,',
		'352099001761481,Five,teltonika,FMB92',
		'490154203237518,Old,,',
		'490154203237518,New,,',
	].join('\n');
	const rows = await plan(job('devices', text, [stored], fields, (questions) => Promise.resolve(questions.map(() => []))));
	assert.deepEqual(said(rows), [
		[2, 'create'],
		[3, 'bad', 'imei: the check digit of `356307042441014` is 4, but its other digits ask for 3'],
		[4, 'bad', 'Value "356307042441013" for field "imei" in collection "devices" has to be unique.'],
		[5, 'bad', 'Validation failed for field "name". Value is required.'],
		[6, 'bad', 'model: `FMB92` is no model of `teltonika` that is known'],
		[7, 'unchanged'],
		[8, 'bad', 'twice'],
	]);
	assert.equal(rows?.[2]?.faults[0]?.before, 2);
	assert.deepEqual(rows?.[0]?.item, { organization: ORGANIZATION, imei: '356307042441013', name: 'One', model: 'FMB920' });
});

test('entries: devices by IMEI and by name, numbers that are taken here and in the file, a choice by its word', async () => {
	const choices = [{ text: 'Did not start', value: 'dns' }, { text: 'Registered', value: 'registered' }];
	const regex = { _or: [{ color: { _null: true } }, { color: { _regex: '^#[0-9a-fA-F]{6}$' } }] };
	const fields = [
		field('number', { max_length: 16 }), field('name'), field('device'), field('status', { default_value: 'registered' }, { options: { choices } }),
		field('color', { is_nullable: true, max_length: 7 }, { validation: regex, validation_message: 'A colour is written as #rrggbb.' }),
	];
	const stored: Stored = { id: 'stored', organization: ORGANIZATION, number: '1', name: 'Ana', device: DEVICE.id, device_name: 'Tracker 7', status: 'started' };
	const text = [
		'number;device;name;status;color',
		'1;Tracker 7;Ana Novak;Did not start;',
		'2;356307042441013;Jan;;#2f6fde',
		'2;Tracker 7;Eva;;',
		'4;Nobody’s;Ivo;;',
		'5;Tracker 7;Una;started late;blue',
	].join('\n');
	const rows = await plan(job('entries', text, [stored], fields, (questions) => Promise.resolve(questions.map(({ need }) => {
		if (need.as === 'own event') return [{ id: EVENT, status: 'draft' }];
		return need.as === 'event' || need.as === 'device' ? [{ organization: ORGANIZATION }] : need.as === 'items' ? [{ ...stored, event: EVENT }] : [];
	}))));
	assert.deepEqual(said(rows), [
		[2, 'update'],
		[3, 'create'],
		[4, 'bad', 'number: `2` is taken in this event'],
		[5, 'bad', 'device: `Nobody’s` is not in the item\'s organization'],
		[6, 'bad', 'choice', 'Validation failed for field "color". Value doesn\'t have the correct format. A colour is written as #rrggbb.'],
	]);
	assert.deepEqual(rows?.[0]?.item, { name: 'Ana Novak', status: 'dns' });
	assert.deepEqual(rows?.[0]?.changes, [{ field: 'name', from: 'Ana', to: 'Ana Novak' }, { field: 'status', from: 'started', to: 'Did not start' }]);
});
