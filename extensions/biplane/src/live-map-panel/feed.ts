import { connect, type LiveConnection, type LiveCrossing } from '@biplane/live';
import type { AxiosInstance } from 'axios';

import { reasonOf } from '../shared/refusals.ts';
import type { Connection, Crossing, Position } from './types.ts';

export interface FeedEvents {
	/** `fresh`: the first of a connection; what was shown before may be old. */
	positions(positions: Position[], fresh: boolean): void;
	/** New ones, and such as have changed. */
	crossings(crossings: Crossing[]): void;
	/** Crossings by their ids that are none, or don't count any more. */
	retractions(ids: string[]): void;
	/** Crossings and retractions were missed: they are to be read. */
	missed(): void;
	connection(connection: Connection): void;
}

/** How the extension is set up on this server. */
export interface Settings {
	/** A raster tile template. */
	tiles: string | null;
}

export async function readSettings(api: AxiosInstance): Promise<Settings> {
	try {
		const { data } = await api.get('/biplane/live/config');
		return { tiles: (data.data ?? data).tiles || null };
	} catch {
		// The built-in map needs no settings.
		return { tiles: null };
	}
}

/** Follows an event on the live channel until it is closed; reconnecting is the client's work. */
export class Feed {
	private readonly api: AxiosInstance;
	private readonly client: LiveConnection;
	/** The last reason why there was no token: the client only knows that it got none. */
	private refusal: string | null = null;

	constructor(api: AxiosInstance, event: string, events: FeedEvents) {
		this.api = api;
		this.client = connect({ token: () => this.token() });
		this.client.onState((state) => {
			if (state.name === 'live') events.connection({ state: 'live' });
			else if (state.name === 'connecting') events.connection({ state: 'connecting' });
			else if (state.name === 'reconnecting') events.connection({ state: 'reconnecting', reason: this.refusal ?? sentence(state.reason.message) });
			else events.connection({ state: 'offline', reason: this.refusal ?? sentence(state.reason.message) });
		});
		this.client.subscribe({ event }, (update) => {
			if (update.event === 'init') {
				events.positions(update.data, true);
				events.connection({ state: 'live' });
			}
			if (update.event === 'positions') events.positions(update.data, false);
			if (update.event === 'crossings') {
				// As the panel reads them: without those outside the time of their checkpoint.
				const isValid = (crossing: LiveCrossing): boolean => crossing.status === 'valid';
				events.crossings(update.data.filter(isValid));
				events.retractions(update.data.filter((crossing) => !isValid(crossing)).map(({ id }) => id));
			}
			if (update.event === 'retractions') events.retractions(update.data.map(({ id }) => id));
			if (update.event === 'missed') events.missed();
			if (update.event === 'error') {
				events.connection({ state: update.final ? 'offline' : 'reconnecting', reason: sentence(update.data.message) });
			}
		});
	}

	close(): void {
		this.client.close();
	}

	/** A token for the live channel only: the session's cookie never leaves Directus. */
	private async token(): Promise<{ access_token: string; expires_at: string; url: string }> {
		try {
			const { data } = await this.api.post('/biplane/live/token');
			this.refusal = null;
			return data.data;
		} catch (error) {
			this.refusal = `No token for the live channel. ${reasonOf(error)}`;
			throw new Error(this.refusal);
		}
	}
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
