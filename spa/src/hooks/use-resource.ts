import { useCallback, useEffect, useRef, useState } from 'react';

export interface Resource<T> {
	data: T | null;
	/** Why the last reading failed; what was read before stays. */
	error: unknown;
	loading: boolean;
	reload: () => void;
}

/** Reads when `key` changes and when asked to; an answer to an older question is thrown away. No key: nothing to read. */
export function useResource<T>(key: string | null, read: () => Promise<T>): Resource<T> {
	const [state, setState] = useState<{ key: string | null; data: T | null; error: unknown; loading: boolean }>({ key: null, data: null, error: null, loading: true });
	const latest = useRef(read);
	latest.current = read;
	const question = useRef(0);

	const load = useCallback(() => {
		if (key === null) return;
		const current = ++question.current;
		setState((before) => (before.key === key ? { ...before, loading: true } : { key, data: null, error: null, loading: true }));
		latest.current().then(
			(data) => current === question.current && setState({ key, data, error: null, loading: false }),
			(error: unknown) => current === question.current && setState((before) => ({ ...before, key, error, loading: false })),
		);
	}, [key]);

	useEffect(() => {
		load();
		return () => void question.current++;
	}, [load]);

	return { data: state.key === key ? state.data : null, error: state.error, loading: state.loading, reload: load };
}
