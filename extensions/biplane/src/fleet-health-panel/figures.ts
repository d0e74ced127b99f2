/** `850 ms`, `1.2 s`, `12 min`, `5 h`, `3 d`: whole units that are over; a dash where nothing is known. */
export function span(ms: number | null, day = 'd'): string {
	if (ms === null) return '–';
	if (ms < 1000) return `${Math.round(ms)} ms`;
	if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
	if (ms < 60_000) return `${Math.floor(ms / 1000)} s`;
	if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
	if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`;
	return `${Math.floor(ms / 86_400_000)} ${day}`;
}

/** A share as people read it: small ones are not rounded away. */
export function percent(share: number | null): string {
	if (share === null) return '–';
	const value = share * 100;
	return `${value === 0 || value >= 10 ? Math.round(value) : value.toPrecision(2)} %`;
}

/** `2026-05-01 09:30:12` in UTC. */
export const utc = (time: string): string => new Date(time).toISOString().slice(0, 19).replace('T', ' ');
