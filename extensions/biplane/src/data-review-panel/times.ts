import type { Range } from './fixes.ts';

const FORM = /^(\d{4})-(\d\d)-(\d\d)[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?Z?$/;

/** `2026-06-02 12:00:10.250`, UTC: as it can be typed, copied and compared. */
export const written = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').replace('Z', '');

/** What somebody typed; nothing when it is no time. */
export function typed(text: string): number | null {
	const found = FORM.exec(text.trim());
	if (!found) return null;
	const [, year, month, day, hour, minute, second = '00', part = '0'] = found;
	const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}.${part.padEnd(3, '0')}Z`);
	// The 31st of February would be another day.
	return Number.isNaN(ms) || !written(ms).startsWith(`${year}-${month}-${day}`) ? null : ms;
}

/** The time of day; with the day where a span has several. */
export const timeIn = ({ from, to }: Range, ms: number): string => {
	const days = [from, to, ms].map((it) => Math.floor(it / 86_400_000));
	return new Set(days).size > 1 ? written(ms) : written(ms).slice(11);
};

/** `1 h 02 min 03.5 s`: how long a range is. */
export function long(ms: number): string {
	const seconds = ms / 1000;
	const [h, m] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
	const s = `${Number((seconds % 60).toFixed(3))} s`;
	return [h ? `${h} h` : '', h || m ? `${m} min` : '', s].filter(Boolean).join(' ');
}

/** `+0.250 s`: how far a crossing moves. */
export const moved = (ms: number): string => `${ms < 0 ? '−' : '+'}${(Math.abs(ms) / 1000).toFixed(3)} s`;
