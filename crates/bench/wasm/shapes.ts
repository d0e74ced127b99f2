/** Rings from a seed: what is valid and what crosses itself is known from how they are made. */

export type Ring = [number, number][];

export interface Shape {
	name: string;
	ring: Ring;
	valid: boolean;
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function random(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

/** Spikes of random length around a centre. */
function star(vertices: number, next: () => number): Ring {
	return Array.from({ length: vertices }, (_, index) => {
		const angle = ((index + 0.8 * next()) / vertices) * 2 * Math.PI;
		const radius = 1 + 4 * next();
		return [12 + radius * Math.cos(angle), 46 + radius * Math.sin(angle)];
	});
}

/** Teeth side by side on a base, the whole turned by some angle. */
function comb(vertices: number, next: () => number): Ring {
	const teeth = vertices - 2;
	const ring: Ring = [[0, -1], [teeth - 1, -1]];
	for (let tooth = teeth - 1; tooth >= 0; tooth -= 1) ring.push([tooth, tooth % 2 === 0 ? next() : 4 + next()]);
	const [angle, scale] = [2 * Math.PI * next(), 5 / teeth];
	const turn = ([x, y]: [number, number]): [number, number] => {
		const [along, up] = [x * scale, y];
		return [12 + along * Math.cos(angle) - up * Math.sin(angle), 46 + along * Math.sin(angle) + up * Math.cos(angle)];
	};
	return ring.map(turn);
}

/** A band that winds outwards, and back on its other side. */
function spiral(vertices: number, next: () => number): Ring {
	const [half, start] = [vertices / 2, 2 * Math.PI * next()];
	const turns = Math.min(8, half / 8);
	const arm = (index: number, width: number): [number, number] => {
		const share = index / (half - 1);
		const angle = start + share * turns * 2 * Math.PI;
		const radius = 0.5 + 4 * share + width;
		return [12 + radius * Math.cos(angle), 46 + radius * Math.sin(angle)];
	};
	const width = Math.min(0.2, 1.5 / Math.max(turns, 1));
	const out = Array.from({ length: half }, (_, index) => arm(index, 0));
	const back = Array.from({ length: half }, (_, index) => arm(half - 1 - index, width));
	return [...out, ...back];
}

/** One position is moved so that the segment to it goes through the middle of another, far along the ring. */
function crossed(ring: Ring, next: () => number): Ring {
	const at = (index: number) => ring[index % ring.length]!;
	const moved = 1 + Math.floor((ring.length - 1) * next());
	const other = moved + Math.floor(ring.length / 2);
	const [[x, y], [ax, ay], [bx, by]] = [at(moved - 1), at(other), at(other + 1)];
	const beyond = ([from, to]: [number, number]) => to + (to - from) / 8;
	const place: [number, number] = [beyond([x, (ax + bx) / 2]), beyond([y, (ay + by) / 2])];
	return ring.map((position, index) => (index === moved % ring.length ? place : position));
}

/** Which way exteriors go: as RFC 7946 asks for (counter-clockwise), or the other. */
export type Winding = 'right' | 'wrong';

/** Each shape once as it should be and once crossed, closed, of `vertices` vertices. */
export function shapes(vertices: number, seed: number, winding: Winding = 'right'): Shape[] {
	const next = random(seed + vertices);
	return Object.entries({ star, comb, spiral }).flatMap(([name, make]) => {
		const ring = wound(make(vertices, next), winding);
		return [
			{ name, ring: closed(ring), valid: true },
			{ name: `${name}, crossed`, ring: closed(crossed(ring, next)), valid: false },
		];
	});
}

function wound(ring: Ring, winding: Winding): Ring {
	const twice = ring.reduce((sum, [x, y], index) => {
		const [nextX, nextY] = ring[(index + 1) % ring.length]!;
		return sum + x * nextY - nextX * y;
	}, 0);
	return (twice > 0) === (winding === 'right') ? ring : ring.toReversed();
}

function closed(ring: Ring): Ring {
	const [x, y] = ring[0]!;
	return [...ring, [x, y]];
}
