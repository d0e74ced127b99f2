/**
 * The check as one would write it in JavaScript who knows how: segments in flat arrays, sorted by their lower x, compared
 * with those that still reach there.
 */

interface Polygon {
	type: string;
	coordinates: [number, number][][];
}

/** Whether a polygon of one ring is closed, within range, and does not meet itself. */
export function valid({ type, coordinates }: Polygon): boolean {
	if (type !== 'Polygon' || !Array.isArray(coordinates) || coordinates.length !== 1) return false;
	const ring = coordinates[0]!;
	const count = ring.length - 1;
	if (count < 3) return false;
	const xs = new Float64Array(count + 1);
	const ys = new Float64Array(count + 1);
	for (let index = 0; index <= count; index += 1) {
		const position = ring[index]!;
		const x = position[0], y = position[1];
		if (position.length < 2 || !(x >= -180 && x <= 180) || !(y >= -90 && y <= 90)) return false;
		xs[index] = x;
		ys[index] = y;
	}
	return xs[0] === xs[count] && ys[0] === ys[count] && !meets(xs, ys, count);
}

function meets(xs: Float64Array, ys: Float64Array, count: number): boolean {
	const order = new Array<number>(count);
	const low = new Float64Array(count), high = new Float64Array(count);
	const bottom = new Float64Array(count), top = new Float64Array(count);
	for (let index = 0; index < count; index += 1) {
		const ax = xs[index]!, ay = ys[index]!, bx = xs[index + 1]!, by = ys[index + 1]!;
		order[index] = index;
		low[index] = ax < bx ? ax : bx;
		high[index] = ax < bx ? bx : ax;
		bottom[index] = ay < by ? ay : by;
		top[index] = ay < by ? by : ay;
	}
	order.sort((a, b) => low[a]! - low[b]!);
	const active = new Uint32Array(count);
	let length = 0;
	for (let place = 0; place < count; place += 1) {
		const segment = order[place]!;
		const start = low[segment]!;
		let slot = 0;
		while (slot < length) {
			const other = active[slot]!;
			if (high[other]! < start) {
				length -= 1;
				active[slot] = active[length]!;
				continue;
			}
			slot += 1;
			if (bottom[other]! > top[segment]! || top[other]! < bottom[segment]!) continue;
			const gap = Math.abs(other - segment);
			if (gap === 1 || gap === count - 1) {
				if (spike(xs, ys, count, segment, other, gap)) return true;
			} else if (cross(xs, ys, segment, other)) return true;
		}
		active[length] = segment;
		length += 1;
	}
	return false;
}

/** 1 to the left, -1 to the right, 0 on the line. */
function turn(ax: number, ay: number, bx: number, by: number, cx: number, cy: number): number {
	const area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax);
	return area > 0 ? 1 : area < 0 ? -1 : 0;
}

function cross(xs: Float64Array, ys: Float64Array, a: number, b: number): boolean {
	const ax = xs[a]!, ay = ys[a]!, bx = xs[a + 1]!, by = ys[a + 1]!;
	const cx = xs[b]!, cy = ys[b]!, dx = xs[b + 1]!, dy = ys[b + 1]!;
	const c = turn(ax, ay, bx, by, cx, cy);
	const d = turn(ax, ay, bx, by, dx, dy);
	if (c === d && c !== 0) return false;
	const e = turn(cx, cy, dx, dy, ax, ay);
	const f = turn(cx, cy, dx, dy, bx, by);
	// On one line the boxes, which overlap, have said it; else each has an end on either side of the other.
	return e !== f || e === 0;
}

/** Whether the second of two neighbours goes back the way the first came. */
function spike(xs: Float64Array, ys: Float64Array, count: number, a: number, b: number, gap: number): boolean {
	const tip = gap === 1 ? Math.max(a, b) : 0;
	const before = tip === 0 ? count - 1 : tip - 1;
	const bx = xs[before]!, by = ys[before]!, tx = xs[tip]!, ty = ys[tip]!;
	const ax = xs[tip + 1]!, ay = ys[tip + 1]!;
	return turn(bx, by, tx, ty, ax, ay) === 0 && (bx - tx) * (ax - tx) + (by - ty) * (ay - ty) > 0;
}
