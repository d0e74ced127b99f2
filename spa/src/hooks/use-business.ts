import { createContext, useContext, useEffect, useRef, useState } from 'react';

import type { ChannelState } from '../channel-state.ts';
import { BusinessChannel, type Change } from '../directus/business-channel.ts';
import type { Directus } from '../directus/client.ts';

/** Directus's own WebSocket, one for the page. */
export const Business = createContext<BusinessChannel | null>(null);

export function useBusinessChannel(url: string, directus: Directus): BusinessChannel | null {
	const [channel, setChannel] = useState<BusinessChannel | null>(null);
	useEffect(() => {
		const opened = new BusinessChannel(url, () => directus.getToken());
		setChannel(opened);
		return () => opened.close();
	}, [url, directus]);
	return channel;
}

export function useBusinessState(): ChannelState {
	const channel = useContext(Business);
	const [state, setState] = useState<ChannelState>({ name: 'connecting' });
	useEffect(() => channel?.onState(setState), [channel]);
	return state;
}

/**
 * Calls when somebody changes rows of a collection, and once at each connection after the first: what
 * changed meanwhile was not told.
 */
export function useChanges(collection: string, query: object, onChange: (change: Change) => void): void {
	const channel = useContext(Business);
	const latest = useRef(onChange);
	latest.current = onChange;
	const text = JSON.stringify(query);
	useEffect(() => {
		let first = true;
		return channel?.subscribe(collection, JSON.parse(text) as object, (change) => {
			if (change.event !== 'init' || !first) latest.current(change);
			first = false;
		});
	}, [channel, collection, text]);
}
