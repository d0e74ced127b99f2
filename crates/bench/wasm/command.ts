/** A payload of 1 KB and what is valid of it, by zod and by ajv: as one writes it who knows them. */

import { Ajv } from 'ajv';
import { z } from 'zod';

import { random } from './shapes.ts';

/** Of the rules that the module has this one judges a payload by its fields alone. */
export const RULE = { name: 'device.validate', collection: 'devices' } as const;

export interface Payload {
	imei: unknown;
	[field: string]: unknown;
}

export interface Command {
	payload: Payload;
	valid: boolean;
}

/** Luhn's sum over all digits. */
function luhn(digits: string): boolean {
	let sum = 0;
	for (let place = 0; place < digits.length; place += 1) {
		const digit = digits.charCodeAt(digits.length - 1 - place) - 48;
		const doubled = place % 2 === 1 ? 2 * digit : digit;
		sum += doubled > 9 ? doubled - 9 : doubled;
	}
	return sum % 10 === 0;
}

const schema = z.looseObject({ imei: z.string().regex(/^\d{15}$/).refine(luhn, { abort: true }) });

export const byZod = (payload: unknown): boolean => schema.safeParse(payload).success;

const ajv = new Ajv();
ajv.addKeyword({ keyword: 'luhn', type: 'string', validate: (_: boolean, digits: string) => luhn(digits) });
const compiled = ajv.compile({
	type: 'object',
	required: ['imei'],
	properties: { imei: { type: 'string', pattern: '^\\d{15}$', luhn: true } },
});

export const byAjv = (payload: unknown): boolean => compiled(payload) as boolean;

/** Payloads of 1 KB as JSON, every other one wrong in some way. */
export function commands(seed: number): Command[] {
	const next = random(seed);
	const digit = () => String(Math.floor(10 * next()));
	return Array.from({ length: 16 }, (_, index) => {
		const start = Array.from({ length: 14 }, digit).join('');
		const check = [...'0123456789'].find((last) => luhn(start + last))!;
		const other = String((Number(check) + 1 + (index % 9)) % 10);
		const wrong = [start + other, start, `${start}x`, null][(index >> 1) % 4];
		const valid = index % 2 === 0;
		const payload: Payload = { imei: valid ? start + check : wrong, ...rest(next) };
		return { payload, valid };
	});
}

/** What else a form sends, up to 1 KB. */
function rest(next: () => number): Record<string, unknown> {
	const fields: Record<string, unknown> = {};
	for (let field = 0; JSON.stringify(fields).length < 960; field += 1) {
		const text = Array.from({ length: 24 }, () => String.fromCharCode(97 + Math.floor(26 * next()))).join('');
		fields[`parameter_${field}`] = field % 3 === 0 ? Math.round(1e6 * next()) / 100 : text;
	}
	return fields;
}
