import { useCallback, useEffect, useRef } from 'react';

/** Calls once for many askings, `afterMs` after the first of them. */
export function useSoon(call: () => void, afterMs: number): () => void {
	const latest = useRef(call);
	latest.current = call;
	const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
	useEffect(
		() => () => {
			clearTimeout(timer.current);
			timer.current = undefined;
		},
		[],
	);
	return useCallback(() => {
		timer.current ??= setTimeout(() => {
			timer.current = undefined;
			latest.current();
		}, afterMs);
	}, [afterMs]);
}
