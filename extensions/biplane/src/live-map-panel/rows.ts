import { clock, clockMs, lapse } from '../shared/app/format.ts';
import type { Checkpoint, Crossing, Direction, Role } from '../shared/app/race-types.ts';
import { saysRole } from '../shared/map/course.ts';
import type { Competitor } from './competitor.ts';
import type { Field } from './field.ts';
import type { Texts } from './texts.ts';
import type { Watched } from './watched.ts';

/** A fix older than the newest of the event by this much (ms of event time) is marked as old. */
const OLD_MS = 60_000;
const TICKER_ROWS = 40;
/** More rows than this slow the page down and are read by nobody. */
const MOST_ROWS = 200;

export interface RosterRow {
	entry: string;
	device: string | null;
	number: string;
	name: string;
	color: string;
	/** How far the competitor has come, or why there is nothing to say. */
	progress: string;
	speedKmh: number | null;
	altitudeM: number | null;
	/** `13:05:22` UTC, empty before the first fix. */
	time: string;
	/** How far behind the newest fix, when that is much. */
	old: string | null;
	lat: number | null;
	lon: number | null;
	/** The processor holds the newest fix for implausible. */
	doubtful: boolean;
}

export interface TickerRow {
	id: string;
	time: string;
	number: string;
	name: string;
	color: string;
	checkpoint: string;
	/** Unless the checkpoint's name says it. */
	role: Role | null;
	direction: Direction;
}

export interface Roster {
	/** Of those found, as many as are shown. */
	rows: RosterRow[];
	found: number;
	total: number;
}

type Course = Pick<Watched, 'checkpoints'>;

/** A checkpoint's name, or its fence's. */
function placeName({ checkpoints }: Course, { checkpoint, geofence }: Crossing, texts: Texts, fences: Map<string, string>): string {
	const found = checkpoint ? checkpoints.find(({ id }) => id === checkpoint) : undefined;
	if (found) return found.name || found.geofence?.name || texts.checkpoint;
	return fences.get(geofence) ?? texts.geofence;
}

/** Names of the course's fences and of others, by their ids. */
export const fenceNames = (checkpoints: Checkpoint[], others: { id: string; name: string }[]): Map<string, string> =>
	new Map([...checkpoints.flatMap(({ geofence }) => geofence ?? []), ...others].map(({ id, name }) => [id, name]));

/** `into B23 12:00:03`, or why there is nothing to say. */
export function progressOf(one: Competitor, course: Course, texts: Texts, fences: Map<string, string>): string {
	const { entry, fix, lastCrossing } = one;
	const status = texts.status[entry.status];
	if (status) return status;
	if (lastCrossing) {
		const direction = lastCrossing.direction === 'enter' ? texts.into : texts.outOf;
		return `${direction} ${placeName(course, lastCrossing, texts, fences)} ${clock(Date.parse(lastCrossing.crossed_at))}`;
	}
	if (fix) return texts.progress.noCrossing;
	return entry.device ? texts.progress.noFix : texts.progress.noTracker;
}

/** Those whose number begins so, or whose name has it, in the order of numbers. */
export function roster(course: Course, field: Field, texts: Texts, fences: Map<string, string>, wanted = ''): Roster {
	const text = wanted.trim().toLowerCase();
	const isFound = ({ entry }: Competitor): boolean =>
		entry.number.toLowerCase().startsWith(text) || (entry.name ?? '').toLowerCase().includes(text);
	const found = text ? field.all.filter(isFound) : field.all;
	const rows = found.slice(0, MOST_ROWS).map((one): RosterRow => {
		const { entry, fix } = one;
		const behind = fix ? field.newestMs - one.timeMs : 0;
		return {
			entry: entry.id,
			device: entry.device,
			number: entry.number,
			name: entry.name ?? '',
			color: one.color,
			progress: progressOf(one, course, texts, fences),
			speedKmh: one.speedKmh,
			altitudeM: fix?.altitude_m ?? null,
			time: fix ? clock(one.timeMs) : '',
			old: behind > OLD_MS ? lapse(behind) : null,
			lat: fix?.lat ?? null,
			lon: fix?.lon ?? null,
			doubtful: one.isDoubtful,
		};
	});
	return { rows, found: found.length, total: field.all.length };
}

export function tickerRows(course: Course, field: Field, texts: Texts, fences: Map<string, string>): TickerRow[] {
	const checkpoints = new Map(course.checkpoints.map((one) => [one.id, one]));
	return field.crossings.slice(0, TICKER_ROWS).map((crossing) => {
		const competitor = field.competitorOf(crossing);
		const checkpoint = placeName(course, crossing, texts, fences);
		const role = (crossing.checkpoint && checkpoints.get(crossing.checkpoint)?.role) || null;
		return {
			id: crossing.id,
			time: clockMs(Date.parse(crossing.crossed_at)),
			number: competitor?.entry.number ?? '?',
			name: competitor?.entry.name ?? '',
			color: competitor?.color ?? '#666',
			checkpoint,
			role: role && saysRole(checkpoint, texts.roles[role]) ? null : role,
			direction: crossing.direction,
		};
	});
}
