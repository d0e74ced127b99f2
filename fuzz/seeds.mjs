// Golden cases as inputs to begin with: node seeds.mjs <tests/golden> <folder>, a folder a target.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const [golden, folder] = process.argv.slice(2);
const read = (name) => JSON.parse(readFileSync(join(golden, `${name}.json`), 'utf8'));
const bytes = ({ hex, text }) => (hex ? Buffer.from(hex, 'hex') : Buffer.from(text ?? '', 'utf8'));

const counts = new Map();
function seed(target, ...parts) {
	const number = counts.get(target) ?? 0;
	counts.set(target, number + 1);
	mkdirSync(join(folder, target), { recursive: true });
	writeFileSync(join(folder, target, `golden-${number}`), Buffer.concat(parts.map((part) => Buffer.from(part))));
}

// The first byte: whether the login is past, and pieces of 128 bytes.
const [fresh, past] = [[0xfe], [0xff]];
for (const [name, target] of [['teltonika', 'teltonika_session'], ['gt06', 'gt06_session'], ['h02', 'h02_session']]) {
	const frames = read(name).map(bytes).filter((frame) => frame.length > 0);
	for (const frame of frames) {
		seed(target, past, frame);
		seed(target, fresh, frame);
	}
	seed(target, fresh, ...frames);
}
for (const name of ['teltonika', 'teltonika-messages'])
	for (const frame of read(name)) seed('teltonika_capture', bytes(frame));
for (const line of [
	'{"imei":"490154203237518"}\n',
	'{"imei":"490154203237518","time":"2026-05-01T09:30:00Z","lat":46.2,"lon":12.8,"speed_kmh":31}\n',
])
	seed('json_lines_session', fresh, line);
for (const { query, body } of read('osmand'))
	seed('osmand_report', `${query ?? ''}\n${typeof body === 'string' ? body : JSON.stringify(body ?? '')}`);
// The rule, what happens and who asks; then what it is asked with, and the answers to what it asks.
for (const name of ['answers', 'commands', 'courses', 'devices', 'entries', 'events', 'geofences', 'positions', 'profiles', 'reviews', 'tenancy'])
	for (const { rule, event, user, admin, payload, keys = [], results = {} } of read(name).cases) {
		const how = (user ? 1 : 0) | (admin ? 2 : 0) | (event === 'items.update' ? 4 : 0);
		const lines = [payload ?? {}, keys, ...Object.values(results)].map((value) => JSON.stringify(value));
		seed('rules_call', `${rule}\n`, [how], lines.join('\n'));
	}
// What a client says as the README of @biplane/live has it, and what Directus answers.
const event = '00000000-0000-0000-0000-000000000014';
const hello = ['{"type":"auth","access_token":"a-static-token","protocol":1}', '!9'];
for (const story of [
	['{"type":"subscribe","uid":"race","topic":{"event":"EVENT"}}', '!7', '+2', '{"type":"unsubscribe","uid":"race"}'],
	['{"type":"subscribe","uid":"a","topic":{"organization":"EVENT"},"options":{"fields":["lat","lon"],"min_interval_ms":1000,"replay_s":60}}', '!1', '+<', '!6', '~', '!4'],
	['{"type":"subscribe","uid":"b","topic":{"devices":["EVENT"]},"resume":"7-1777636800000"}', '!5', '{"type":"ping"}', '{"type":"pong"}', '+2', '!0'],
	['#', '{"type":"auth","access_token":"other"}', '!0'],
])
	seed('live_session', [...hello, ...story].join('\n').replaceAll('EVENT', event));
