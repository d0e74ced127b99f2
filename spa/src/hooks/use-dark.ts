import { useSyncExternalStore } from 'react';

const dark = matchMedia('(prefers-color-scheme: dark)');

const watch = (watcher: () => void): (() => void) => {
	dark.addEventListener('change', watcher);
	return () => dark.removeEventListener('change', watcher);
};

export const useDark = (): boolean => useSyncExternalStore(watch, () => dark.matches);
