import { createError, ForbiddenError } from '@directus/errors';

import type { Limits } from './payload-size.ts';
import type { Rejection } from './protocol.ts';

/** What an error tells besides its sentence. */
export interface RuleErrorExtensions {
	/** Stable, whatever the code. */
	reason: string;
	field: string | null;
	path: string[];
	type: string;
	collection: string;
	rule: string;
	/** The sentence, as Directus's forms look for it: they name the field themselves. */
	validation_message?: string;
	substring?: string;
	invalid?: string;
	/** Longitude and latitude. */
	at?: [number, number];
}

/** The codes that the host itself uses, with their status: a test holds them against the module's table. */
export const HOST_CODES = {
	PAYLOAD_TOO_LARGE: 413,
	RULE_CONTRACT: 500,
	RULE_CRASHED: 500,
	REDIS_AWAY: 503,
	LIVE_UNAUTHORIZED: 401,
	LIVE_FORBIDDEN: 403,
} as const;

/**
 * Rejections as Directus answers them. One is thrown as it is, several as Directus throws its own: as
 * an array. Of several statuses the first's are told, or Directus would answer 500.
 */
export function rejected(rejections: Rejection[], collection: string, rule: string): unknown {
	const status = rejections[0]?.status;
	const errors = rejections.filter((it) => it.status === status).map((it) => toError(it, collection, rule));
	return errors.length === 1 ? errors[0] : errors;
}

function toError(rejection: Rejection, collection: string, rule: string): Error {
	if (rejection.code === 'FORBIDDEN') return new ForbiddenError();
	const { code, status, message, field, at } = rejection;
	const told = { reason: code, field: field ?? null, path: [], collection, rule, ...(at && { at }) };
	// Forms show a field's error only under this code; `regex` is "Value doesn't have the correct format".
	// Directus's importer makes one error of rows that agree in field, type, `substring` and `invalid`.
	const inForm = status === 400 && field !== undefined && collection !== '';
	const extensions: RuleErrorExtensions = inForm
		? { ...told, type: 'regex', validation_message: withoutField(message, field), substring: code, invalid: message.replaceAll(/[|:]/g, ' ') }
		: { ...told, type: 'rule' };
	const RuleError = createError<RuleErrorExtensions>(inForm ? 'FAILED_VALIDATION' : code, message, status);
	const error = new RuleError(extensions);
	// A Flow hands on only what can be enumerated, and its failure path needs the sentence.
	return Object.defineProperty(error, 'message', { value: message, enumerable: true });
}

const withoutField = (message: string, field: string) =>
	message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message;

export function hostError(code: keyof typeof HOST_CODES, message: string): Error {
	const HostError = createError(code, message, HOST_CODES[code]);
	return new HostError();
}

export const payloadTooLarge = ({ max_payload_bytes, max_payload_depth }: Limits) =>
	hostError(
		'PAYLOAD_TOO_LARGE',
		`The payload is larger than ${max_payload_bytes / 1024} KiB or nested deeper than ${max_payload_depth} levels.`,
	);
export const ruleCrashed = () => hostError('RULE_CRASHED', 'A rule crashed; the change was not made.');
