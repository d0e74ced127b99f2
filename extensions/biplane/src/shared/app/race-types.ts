/** What panels read from Directus, in the shape in which it asks for it. */

export type Status = 'registered' | 'started' | 'finished' | 'dnf' | 'dns' | 'dsq';
export type Role = 'start' | 'turnpoint' | 'finish' | 'zone';
export type Direction = 'enter' | 'exit';

export interface RaceEvent {
	id: string;
	organization: string;
	name: string;
	status: string;
	timezone: string | null;
	starts_at: string | null;
	ends_at: string | null;
}

export interface Entry {
	id: string;
	number: string;
	name: string | null;
	category: string | null;
	status: Status;
	color: string | null;
	device: string | null;
}

export interface Geofence {
	id: string;
	name: string;
	kind: 'polygon' | 'circle' | 'gate';
	geometry: GeoJSON.Geometry | null;
	radius_m: number | null;
	color: string | null;
}

export interface Checkpoint {
	id: string;
	sort: number | null;
	name: string | null;
	role: Role;
	geofence: Geofence | null;
}

export interface Crossing {
	id: string;
	entry: string | null;
	device: string;
	checkpoint: string | null;
	geofence: string;
	direction: Direction;
	crossed_at: string;
}

/** As the live channel sends it (crates/core/src/live.rs). */
export interface Position {
	device: string;
	time: string;
	lat: number;
	lon: number;
	altitude_m: number | null;
	speed_kmh: number | null;
	course_deg: number | null;
	faulty: boolean;
}
