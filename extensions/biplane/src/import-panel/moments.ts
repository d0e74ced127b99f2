import { clockMs, day } from '../shared/app/format.ts';

/** A form's `2026-05-01T09:30:00.250` as the instant that it is in UTC; null where it is none. */
export function instantOf(typed: string | null): number | null {
	if (!typed || !/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(typed)) return null;
	const ms = Date.parse(`${typed}Z`);
	return Number.isNaN(ms) ? null : ms;
}

/** What a form shows of an instant. */
export const typedOf = (ms: number): string => new Date(ms).toISOString().slice(0, 23);

/** `12 Sep 2020 13:05:22.417` in UTC. */
export const inUtc = (ms: number): string => `${day(ms)} ${clockMs(ms)}`;

/** The same in a time zone; null when the browser does not know it. */
export function inZone(ms: number, timeZone: string): string | null {
	try {
		const parts = { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;
		const text = new Intl.DateTimeFormat('en-GB', { ...parts, fractionalSecondDigits: 3, timeZone }).format(ms);
		return text.replace(',', '');
	} catch {
		return null;
	}
}

/** `1 h 30 min 5.250 s`: how long a span is, to the millisecond where it matters. */
export function lengthOf(ms: number): string {
	const parts: [number, string][] = [
		[Math.floor(ms / 86_400_000), 'd'],
		[Math.floor(ms / 3_600_000) % 24, 'h'],
		[Math.floor(ms / 60_000) % 60, 'min'],
		[(ms % 60_000) / 1000, 's'],
	];
	return parts.flatMap(([count, unit]) => (count > 0 ? [`${count} ${unit}`] : [])).join(' ') || '0 s';
}
