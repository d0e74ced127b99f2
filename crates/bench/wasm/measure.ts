/** Sides that do the same, timed in turns, so that what slows the machine slows them all. */

export interface Side {
	name: string;
	/** One pass over the inputs. */
	pass: () => void;
	/** Rounds that it takes part in; all of them unless given. */
	rounds?: number;
}

export interface Timing {
	median: number;
	/** In which the median lies, with about 95 % confidence. */
	interval: [number, number];
	samples: number;
}

/** What the benchmark's Rust part reads: one a line. */
export interface Figure {
	id: string;
	unit: string;
	ours: number;
	peers: Record<string, number>;
	intervals: Record<string, [number, number]>;
	details?: Record<string, number>;
	note?: string;
}

/** A sample takes at least so long, or the clock would be what is measured. */
const SAMPLE_MS = 4;

/** Microseconds a call of each side; `calls` is how many a pass makes. */
export function race(sides: Side[], calls: number, rounds: number): Record<string, Timing> {
	const passes = sides.map((side) => passesIn(side));
	const samples = sides.map((): number[] => []);
	for (let round = 0; round < rounds; round += 1) {
		for (let turn = 0; turn < sides.length; turn += 1) {
			const which = (turn + round) % sides.length;
			const side = sides[which]!;
			if (round >= (side.rounds ?? rounds)) continue;
			const start = performance.now();
			for (let pass = 0; pass < passes[which]!; pass += 1) side.pass();
			samples[which]!.push(((performance.now() - start) * 1000) / (passes[which]! * calls));
		}
	}
	return Object.fromEntries(sides.map(({ name }, which) => [name, timing(samples[which]!)]));
}

/** How many passes a sample needs; warms the side up as well. */
function passesIn({ pass, rounds }: Side): number {
	const until = performance.now() + (rounds === undefined ? 100 : 0);
	let passes = 0;
	let took: number;
	do {
		const start = performance.now();
		pass();
		took = performance.now() - start;
		passes += 1;
	} while (performance.now() < until);
	return Math.max(1, Math.ceil(SAMPLE_MS / Math.max(took, 0.001)));
}

/** The median, and the order statistics around it that a binomial of one half gives. */
export function timing(samples: number[]): Timing {
	const sorted = [...samples].sort((a, b) => a - b);
	const count = sorted.length;
	const middle = sorted[Math.floor(count / 2)]!;
	const median = count % 2 === 1 ? middle : (middle + sorted[count / 2 - 1]!) / 2;
	const reach = 0.98 * Math.sqrt(count);
	const low = sorted[Math.max(0, Math.floor(count / 2 - reach))]!;
	const high = sorted[Math.min(count - 1, Math.ceil(count / 2 + reach))]!;
	return { median, interval: [low, high], samples: count };
}

/** A figure of timings, of which `ours` is one. */
export function figure(id: string, timings: Record<string, Timing>, note?: string): Figure {
	const { ours, ...peers } = timings as Record<string, Timing> & { ours: Timing };
	return {
		id,
		unit: 'us',
		ours: ours.median,
		peers: Object.fromEntries(Object.entries(peers).map(([name, { median }]) => [name, median])),
		intervals: Object.fromEntries(Object.entries(timings).map(([name, { interval }]) => [name, interval])),
		...(note && { note }),
	};
}

export const say = (figure: Figure): void => console.log(JSON.stringify(figure));
