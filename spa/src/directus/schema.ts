import type { Checkpoint, Geofence, Role, Status } from '../../../extensions/biplane/src/shared/app/race-types.ts';

export type { Checkpoint, Direction, Geofence, Role, Status } from '../../../extensions/biplane/src/shared/app/race-types.ts';

/** What this client reads from Directus, in the shape in which it asks for it. */

export interface RaceEvent {
	id: string;
	name: string;
	description: string | null;
	status: 'draft' | 'scheduled' | 'running' | 'finished' | 'archived';
	timezone: string | null;
	starts_at: string | null;
	ends_at: string | null;
	organization: string;
}

export interface Entry {
	id: string;
	event: string;
	number: string;
	name: string | null;
	category: string | null;
	status: Status;
	color: string | null;
	device: string | null;
}

export interface StoredCrossing {
	id: string;
	event: string | null;
	entry: string | null;
	device: string;
	checkpoint: string | null;
	geofence: string;
	direction: 'enter' | 'exit';
	crossed_at: string;
	status: string;
}

export interface StoredAlert {
	id: string;
	event: string | null;
	device: string | null;
	kind: string;
	severity: 'info' | 'warning' | 'critical';
	status: 'open' | 'acknowledged' | 'closed';
	occurred_at: string;
	message: string | null;
}

export interface DeviceStatus {
	id: string;
	device: string;
	connected: boolean | null;
	last_fix_at: string | null;
	last_received_at: string | null;
	lat: number | null;
	lon: number | null;
	altitude_m: number | null;
	speed_kmh: number | null;
	course_deg: number | null;
}

export interface Command {
	id: string;
	organization: string;
	device: string;
	name: string;
	parameters: Record<string, unknown> | null;
	status: string;
	result: string | null;
	expires_at: string | null;
	date_created: string;
	user_created: string | null;
	/** How it came to be what it is, the oldest first. */
	transitions: Transition[];
}

export interface Transition {
	to_status: string;
	occurred_at: string;
	attempt: number;
}

export interface Schema {
	events: RaceEvent[];
	entries: Entry[];
	checkpoints: (Omit<Checkpoint, 'geofence'> & { event: string; role: Role; geofence: (Geofence & { id: string }) | string | null })[];
	geofences: Geofence[];
	crossings: StoredCrossing[];
	alerts: StoredAlert[];
	device_status: DeviceStatus[];
	commands: Command[];
}

/** What `GET /biplane/events/{event}/results` answers. */
export interface Results {
	data: Standing[];
	meta: {
		event: { id: string; name: string; course_revision: boolean };
		course: { id: string; name: string | null; role: Role; sort: number | null }[];
	};
}

export interface Standing {
	rank: number | null;
	entry: string;
	number: string;
	name: string | null;
	category: string | null;
	status: Status;
	checkpoints_taken: number;
	finished: boolean;
	/** In the order of the course. */
	splits: Split[];
	out_of_order: string[];
}

export interface Split {
	checkpoint: string;
	crossed_at: string | null;
	elapsed_ms: number | null;
	leg_ms: number | null;
	gap_ms: number | null;
}

/** One of `GET /biplane/devices/{device}/commands`. */
export interface CatalogueCommand {
	name: string;
	label: string;
	description: string;
	parameters: CommandParameter[];
	/** A second person has to agree. */
	dangerous: boolean;
	answers: boolean;
}

export type CommandParameter = { name: string; required: boolean; default?: string; description: string } & (
	| { type: 'text'; max_length: number }
	| { type: 'integer' | 'number'; min: number; max: number }
	| { type: 'choice'; of: string[] }
	| { type: 'boolean' | 'time' | 'uuid' | 'uuids' | 'json' }
);
