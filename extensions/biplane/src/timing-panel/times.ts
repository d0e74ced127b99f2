import { clockMs } from '../shared/app/format.ts';

/** Where there is no time. */
export const NO_TIME = '–';

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

/** `01:20:03.417`. */
export function span(ms: number | null): string {
	if (ms === null) return NO_TIME;
	const whole = Math.abs(ms);
	const seconds = Math.floor(whole / 1000);
	const text = `${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}.${pad(whole % 1000, 3)}`;
	return ms < 0 ? `-${text}` : text;
}

/** `+00:01:03.417`; nothing for who is first. */
export const gap = (ms: number | null): string => (ms ? `+${span(ms)}` : NO_TIME);

/** `13:05:22.417`, UTC. */
export const timeOfDay = (at: string | null): string => (at ? clockMs(Date.parse(at)) : NO_TIME);

/** `2026-05-01`, UTC. */
export const dateOf = (at: string | number): string => new Date(at).toISOString().slice(0, 10);

/** `2026-05-01 13:05:22`, UTC. */
export const moment = (at: string | number): string => new Date(at).toISOString().slice(0, 19).replace('T', ' ');
