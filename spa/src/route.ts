import { useSyncExternalStore } from 'react';

/** Where one is, behind the `#`: pages can be linked to and gone back from, on any static server. */
export type Route = { page: 'events' } | { page: 'event'; event: string; entry: string | null };

const EVENT = /^#\/events\/([0-9a-f-]{36})(?:\/entries\/([0-9a-f-]{36}))?$/;

export function parseRoute(hash: string): Route {
	const [, event, entry] = EVENT.exec(hash) ?? [];
	return event ? { page: 'event', event, entry: entry ?? null } : { page: 'events' };
}

export const eventPath = (event: string, entry: string | null = null): string => `#/events/${event}${entry ? `/entries/${entry}` : ''}`;

const watch = (watcher: () => void): (() => void) => {
	addEventListener('hashchange', watcher);
	return () => removeEventListener('hashchange', watcher);
};

export const useRoute = (): Route => parseRoute(useSyncExternalStore(watch, () => location.hash));

/** From one competitor to the next is no step back to go. */
export function go(path: string, { replace = false } = {}): void {
	if (!replace) location.hash = path;
	else {
		history.replaceState(null, '', path);
		dispatchEvent(new HashChangeEvent('hashchange'));
	}
}
