import type { Person } from './commands.ts';
import type { Texts } from './texts.ts';

/** `1 h`, `7 d`. */
export function waitIn({ minutes, hours, days }: Texts, seconds: number): string {
	if (seconds < 3_600) return `${Math.round(seconds / 60)} ${minutes}`;
	if (seconds < 86_400) return `${Math.round(seconds / 3_600)} ${hours}`;
	return `${Math.round(seconds / 86_400)} ${days}`;
}

/** The name that people know somebody by; nobody is known who may not be seen. */
export const nameOf = (person: Person | null): string | null =>
	person && ([person.first_name, person.last_name].filter(Boolean).join(' ') || person.email);
