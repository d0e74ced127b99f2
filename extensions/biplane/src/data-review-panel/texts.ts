import { inLanguage, words, type Words } from '../shared/app/words.ts';
import type { Becomes } from './review-api.ts';
import { de } from './texts-de.ts';
import { sl } from './texts-sl.ts';

export interface Texts extends Words {
	title: string;
	loading: string;
	empty: string;
	forbidden: string;
	failed: string;
	device: string;
	from: string;
	to: string;
	notATime: string;
	notARange: string;
	show: string;
	reading: (count: string) => string;
	none: string;
	cut: (at: string) => string;
	fixes: (all: string, faulty: string) => string;
	altitude: string;
	speed: string;
	plots: string;
	map: string;
	mapBox: string;
	whole: string;
	zoom: string;
	selection: string;
	howTo: string;
	chosen: (fixes: string, faulty: string) => string;
	clear: string;
	verdict: string;
	verdicts: Record<'faulty' | 'valid', string>;
	reason: string;
	reasonHint: string;
	preview: string;
	asking: string;
	commit: Record<'faulty' | 'valid' | 'removal', string>;
	cancel: string;
	writing: string;
	timing: string;
	late: string;
	done: (marks: string, added: string, removed: string, changed: string) => string;
	previewOf: Record<'faulty' | 'valid' | 'removal', string>;
	nothingYet: string;
	marks: (faulty: string, valid: string) => string;
	counts: Record<Becomes, string>;
	becomes: Record<Becomes, string>;
	leftOff: (count: string) => string;
	unknown: Record<'too_much' | 'failed' | 'late', string>;
	changesNothing: string;
	crossing: string;
	before: string;
	after: string;
	difference: string;
	edited: string;
	reasons: string;
	noFaulty: string;
	count: string;
	faults: Record<string, string>;
	flags: string;
	noFlags: string;
	range: string;
	who: string;
	remove: string;
	crossings: string;
	noCrossings: string;
	time: string;
	directions: Record<'enter' | 'exit', string>;
	sources: Record<string, string>;
	outside: string;
	viewer: string;
	pointed: { satellites: string; hdop: string };
}

const en: Texts = {
	...words.en,
	title: 'Data review',
	loading: 'Reading the devices…',
	empty: 'There is no device here that you may see.',
	forbidden: 'Your role may not see devices.',
	failed: 'This could not be read.',
	device: 'Device',
	from: 'From (UTC)',
	to: 'To (UTC)',
	notATime: 'A time like 2026-06-02 12:00:10.250',
	notARange: 'The end is not after the beginning.',
	show: 'Show',
	reading: (count) => `Reading fixes… ${count}`,
	none: 'The device has no fix in this span. Choose another one above.',
	cut: (at) => `There are more fixes than are shown at once: shown up to ${at}.`,
	fixes: (all, faulty) => `${all} fixes, ${faulty} of them faulty`,
	altitude: 'Altitude (m)',
	speed: 'Speed (km/h)',
	plots: 'Altitude and speed over time. The table of reasons and the two times below say the same as text.',
	map: 'Map of the fixes. The two times below select a range without it.',
	mapBox: 'Select with a box on the map (or drag with Shift)',
	whole: 'Show the whole span',
	zoom: 'Show the selection closer',
	selection: 'Selected range',
	howTo: 'Drag over a plot, draw a box on the map, choose a reason or a flag, or type two times.',
	chosen: (fixes, faulty) => `${fixes} fixes, ${faulty} faulty`,
	clear: 'Clear the selection',
	verdict: 'These fixes are',
	verdicts: { faulty: 'faulty', valid: 'valid' },
	reason: 'Reason',
	reasonHint: 'For whoever asks later',
	preview: 'Preview',
	asking: 'Timing with this flag, without writing anything…',
	commit: { faulty: 'Flag as faulty', valid: 'Flag as valid', removal: 'Remove the flag' },
	cancel: 'Cancel',
	writing: 'Writing…',
	timing: 'Written. The positions are being timed again…',
	late: 'Written. Timing again takes long; it goes on whether you wait or not.',
	done: (marks, added, removed, changed) =>
		`Timed again: ${marks} marks changed; crossings: ${added} added, ${removed} taken away, ${changed} set right.`,
	previewOf: { faulty: 'If these fixes are faulty', valid: 'If these fixes are valid', removal: 'Without this flag' },
	nothingYet: 'A preview shows here what a change does to the crossings, before it is made.',
	marks: (faulty, valid) => `${faulty} fixes become faulty, ${valid} valid.`,
	counts: { kept: 'kept', gone: 'gone', new: 'new', moved: 'moved', changed: 'set right' },
	becomes: { kept: 'stays', gone: 'goes', new: 'new', moved: 'moves', changed: 'set right' },
	leftOff: (count) => `${count} more are not listed.`,
	unknown: {
		too_much: 'Too many fixes follow from this range for a preview. The change itself has no such limit.',
		failed: 'The preview failed; nothing was changed. The log of the processor says why.',
		late: 'No answer from the telemetry plane for a minute; nothing was changed.',
	},
	changesNothing: 'No crossing changes.',
	crossing: 'Crossing',
	before: 'Before',
	after: 'After',
	difference: 'Difference',
	edited: 'edited by hand, stays',
	reasons: 'Faulty, by reason',
	noFaulty: 'No fix of this span is faulty.',
	count: 'Fixes',
	faults: {
		invalid_coordinates: 'Not a place on earth',
		zero_coordinates: 'Latitude 0, longitude 0',
		no_satellites: 'No satellite in use',
		future: 'Ahead of our clock',
		impossible_speed: 'Impossible speed',
		flagged: 'Flagged by a person',
		few_satellites: 'Too few satellites',
		poor_hdop: 'Satellites too close together (HDOP)',
		outdated: 'Too old when it came',
		impossible_acceleration: 'Impossible acceleration',
		jitter: 'Jitter while standing',
	},
	flags: 'Flags',
	noFlags: 'Nobody flagged anything in this span.',
	range: 'Range (UTC)',
	who: 'By',
	remove: 'Remove this flag…',
	crossings: 'Crossings now',
	noCrossings: 'No crossing in this span.',
	time: 'Time (UTC)',
	directions: { enter: 'in', exit: 'out' },
	sources: { live: 'live', recomputed: 'timed again', manual: 'by hand' },
	outside: 'outside its window',
	viewer: 'You may look at this data, but not flag it.',
	pointed: { satellites: 'satellites', hdop: 'HDOP' },
};

export const textsIn = inLanguage<Texts>({ en, de, sl });
