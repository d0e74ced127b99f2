import type { Status } from '../shared/app/race-types.ts';
import { inLanguage, type Words } from '../shared/app/words.ts';
import { de } from './texts-de.ts';
import { en } from './texts-en.ts';
import { sl } from './texts-sl.ts';
import type { Action } from './results.ts';

export interface Texts extends Words {
	title: string;
	loading: string;
	empty: string;
	forbidden: string;
	gone: string;
	failed: string;
	stale: string;
	noEntries: string;
	revision: string;
	notSaved: string;
	notOpened: string;
	rankBy: string;
	elapsed: string;
	clock: string;
	category: string;
	allCategories: string;
	history: string;
	csv: string;
	print: string;
	close: string;
	columns: { rank: string; number: string; name: string; time: string; gap: string; interval: string };
	hints: { time: string; timeByClock: string; gap: string; interval: string };
	states: { missing: string; voided: string; outOfOrder: string; ahead: string; edited: string };
	status: Record<Status, string>;
	finishedOf: (finished: number, all: number) => string;
	utc: string;
	/** Of the place that was chosen. */
	cell: {
		missing: string;
		ahead: string;
		outOfOrder: string;
		since: string;
		leg: string;
		gap: string;
		crossings: string;
		none: string;
		found: string;
		added: string;
		counts: string;
		isVoid: string;
		outside: string;
		adjustedTo: (time: string) => string;
		enter: string;
		exit: string;
		fixes: (before: string, after: string) => string;
		history: string;
	};
	actions: Record<Action, string>;
	/** What a form does, as its heading and on its button. */
	forms: Record<Action, string>;
	form: { date: string; time: string; reason: string; reasonHint: string; cancel: string; refused: string };
	/** What somebody did. */
	deeds: Record<Action, string>;
	noEdits: string;
	somebody: string;
	takenBack: (by: string) => string;
	printed: string;
}

export const textsIn = inLanguage<Texts>({ en, de, sl });
