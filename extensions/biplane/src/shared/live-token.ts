import { createHmac, timingSafeEqual } from 'node:crypto';

import { hostError } from './errors.ts';

/** How long a live token is good for. */
const LIFETIME_S = 300;

export interface LiveToken {
	access_token: string;
	expires_at: string;
}

/**
 * A short copy of the caller's own Directus token, for the live channel: the same user, role and session, and no
 * longer than the original. So the browser's session cookie, which scripts can't read, never has to leave Directus.
 */
export function liveToken(token: string | null, secret: string, now_ms: number): LiveToken {
	const [header, body, signature, more] = token?.split('.') ?? [];
	if (!header || !body || !signature || more !== undefined) {
		throw hostError('LIVE_UNAUTHORIZED', 'A static token has no session to copy; the live channel takes it as it is.');
	}
	// Directus has verified it; whether SECRET is the one that it signs with shows here.
	if (!secret || !same(signature, sign(`${header}.${body}`, secret))) {
		throw hostError('LIVE_UNAUTHORIZED', 'The token was not signed with the SECRET in the environment of Directus.');
	}
	const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
	const now = Math.floor(now_ms / 1000);
	const exp = Math.min(now + LIFETIME_S, typeof claims.exp === 'number' ? claims.exp : Infinity);
	const copy = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ ...claims, iat: now, exp })}`;
	return { access_token: `${copy}.${sign(copy, secret)}`, expires_at: new Date(exp * 1000).toISOString() };
}

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (text: string, secret: string) => createHmac('sha256', secret).update(text).digest('base64url');

function same(a: string, b: string): boolean {
	const [left, right] = [Buffer.from(a), Buffer.from(b)];
	return left.length === right.length && timingSafeEqual(left, right);
}
