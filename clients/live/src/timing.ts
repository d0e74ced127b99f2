// When to do what, as plain functions of what is known.

/** Longest pause between two attempts to connect, in milliseconds. */
export const LONGEST_PAUSE = 30_000;

/**
 * The pause before attempt 1, 2, 3 …: half a second, doubled each time, and
 * spread, so that the clients of a hub that restarts don't come back at once.
 *
 * @param random from 0 to 1
 */
export function pauseBefore(attempt: number, random: number): number {
  const full = Math.min(LONGEST_PAUSE, 500 * 2 ** Math.min(attempt - 1, 16));
  return Math.round(full * (0.5 + random / 2));
}

/** With less of a token's time left, its end is waited for, in milliseconds. */
const TOO_LATE = 2_000;

/**
 * How long to wait until a token that the hub has just accepted is renewed, in
 * milliseconds: a fifth of its time before its end, at most half a minute.
 *
 * `null` means: wait for the hub's notice, which leaves ten seconds and loses
 * nothing. A provider that still gives the token in use would be asked ever more
 * often towards its end.
 *
 * @param now what the hub's clock shows
 */
export function renewalIn(expiresAt: string | undefined, now: number): number | null {
  if (expiresAt === undefined) return null;
  const left = Date.parse(expiresAt) - now;
  if (!(left > TOO_LATE)) return null;
  // Beyond 2^31 - 1 ms, timers fire at once.
  return Math.min(left - Math.min(30_000, left / 5), 2 ** 31 - 1);
}
