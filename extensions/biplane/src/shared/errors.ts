import { createError, ForbiddenError } from '@directus/errors';

import { MAX_PAYLOAD_BYTES, MAX_PAYLOAD_DEPTH } from './payload-size.ts';
import type { Rejection } from './protocol.ts';

export interface RuleErrorExtensions {
	field: string | null;
	path: string[];
	type: string;
	collection: string;
	rule: string;
	/** Longitude and latitude. */
	at?: [number, number];
}

/** The codes that the host itself uses, with their status: a test holds them against the module's table. */
export const HOST_CODES = {
	PAYLOAD_TOO_LARGE: 413,
	RULE_CONTRACT: 500,
	RULE_CRASHED: 500,
	LIVE_UNAUTHORIZED: 401,
	LIVE_FORBIDDEN: 403,
} as const;

/** A rejection as Directus answers it: the rule's own code, status and sentence. */
export function rejected(rejection: Rejection, collection: string, rule: string): Error {
	if (rejection.code === 'FORBIDDEN') return new ForbiddenError();
	const RuleError = createError<RuleErrorExtensions>(rejection.code, rejection.message, rejection.status);
	return new RuleError({
		field: rejection.field ?? null,
		path: [],
		type: 'rule',
		collection,
		rule,
		...(rejection.at && { at: rejection.at }),
	});
}

export function hostError(code: keyof typeof HOST_CODES, message: string): Error {
	const HostError = createError(code, message, HOST_CODES[code]);
	return new HostError();
}

export const payloadTooLarge = () =>
	hostError(
		'PAYLOAD_TOO_LARGE',
		`The payload is larger than ${MAX_PAYLOAD_BYTES / 1024} KiB or nested deeper than ${MAX_PAYLOAD_DEPTH} levels.`,
	);
export const ruleCrashed = () => hostError('RULE_CRASHED', 'A rule crashed; the change was not made.');
