import type { Role, Status } from '../shared/app/race-types.ts';
import { inLanguage, type Words } from '../shared/app/words.ts';
import { de } from './texts-de.ts';
import { en } from './texts-en.ts';
import { sl } from './texts-sl.ts';

/** Everything that a person reads in the panel and its settings. */
export interface Texts extends Words {
	panel: { name: string; description: string };
	loading: string;
	empty: Record<'event' | 'organization', string>;
	failed: string;
	gone: string;
	forbidden: string;
	noWebGl: string;
	map: string;
	showCourse: string;
	showAll: string;
	quiet: (lapse: string) => string;
	noClock: string;
	local: string;
	competitors: Record<'event' | 'organization', string>;
	find: string;
	findLabel: string;
	noEntries: Record<'event' | 'organization', string>;
	nobody: (wanted: string) => string;
	more: (count: number) => string;
	noName: string;
	ago: (lapse: string) => string;
	doubtful: string;
	progress: { noCrossing: string; noFix: string; noTracker: string };
	status: Partial<Record<Status, string>>;
	into: string;
	outOf: string;
	roles: Record<Role, string>;
	checkpoint: string;
	geofence: string;
	crossings: string;
	noCrossings: string;
	card: {
		title: (number: string) => string;
		close: string;
		follow: string;
		unfollow: string;
		speed: string;
		altitude: string;
		crossing: string;
		fix: string;
		none: string;
		entry: string;
		device: string;
		/** Over a list of them. */
		faults: string;
	};
	replay: {
		label: string;
		live: string;
		play: string;
		pause: string;
		time: string;
		speed: string;
		times: (speed: number) => string;
		waiting: string;
		failed: string;
	};
	faulty: string;
	asking: string;
	unknownFault: string;
	/** By the names in `positions.fault_reason`. */
	faults: Record<string, string>;
	settings: {
		what: string;
		event: string;
		organization: string;
		eventNote: string;
		organizationNote: string;
		layers: string;
		layer: { trails: string; course: string; fences: string; numbers: string; faulty: string };
		base: string;
		baseNote: string;
		builtIn: string;
		tiles: string;
		trail: string;
		trailNote: string;
		list: string;
		listLabel: string;
	};
	/** MapLibre's own words. */
	controls: Record<string, string>;
}

export const textsIn = inLanguage<Texts>({ en, de, sl });
