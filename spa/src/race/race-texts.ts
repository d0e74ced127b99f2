import type { EventClock } from '../format.ts';
import type { Moving } from '../parts/leaderboard.tsx';
import type { LiveRace, ShownCrossing } from './live-race.ts';
import type { Race } from './read-race.ts';

/** A fix older than the newest of the event by this much (ms of event time) is marked as old. */
const OLD_MS = 60_000;

export interface RaceTexts {
	moving(entry: string): Moving;
	/** What was crossed. */
	place(crossing: ShownCrossing): string;
	/** Who crossed. */
	who(crossing: ShownCrossing): Who | null;
	/** Whose device it is. */
	ofDevice(device: string | null): Who | null;
}

export interface Who {
	entry: string;
	number: string;
	name: string;
	color: string;
}

/** Names for what the live channel tells by ids. */
export function raceTexts(race: Race, live: LiveRace, clock: EventClock, lapse: (ms: number) => string): RaceTexts {
	const checkpoints = new Map(race.checkpoints.map((one) => [one.id, one.name || one.geofence?.name || 'Checkpoint']));
	const fences = new Map(race.checkpoints.flatMap(({ geofence }) => (geofence ? [[geofence.id, geofence.name]] : [])));
	const all = live.field.all.map((one): [string | null, Who] => [
		one.entry.device,
		{ entry: one.entry.id, number: one.entry.number, name: one.entry.name ?? '', color: one.color },
	]);
	const byDevice = new Map(all);
	const byEntry = new Map(all.map(([, who]) => [who.entry, who]));
	const ofDevice = (device: string | null): Who | null => (device && byDevice.get(device)) || null;

	return {
		ofDevice,
		who: ({ entry, device }) => (entry && byEntry.get(entry)) || ofDevice(device),
		place: ({ checkpoint, geofence }) => (checkpoint && checkpoints.get(checkpoint)) || fences.get(geofence) || 'Geofence',
		moving(entry) {
			const one = live.field.byEntry.get(entry);
			const behind = one?.fix ? live.field.newestMs - one.timeMs : 0;
			const device = one?.entry.device;
			return {
				color: one?.color ?? '#68717a',
				speedKmh: one?.speedKmh ?? null,
				altitudeM: one?.fix?.altitude_m ?? null,
				lat: one?.fix?.lat ?? null,
				lon: one?.fix?.lon ?? null,
				fixTime: one?.fix ? clock.time(one.timeMs) : '',
				old: behind > OLD_MS ? lapse(behind) : null,
				connected: device ? (live.status.get(device)?.connected ?? null) : false,
			};
		},
	};
}
