import type { Map as MapLibre } from 'maplibre-gl';

/** Pixels of an icon's side, at twice the screen's resolution. */
const SIZE = 56;
/** MapLibre reads an icon's alpha as distance to the edge: 8 px of reach, the edge at three quarters. */
const REACH = 8;
const EDGE = 0.25;

type Vertex = [x: number, y: number];

/** Points north; the notch tells front from back at a glance. */
const ARROW: Vertex[] = [[28, 8], [43, 46], [28, 37], [13, 46]];

/** Distance from a polygon's edge in pixels, negative inside. */
function toPolygon(vertices: Vertex[], x: number, y: number): number {
	let nearest = Infinity;
	let inside = false;
	vertices.forEach(([ax, ay], i) => {
		const [bx, by] = vertices[(i + 1) % vertices.length]!;
		const [dx, dy] = [bx - ax, by - ay];
		const along = Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)));
		nearest = Math.min(nearest, Math.hypot(x - ax - along * dx, y - ay - along * dy));
		if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * dx) inside = !inside;
	});
	return inside ? -nearest : nearest;
}

const toCircle = (radius: number) => (x: number, y: number): number => Math.hypot(x - SIZE / 2, y - SIZE / 2) - radius;

function icon(distance: (x: number, y: number) => number): ImageData {
	const image = new ImageData(SIZE, SIZE);
	for (let y = 0; y < SIZE; y++) {
		for (let x = 0; x < SIZE; x++) {
			const alpha = 1 - (distance(x + 0.5, y + 0.5) / REACH + EDGE);
			image.data[(y * SIZE + x) * 4 + 3] = Math.round(255 * Math.max(0, Math.min(1, alpha)));
		}
	}
	return image;
}

/** The icons that the style names; they take the colour of what they stand for. */
export function addIcons(map: MapLibre): void {
	const icons = { arrow: icon((x, y) => toPolygon(ARROW, x, y)), dot: icon(toCircle(13)), town: icon(toCircle(4)) };
	for (const [name, image] of Object.entries(icons)) {
		if (!map.hasImage(name)) map.addImage(name, image, { sdf: true, pixelRatio: 2 });
	}
}
