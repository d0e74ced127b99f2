import type { AxiosInstance } from 'axios';

import { browserRules } from '../shared/app/browser-rules.ts';
import type { Rejection } from '../shared/protocol.ts';
import type { Action, Cell, Edit } from './results.ts';

/** An edit that is being written. */
export interface Draft {
	action: Action;
	cell: Cell;
	/** Of what is void or set right. */
	crossing: string | null;
	/** What it takes back; of an added crossing that is set right, that one. */
	edit: string | null;
	/** As typed, UTC. */
	date: string;
	time: string;
	reason: string;
}

type Item = Record<string, string | null>;

/** The rows of `crossing_edits` that a draft would make. */
export function itemsOf(draft: Draft): Item[] {
	const { action, cell, crossing, edit, date, time, reason } = draft;
	const crossed_at = time.trim() ? `${date.trim()}T${time.trim()}Z` : null;
	switch (action) {
		case 'add':
			return [{ action, ...cell, crossed_at, reason }];
		// An added crossing is set right by another in its place.
		case 'adjust':
			if (edit) return [{ action: 'add', ...cell, crossed_at, reason }, { action: 'undo', edit, reason }];
			return [{ action, crossing, ...cell, crossed_at, reason }];
		// With entry and checkpoint: a crossing may go when it is timed again, the history stays.
		case 'void':
			return [{ action, crossing, ...cell, reason }];
		case 'undo':
			return [{ action, edit, reason }];
	}
}

/** What the API would say against it, by the same rule. */
export async function faultsOf(draft: Draft, edits: Edit[]): Promise<Rejection[]> {
	const rules = await browserRules();
	for (const payload of itemsOf(draft)) {
		const taken_back = edits.filter(({ id, edit }) => payload.edit && (id === payload.edit || edit === payload.edit));
		const { reject } = rules.call({
			kind: 'filter',
			name: 'crossing_edit.validate',
			event: 'items.create',
			payload,
			ctx: { now_ms: Date.now(), collection: 'crossing_edits', keys: [], user: null, role: null, admin: false, results: { taken_back } },
		});
		if (reject?.length) return reject;
	}
	return [];
}

/** All rows of the draft, or none. */
export async function write(api: AxiosInstance, draft: Draft, organization: string): Promise<void> {
	await api.post('/items/crossing_edits', itemsOf(draft).map((item) => ({ organization, ...item })));
}
