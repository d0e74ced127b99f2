import type { LiveConnection, LiveCrossing } from '@biplane/live';
import type { AxiosInstance } from 'axios';

import { openLiveChannel, sentence, type Connection } from '../shared/app/live-channel.ts';
import type { Crossing, Position } from '../shared/app/race-types.ts';
import type { Chosen } from './watched.ts';

export interface FeedEvents {
	/** `fresh`: the first of a connection; what was shown before may be old. */
	positions(positions: Position[], fresh: boolean): void;
	/** Positions before the last one of each device, in order of time. */
	past(positions: Position[]): void;
	/** New ones, and such as have changed. */
	crossings(crossings: Crossing[]): void;
	/** Crossings by their ids that are none, or don't count any more. */
	retractions(ids: string[]): void;
	/** Crossings and retractions were missed: they are to be read. */
	missed(): void;
	connection(connection: Connection): void;
}

export interface FeedTopic {
	kind: Chosen['kind'];
	id: string;
	/** So many seconds of the past are told at first. */
	pastS: number;
}

/** Follows an event or an organization on the live channel until it is closed; reconnecting is the client's work. */
export class Feed {
	private readonly client: LiveConnection;

	constructor(api: AxiosInstance, { kind, id, pastS }: FeedTopic, events: FeedEvents) {
		this.client = openLiveChannel(api, (connection) => events.connection(connection));
		const topic = kind === 'event' ? { event: id } : { organization: id };
		this.client.subscribe(topic, (update) => {
			if (update.event === 'init') {
				events.positions(update.data, true);
				events.connection({ state: 'live' });
			}
			if (update.event === 'positions') events.positions(update.data, false);
			if (update.event === 'replay') events.past(update.data);
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
		}, pastS > 0 ? { replay_s: pastS } : {});
	}

	close(): void {
		this.client.close();
	}
}
