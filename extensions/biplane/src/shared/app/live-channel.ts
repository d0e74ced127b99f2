import { connect, type LiveConnection } from '@biplane/live';
import type { AxiosInstance } from 'axios';

import { reasonOf } from '../refusals.ts';

/** How the connection to the live channel is, with the reason where there is none. */
export type Connection =
	| { state: 'connecting' }
	| { state: 'live' }
	| { state: 'reconnecting'; reason: string }
	| { state: 'offline'; reason: string };

/** Connects to the live channel as the user; reconnecting is the client's work. */
export function openLiveChannel(api: AxiosInstance, changed: (connection: Connection) => void): LiveConnection {
	/** The last reason why there was no token: the client only knows that it got none. */
	let refusal: string | null = null;

	/** A token for the live channel only: the session's cookie never leaves Directus. */
	async function token(): Promise<{ access_token: string; expires_at: string; url: string }> {
		try {
			const { data } = await api.post('/biplane/live/token');
			refusal = null;
			return data.data;
		} catch (error) {
			refusal = `No token for the live channel. ${reasonOf(error)}`;
			throw new Error(refusal);
		}
	}

	const client = connect({ token });
	client.onState((state) => {
		switch (state.name) {
			case 'live':
			case 'connecting':
				changed({ state: state.name });
				break;
			case 'reconnecting':
				changed({ state: 'reconnecting', reason: refusal ?? sentence(state.reason.message) });
				break;
			default:
				changed({ state: 'offline', reason: refusal ?? sentence(state.reason.message) });
		}
	});
	return client;
}

export const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
