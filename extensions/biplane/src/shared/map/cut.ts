import type { Position } from 'geojson';

/** West, south, east, north, in degrees. */
export type Box = [west: number, south: number, east: number, north: number];

export const overlaps = (a: Box, b: Box): boolean => a[0] <= b[2] && a[2] >= b[0] && a[1] <= b[3] && a[3] >= b[1];

export const holds = (outer: Box, inner: Box): boolean =>
	outer[0] <= inner[0] && outer[1] <= inner[1] && outer[2] >= inner[2] && outer[3] >= inner[3];

/** A box with so many of its own widths and heights more on each side, on the earth; all around it where it comes to the date line. */
export function around([west, south, east, north]: Box, times: number): Box {
	const [wide, high] = [(east - west) * times, (north - south) * times];
	const whole = west - wide < -180 || east + wide > 180;
	return [whole ? -180 : west - wide, Math.max(-90, south - high), whole ? 180 : east + wide, Math.min(90, north + high)];
}

/** A line without the vertices that are nearer than this (degrees) to the one before; its ends stay. */
export function thin(line: Position[], least: number): Position[] {
	let last = line[0]!;
	return line.filter((vertex, i) => {
		const isKept = i === 0 || i === line.length - 1 || Math.abs(vertex[0]! - last[0]!) >= least || Math.abs(vertex[1]! - last[1]!) >= least;
		if (isKept) last = vertex;
		return isKept;
	});
}

/** The box's sides: which coordinate, at what value, and whether the inside is above it. */
const sidesOf = ([west, south, east, north]: Box): [axis: 0 | 1, at: number, above: boolean][] => [
	[0, west, true], [0, east, false], [1, south, true], [1, north, false],
];

/** Where the way from one vertex to the next comes to a value of one coordinate. */
function meet(a: Position, b: Position, axis: 0 | 1, at: number): Position {
	const share = (at - a[axis]!) / (b[axis]! - a[axis]!);
	const other = a[1 - axis]! + share * (b[1 - axis]! - a[1 - axis]!);
	return axis === 0 ? [at, other] : [other, at];
}

/** What of a closed ring lies in a box (Sutherland and Hodgman): closed by the box's sides; empty when nothing does. */
export function cutRing(ring: Position[], box: Box): Position[] {
	let rest = ring.slice(0, -1);
	for (const [axis, at, above] of sidesOf(box)) {
		const isInside = (vertex: Position): boolean => (above ? vertex[axis]! >= at : vertex[axis]! <= at);
		const kept: Position[] = [];
		rest.forEach((vertex, i) => {
			const before = rest[(i || rest.length) - 1]!;
			if (isInside(vertex) !== isInside(before)) kept.push(meet(before, vertex, axis, at));
			if (isInside(vertex)) kept.push(vertex);
		});
		rest = kept;
	}
	return rest.length < 3 ? [] : [...rest, rest[0]!];
}

/** The stretches of a line that have to do with a box: each reaches a vertex over its sides. */
export function cutLine(line: Position[], box: Box): Position[][] {
	const stretches: Position[][] = [];
	let open: Position[] | null = null;
	for (let i = 0; i + 1 < line.length; i++) {
		const [a, b] = [line[i]!, line[i + 1]!];
		const isNear = overlaps(box, [Math.min(a[0]!, b[0]!), Math.min(a[1]!, b[1]!), Math.max(a[0]!, b[0]!), Math.max(a[1]!, b[1]!)]);
		if (!isNear) open = null;
		else if (open) open.push(b);
		else stretches.push((open = [a, b]));
	}
	return stretches;
}
