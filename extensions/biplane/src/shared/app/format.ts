const EN_DASH = '–';

const pad = (value: number, width = 2): string => String(value).padStart(width, '0');

/** `13:05:22` in UTC. */
export function clock(ms: number): string {
	const date = new Date(ms);
	return `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}:${pad(date.getUTCSeconds())}`;
}

/** `13:05:22.417` in UTC. */
export const clockMs = (ms: number): string => `${clock(ms)}.${pad(new Date(ms).getUTCMilliseconds(), 3)}`;

/** `12 Sep 2020` in UTC. */
export const day = (ms: number): string =>
	new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' }).format(ms);

/** `15:05` in a time zone; nothing when the browser does not know the zone. */
export function localClock(ms: number, timeZone: string | null): string | null {
	if (!timeZone || timeZone === 'UTC') return null;
	try {
		return new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone }).format(ms);
	} catch {
		return null;
	}
}

export const speed = (kmh: number | null): string => (kmh === null ? EN_DASH : String(Math.round(kmh)));

export const altitude = (metres: number | null): string => (metres === null ? EN_DASH : String(Math.round(metres)));

/** `4 s`, `3 min`, `2 h`: how long something has been so. */
export function lapse(ms: number): string {
	const seconds = Math.max(0, Math.round(ms / 1000));
	if (seconds < 90) return `${seconds} s`;
	if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
	return `${Math.round(seconds / 3600)} h`;
}

/** Numbers as people sort them: 9 before 10, `p9` before `p10`. */
export const byNumber = (a: { number: string }, b: { number: string }): number =>
	a.number.localeCompare(b.number, undefined, { numeric: true });
