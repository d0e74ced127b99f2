import type { AxiosInstance } from 'axios';

import type { Cell, Edit, Found, RankBy, Results } from './results.ts';

/** The history shows so many edits of an event, the newest. */
const EDITS = 1000;

const EDIT_FIELDS = [
	...['id', 'action', 'entry', 'checkpoint', 'crossed_at', 'edit', 'reason', 'date_created'],
	...['id', 'entry', 'checkpoint', 'crossed_at'].map((field) => `crossing.${field}`),
	...['first_name', 'last_name', 'email'].map((field) => `user_created.${field}`),
];

/** Those of one transaction may have one moment. */
const NEWEST_FIRST = ['-date_created', '-id'];

export interface Query {
	rankBy: RankBy;
	/** None: all. */
	category: string | null;
}

/** What the panel reads, with the user's own rights. */
export class TimingReader {
	private readonly api: AxiosInstance;

	constructor(api: AxiosInstance) {
		this.api = api;
	}

	async results(event: string, query: Query): Promise<Results> {
		return (await this.api.get(path(event), { params: asked(query) })).data;
	}

	async csv(event: string, query: Query): Promise<Blob> {
		return (await this.api.get(path(event), { params: { ...asked(query), format: 'csv' }, responseType: 'blob' })).data;
	}

	async categories(event: string): Promise<string[]> {
		const params = { groupBy: ['category'], aggregate: { count: '*' }, filter: filterOf({ event: { _eq: event } }) };
		const groups = await this.list<{ category: string | null }>('entries', params);
		return groups.flatMap(({ category }) => category ?? []).sort();
	}

	/** Newest first. */
	edits(event: string): Promise<Edit[]> {
		return this.list('crossing_edits', { filter: filterOf(ofEvent(event)), fields: EDIT_FIELDS, sort: NEWEST_FIRST, limit: EDITS });
	}

	/** The newest edit's key: the live channel does not tell of edits. */
	async newestEdit(event: string): Promise<string | null> {
		const params = { filter: filterOf(ofEvent(event)), fields: ['id'], sort: NEWEST_FIRST, limit: 1 };
		return (await this.list<{ id: string }>('crossing_edits', params))[0]?.id ?? null;
	}

	/** All that was found of an entry at a checkpoint, in the order of event time. */
	found({ entry, checkpoint }: Cell): Promise<Found[]> {
		return this.list('crossings', {
			filter: filterOf({ _and: [{ entry: { _eq: entry } }, { checkpoint: { _eq: checkpoint } }] }),
			fields: ['id', 'crossed_at', 'status', 'direction', 'source', 'fix_before_at', 'fix_after_at'],
			sort: ['crossed_at'],
			limit: 200,
		});
	}

	private async list<T>(collection: string, params: object): Promise<T[]> {
		return (await this.api.get(`/items/${collection}`, { params })).data.data;
	}
}

const path = (event: string): string => `/biplane/events/${encodeURIComponent(event)}/results`;

const asked = ({ rankBy, category }: Query): object => ({ rank_by: rankBy, ...(category !== null && { category }) });

const filterOf = (filter: object): string => JSON.stringify(filter);

/** As the rule asks: what takes an edit back belongs to the event that the edit belongs to. */
function ofEvent(event: string): object {
	const is = { event: { _eq: event } };
	return { _or: [{ crossing: is }, { entry: is }, { edit: { crossing: is } }, { edit: { entry: is } }] };
}
