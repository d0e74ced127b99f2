import { useEffect, useState } from 'react';

/** The wall clock, ms, renewed every `everyMs`: for texts that say how long ago. */
export function useNow(everyMs: number): number {
	const [now, setNow] = useState(Date.now);
	useEffect(() => {
		const timer = setInterval(() => setNow(Date.now()), everyMs);
		return () => clearInterval(timer);
	}, [everyMs]);
	return now;
}
