import type { Watched } from '../watched.ts';
import type { Range } from './use-replay.ts';

/** Of an event without a start this much before its newest fix can be replayed (ms). */
const WITHOUT_START_MS = 12 * 3_600_000;

/** From when to when an event can be replayed; nothing before its first fix, or of what is no event. */
export function replayRange(watched: Watched | null, newestMs: number): Range | null {
	if (watched?.kind !== 'event' || newestMs === 0) return null;
	const endMs = Math.min(newestMs, watched.endsMs ?? newestMs);
	const startMs = watched.startsMs ?? endMs - WITHOUT_START_MS;
	return startMs < endMs ? { startMs, endMs } : null;
}
