const DASH = '–';

/** Formats moments in an event's time zone; in UTC when there is none or the browser does not know it. */
export interface EventClock {
	/** `14:05:22` */
	time(ms: number): string;
	/** `14:05:22.417` */
	precise(ms: number): string;
	/** `Sat 12 Sep 2020` */
	day(ms: number): string;
	/** `14:05` */
	short(ms: number): string;
	/** `CEST`, `GMT+2` or `UTC` */
	zone(ms: number): string;
}

export function eventClock(timeZone: string | null): EventClock {
	const zone = known(timeZone) ? timeZone! : 'UTC';
	const format = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat => new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone });
	const time = format({ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
	const short = format({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
	const day = format({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
	const name = format({ timeZoneName: 'short' });
	return {
		time: (ms) => time.format(ms),
		precise: (ms) => `${time.format(ms)}.${String(((ms % 1000) + 1000) % 1000).padStart(3, '0')}`,
		day: (ms) => day.format(ms).replace(',', ''),
		short: (ms) => short.format(ms),
		zone: (ms) => name.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? 'UTC',
	};
}

function known(timeZone: string | null): boolean {
	if (!timeZone) return false;
	try {
		new Intl.DateTimeFormat('en-GB', { timeZone });
		return true;
	} catch {
		return false;
	}
}

/** `14:00–18:00`; over more than one day, with the day of the end: `14:00 – Sun 13 Sept 2020 11:00`. */
export function span(clock: EventClock, startMs: number, endMs: number | null): string {
	if (endMs === null) return clock.short(startMs);
	if (clock.day(startMs) === clock.day(endMs)) return `${clock.short(startMs)}–${clock.short(endMs)}`;
	return `${clock.short(startMs)} – ${clock.day(endMs)} ${clock.short(endMs)}`;
}

/** `1:02:33` or `4:07`; with `precise`, to the millisecond: `1:02:33.417`. */
export function duration(ms: number | null, precise = false): string {
	if (ms === null) return DASH;
	const whole = precise ? Math.abs(Math.trunc(ms)) : Math.abs(Math.round(ms / 1000)) * 1000;
	const hours = Math.floor(whole / 3_600_000);
	const minutes = Math.floor(whole / 60_000) % 60;
	const seconds = String(Math.floor(whole / 1000) % 60).padStart(2, '0');
	const rest = precise ? `.${String(whole % 1000).padStart(3, '0')}` : '';
	const sign = ms < 0 && whole > 0 ? '−' : '';
	return hours > 0 ? `${sign}${hours}:${String(minutes).padStart(2, '0')}:${seconds}${rest}` : `${sign}${minutes}:${seconds}${rest}`;
}

/** `+3:12`; nothing for the best and for those without a time. */
export const gap = (ms: number | null): string => (ms === null || ms <= 0 ? '' : `+${duration(ms)}`);

/** `4 s`, `3 min`, `2 h`, `5 d`: how long ago, or how long still. */
export function lapse(ms: number): string {
	const seconds = Math.max(0, Math.round(ms / 1000));
	if (seconds < 90) return `${seconds} s`;
	if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
	if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
	return `${Math.round(seconds / 86_400)} d`;
}

/** A whole number with a thin space between thousands, or a dash. */
export const whole = (value: number | null | undefined): string =>
	value === null || value === undefined ? DASH : String(Math.round(value)).replace(/\B(?=(\d{3})+(?!\d))/g, '\u2009');

/** `device_offline` as people write it: `Device offline`. */
export function words(name: string): string {
	const text = name.replaceAll('_', ' ');
	return text.charAt(0).toUpperCase() + text.slice(1);
}
