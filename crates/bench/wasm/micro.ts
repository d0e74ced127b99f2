/** A rule call against plain JavaScript. Prints a figure a line. */

import { booleanValid } from '@turf/boolean-valid';
import { kinks } from '@turf/kinks';

import { type Item, pick } from '../../../extensions/biplane/src/shared/fields.ts';
import { byAjv, byZod, commands, RULE } from './command.ts';
import { figure, race, say, type Side } from './measure.ts';
import { allows, createCall, newEngine } from './module.ts';
import { shapes, type Winding } from './shapes.ts';
import { valid } from './sweep.ts';

const SEED = 4;
const engine = newEngine();

/** Every side has to say of every input what is known of it; a fast wrong answer is none. */
function agree(input: string, expected: boolean, found: Record<string, boolean>): void {
	for (const [side, verdict] of Object.entries(found)) {
		if (verdict !== expected) throw new Error(`${side} says ${verdict} to ${input}, which is ${expected}`);
	}
}

function command(): void {
	const inputs = commands(SEED);
	const rule = engine.manifest.rules.find(({ name, kind }) => name === RULE.name && kind === 'filter');
	if (rule?.kind !== 'filter') throw new Error(`there is no rule ${RULE.name}`);
	// As in Directus: what a rule does not look at does not cross, and zod and ajv don't look at it either.
	const ours = (payload: Item) => allows(engine.call(createCall(RULE.name, RULE.collection, pick(payload, rule.fields))));
	const whole = (payload: Item) => allows(engine.call(createCall(RULE.name, RULE.collection, payload)));
	for (const { payload, valid } of inputs) {
		agree(JSON.stringify(payload.imei), valid, { ours: ours(payload), zod: byZod(payload), ajv: byAjv(payload) });
	}
	const side = (name: string, judge: (payload: Item) => boolean): Side => ({
		name,
		pass: () => inputs.forEach(({ payload }) => judge(payload)),
	});
	const timings = race([side('ours', ours), side('zod', byZod), side('ajv', byAjv)], inputs.length, 41);
	say(figure('command_1kb', timings, `${RULE.name} on a payload of 1 KB`));
	const all = race([side('ours', whole), side('zod', byZod), side('ajv', byAjv)], inputs.length, 41);
	say(figure('command_1kb_whole', all, 'the same, but all of the payload crosses'));
}

/** What a geofence may have, the closing position among them; the spiral's vertices come in pairs. */
const MOST = 10_000 - 2;

/** `slow` is how often turf, which takes seconds at the end, gets its turn. */
function polygon(vertices: number, rounds: number, slow: number, winding: Winding = 'right'): void {
	const inputs = shapes(Math.min(vertices, MOST), SEED, winding).map(({ ring, ...rest }) => ({
		...rest,
		geometry: { type: 'Polygon' as const, coordinates: [ring] },
	}));
	type Geometry = (typeof inputs)[number]['geometry'];
	const ours = (geometry: Geometry) => allows(engine.call(createCall('geofence.validate', 'geofences', { kind: 'polygon', geometry })));
	const turf = (geometry: Geometry) => kinks(geometry).features.length === 0 && booleanValid(geometry);
	for (const { name, geometry, valid: expected } of inputs) {
		agree(`${name} of ${vertices}`, expected, { ours: ours(geometry), turf: turf(geometry), js_sweep: valid(geometry) });
	}
	const side = (name: string, judge: (geometry: Geometry) => boolean, rounds?: number): Side => ({
		name,
		pass: () => inputs.forEach(({ geometry }) => judge(geometry)),
		...(rounds !== undefined && { rounds }),
	});
	const timings = race(
		[side('ours', ours), side('turf', turf, slow < rounds ? slow : undefined), side('js_sweep', valid)], inputs.length, rounds,
	);
	const turns = slow < rounds ? [`turf had ${slow} turns, the others ${rounds}`] : [];
	const rewound = winding === 'wrong' ? ['exteriors are clockwise: ours hands back those that are valid, wound as RFC 7946 asks'] : [];
	const note = [...turns, ...rewound].join('; ');
	say(figure(`polygon_${vertices}${winding === 'wrong' ? '_rewound' : ''}`, timings, note || undefined));
}

command();
polygon(10, 41, 41);
polygon(100, 41, 41);
polygon(100, 41, 41, 'wrong');
polygon(1_000, 31, 7);
polygon(10_000, 15, 1);
