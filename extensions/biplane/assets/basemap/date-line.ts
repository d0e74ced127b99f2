import type { Position } from 'geojson';

import { cutRing, type Box } from '../../src/shared/map/cut.ts';

const EARTH: Box = [-180, -90, 180, 90];

/** A ring that jumps from one side of the map to the other at the date line, gone on with beyond it instead; nothing where it goes around a pole. */
function unrolled(ring: Position[]): Position[] | null {
	let turn = 0;
	const rolled = ring.map(([lon, lat], i): Position => {
		const step = i === 0 ? 0 : lon! - ring[i - 1]![0]!;
		if (Math.abs(step) > 180) turn -= Math.sign(step) * 360;
		return [lon! + turn, lat!];
	});
	return turn === 0 ? rolled : null;
}

/** A polygon's rings (the outer one first), of a polygon over the date line those of its parts on both sides. */
export function splitAtDateLine(rings: Position[][]): Position[][][] {
	const jumps = (ring: Position[]): boolean => ring.some((vertex, i) => i > 0 && Math.abs(vertex[0]! - ring[i - 1]![0]!) > 180);
	if (!rings.some(jumps)) return [rings];
	const whole = rings.map(unrolled).filter((ring) => ring !== null);
	if (whole.length < rings.length) return [rings];
	const parts = [-360, 0, 360].map((turn) =>
		whole.map((ring) => cutRing(ring.map(([lon, lat]) => [lon! + turn, lat!]), EARTH)).filter((ring) => ring.length > 0));
	return parts.filter((part) => part.length > 0);
}
