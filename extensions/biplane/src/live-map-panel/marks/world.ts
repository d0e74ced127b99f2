/**
 * Places as whole numbers, so that the graphics card subtracts them exactly: Web Mercator, the world
 * 2³² units wide and 2³¹ high (1 and 2 cm at the equator). Differences in x wrap around at the
 * antimeridian by themselves.
 */
export const WORLD_WIDTH = 2 ** 32;
export const WORLD_HEIGHT = 2 ** 31;

/** Beyond this latitude Mercator leads nowhere. */
const FARTHEST_LAT = 85.06;

export const worldX = (lon: number): number => Math.round((lon / 360) * WORLD_WIDTH) | 0;

export function worldY(lat: number): number {
	const phi = (Math.max(-FARTHEST_LAT, Math.min(FARTHEST_LAT, lat)) * Math.PI) / 180;
	return Math.round((0.5 - Math.log(Math.tan(Math.PI / 4 + phi / 2)) / (2 * Math.PI)) * (WORLD_HEIGHT - 1)) | 0;
}

/** What a flat map shows: its middle in units of the world, CSS pixels per unit, and its size in CSS pixels. */
export interface View {
	x: number;
	y: number;
	scaleX: number;
	scaleY: number;
	width: number;
	height: number;
}

/** The view of a map that is neither turned nor tilted. `zoom` is MapLibre's: the world is 512·2^zoom pixels wide. */
export function viewOf(centre: { lng: number; lat: number }, zoom: number, width: number, height: number): View {
	const pixels = 512 * 2 ** zoom;
	return { x: worldX(centre.lng), y: worldY(centre.lat), scaleX: pixels / WORLD_WIDTH, scaleY: pixels / WORLD_HEIGHT, width, height };
}

/** Where a place is on the screen, from its upper left corner. */
export const screenX = (view: View, x: number): number => ((x - view.x) | 0) * view.scaleX + view.width / 2;
export const screenY = (view: View, y: number): number => (y - view.y) * view.scaleY + view.height / 2;
