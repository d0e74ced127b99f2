import type { RaceEvent } from '../directus/schema.ts';

export interface EventGroup {
	name: 'Running' | 'Coming' | 'Finished';
	events: RaceEvent[];
}

/** As people look for them: what runs, then what comes next, then what was last. Drafts and archived ones are not shown. */
export function eventGroups(events: RaceEvent[]): EventGroup[] {
	const start = ({ starts_at }: RaceEvent): number => (starts_at ? Date.parse(starts_at) : Infinity);
	const of = (status: RaceEvent['status'], order: 1 | -1): RaceEvent[] =>
		events.filter((event) => event.status === status).sort((a, b) => (start(a) === start(b) ? a.name.localeCompare(b.name) : order * (start(a) < start(b) ? -1 : 1)));
	const groups: EventGroup[] = [
		{ name: 'Running', events: of('running', -1) },
		{ name: 'Coming', events: of('scheduled', 1) },
		{ name: 'Finished', events: of('finished', -1) },
	];
	return groups.filter((group) => group.events.length > 0);
}
