import { connect } from '@biplane/live';
import type { LiveError, LiveToken, Options, SubscriptionEvent, Topic } from '@biplane/live';

import type { ChannelState } from '../channel-state.ts';
import { ask, type Directus } from '../directus/client.ts';
import { reasonOf, sentence } from '../directus/refusal.ts';

/** So much of the past comes with the first connection: trails need it (s). */
const REPLAY_S = 900;

export type FeedUpdate = Exclude<SubscriptionEvent, { event: 'error' }>;
type Update = FeedUpdate | { event: 'error'; data: LiveError; final: boolean };
type Subscribe = (topic: Topic, listener: (update: Update) => void, options?: Options) => unknown;

/** Follows an event on the live channel; gives the way to end it. */
export function followEvent(
	directus: Directus,
	event: string,
	onUpdate: (update: FeedUpdate) => void,
	onState: (state: ChannelState) => void,
): () => void {
	/** The last reason why there was no token: the connection only knows that it got none. */
	let refusal: string | null = null;
	const connection = connect({
		token: async () => {
			try {
				const { data } = await ask<{ data: LiveToken }>(directus, '/biplane/live/token', 'POST');
				refusal = null;
				return data;
			} catch (error) {
				refusal = reasonOf(error);
				throw error;
			}
		},
	});
	connection.onState((state) => {
		if (state.name === 'live' || state.name === 'connecting') return onState({ name: state.name });
		onState({ name: state.name === 'closed' ? 'offline' : 'reconnecting', reason: refusal ?? sentence(state.reason.message) });
	});
	(connection.subscribe as Subscribe).call(
		connection,
		{ event },
		(update) => {
			if (update.event !== 'error') return onUpdate(update);
			onState({ name: update.final ? 'offline' : 'reconnecting', reason: sentence(update.data.message) });
		},
		{ replay_s: REPLAY_S },
	);
	return () => connection.close();
}
