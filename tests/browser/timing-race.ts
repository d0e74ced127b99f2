import type { Api, Organization } from './api.ts';

/** A day on which nobody else races. */
const DAY = '2026-05-01';

/** Entries with their crossings: times of day at start, first and second turnpoint and goal. */
const FIELD: { number: string; name: string; category: string; status?: string; times: (string | null)[] }[] = [
	{ number: '7', name: 'Bo Lindqvist', category: 'Open', status: 'finished', times: ['09:05:00.000', '09:14:00.000', '09:25:00.125', '09:34:30.500'] },
	{ number: '12', name: 'Ana Kovač', category: 'Women', status: 'finished', times: ['09:00:00.000', '09:10:00.250', '09:20:00.000', '09:30:00.000'] },
	{ number: '9', name: 'Cyril Blanc', category: 'Open', times: ['09:00:00.000', '09:12:00.000', null, '09:33:00.000'] },
	{ number: '8', name: 'Dita Novak', category: 'Women', status: 'dnf', times: ['09:01:00.000', '09:15:00.000', null, null] },
	{ number: '3', name: 'Evan Wright', category: 'Open', status: 'dsq', times: ['09:00:00.000', '09:08:00.000', '09:16:00.000', '09:25:00.000'] },
	{ number: '21', name: 'Flora Rossi', category: 'Women', times: ['09:02:00.000', null, null, null] },
	{ number: '14', name: 'Gregor Zupan', category: 'Open', times: ['09:03:00.000', '09:13:41.077', '09:24:58.310', '09:36:02.941'] },
	{ number: '31', name: 'Hanna Weiss', category: 'Women', times: ['09:04:10.500', '09:15:22.804', '09:27:09.666', '09:38:44.020'] },
	{ number: '5', name: 'Ivo Marin', category: 'Open', times: ['09:00:30.000', '09:13:05.412', '09:25:31.908', '09:37:00.377'] },
	{ number: '40', name: 'Jana Horvat', category: 'Women', times: ['09:06:00.000', '09:18:20.250', '09:30:45.000', null] },
	{ number: '17', name: 'Karl Brandt', category: 'Open', times: ['09:01:30.000', '09:14:52.600', '09:28:11.713', null] },
	{ number: '2', name: 'Lea Fournier', category: 'Women', times: ['09:02:45.000', '09:16:31.019', null, null] },
	{ number: '26', name: 'Milan Petek', category: 'Open', times: ['09:05:30.000', '09:19:44.871', null, null] },
	{ number: '33', name: 'Nils Aagaard', category: 'Open', status: 'dns', times: [null, null, null, null] },
];

const COURSE = [
	{ name: 'Start', role: 'start' },
	{ name: 'Ridge', role: 'turnpoint' },
	{ name: 'Lake', role: 'turnpoint' },
	{ name: 'Goal', role: 'finish' },
];

/** An event that is timed: crossings made by hand, of which the live channel tells as of all. */
export class TimingRace {
	readonly event: string;
	/** By their names. */
	readonly checkpoints = new Map<string, string>();
	/** By their numbers. */
	readonly entries = new Map<string, string>();
	private readonly fences = new Map<string, string>();
	private readonly devices = new Map<string, string>();
	private readonly organization: Organization;

	private constructor(organization: Organization, event: string) {
		this.organization = organization;
		this.event = event;
	}

	static async make(organization: Organization): Promise<TimingRace> {
		const event = { name: 'Alpine Cup, task 2', status: 'running', starts_at: `${DAY}T09:00:00Z`, timezone: 'Europe/Ljubljana' };
		const race = new TimingRace(organization, (await organization.create('events', event)).id);
		for (const [sort, { name, role }] of COURSE.entries()) {
			const geometry = { type: 'Point', coordinates: [13 + sort / 10, 46] };
			const { id: geofence } = await organization.create('geofences', { name, kind: 'circle', geometry, radius_m: 400, status: 'active' });
			const { id } = await organization.create('checkpoints', { event: race.event, geofence, name, role, sort: sort + 1 });
			race.checkpoints.set(name, id);
			race.fences.set(name, geofence);
		}
		for (const { number, name, category, status = 'started', times } of FIELD) {
			const { id: device } = await organization.device({ name: `Tracker ${number}` });
			const { id } = await organization.create('entries', { event: race.event, device, number, name, category, status });
			race.entries.set(number, id);
			race.devices.set(number, device);
			for (const [place, time] of times.entries()) if (time) await race.cross(number, COURSE[place]!.name, time);
		}
		return race;
	}

	/** Somebody is found to have crossed a checkpoint at this time of day. */
	async cross(number: string, checkpoint: string, time: string): Promise<string> {
		const at = Date.parse(`${DAY}T${time}Z`);
		const { id } = await this.organization.create('crossings', {
			event: this.event,
			entry: this.entries.get(number),
			device: this.devices.get(number),
			checkpoint: this.checkpoints.get(checkpoint),
			geofence: this.fences.get(checkpoint),
			direction: 'enter',
			crossed_at: new Date(at).toISOString(),
			fix_before_at: new Date(at - 2000).toISOString(),
			fix_after_at: new Date(at + 3000).toISOString(),
			lat: 46,
			lon: 13,
		});
		return id;
	}

	/** What the API says: numbers in the order of the ranking, with their ranks. */
	async ranking(api: Api, query = ''): Promise<[string, number | null][]> {
		const rows = await api.ask<{ number: string; rank: number | null }[]>('GET', `/biplane/events/${this.event}/results${query}`);
		return rows.map(({ number, rank }) => [number, rank]);
	}
}
