import { clock, clockMs, byNumber, lapse } from '../shared/app/format.ts';
import type { Field } from './field.ts';
import type { Race } from '../shared/app/race.ts';
import type { Checkpoint, Direction, Role, Status } from '../shared/app/race-types.ts';

/** A fix older than the newest of the event by this much (ms of event time) is marked as old. */
const OLD_MS = 60_000;
const TICKER_ROWS = 40;

const STATUS_TEXT: Partial<Record<Status, string>> = {
	finished: 'Finished',
	dnf: 'Did not finish',
	dns: 'Did not start',
	dsq: 'Disqualified',
};

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
	role: Role | null;
	direction: Direction;
}

const placeName = (checkpoint: Checkpoint): string => checkpoint.name || checkpoint.geofence?.name || 'Checkpoint';

export function rosterRows(race: Race, field: Field): RosterRow[] {
	const checkpoints = new Map(race.checkpoints.map((one) => [one.id, one]));
	return field.all
		.map((one) => {
			const { entry, fix, lastCrossing } = one;
			const checkpoint = lastCrossing?.checkpoint ? checkpoints.get(lastCrossing.checkpoint) : undefined;
			const behind = fix ? field.newestMs - one.timeMs : 0;
			return {
				entry: entry.id,
				device: entry.device,
				number: entry.number,
				name: entry.name ?? '',
				color: one.color,
				progress:
					STATUS_TEXT[entry.status] ??
					(checkpoint && lastCrossing
						? `${lastCrossing.direction === 'enter' ? 'into' : 'out of'} ${placeName(checkpoint)} ${clock(Date.parse(lastCrossing.crossed_at))}`
						: fix
							? 'no crossing yet'
							: entry.device
								? 'no fix yet'
								: 'no tracker'),
				speedKmh: one.speedKmh,
				altitudeM: fix?.altitude_m ?? null,
				time: fix ? clock(one.timeMs) : '',
				old: behind > OLD_MS ? lapse(behind) : null,
				lat: fix?.lat ?? null,
				lon: fix?.lon ?? null,
				doubtful: one.doubtful !== null,
			};
		})
		.sort(byNumber);
}

export function tickerRows(race: Race, field: Field): TickerRow[] {
	const checkpoints = new Map(race.checkpoints.map((one) => [one.id, one]));
	const fences = new Map(race.checkpoints.flatMap(({ geofence }) => (geofence ? [[geofence.id, geofence.name]] : [])));
	return field.crossings.slice(0, TICKER_ROWS).map((crossing) => {
		const competitor = field.competitorOf(crossing);
		const checkpoint = crossing.checkpoint ? checkpoints.get(crossing.checkpoint) : undefined;
		return {
			id: crossing.id,
			time: clockMs(Date.parse(crossing.crossed_at)),
			number: competitor?.entry.number ?? '?',
			name: competitor?.entry.name ?? '',
			color: competitor?.color ?? 'var(--theme--foreground-subdued)',
			checkpoint: checkpoint ? placeName(checkpoint) : (fences.get(crossing.geofence) ?? 'Geofence'),
			role: checkpoint?.role ?? null,
			direction: crossing.direction,
		};
	});
}
