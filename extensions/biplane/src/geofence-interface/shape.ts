/** A geofence while it is edited. What is valid is the rules' to say; here anything may be drawn. */

export type Kind = 'polygon' | 'circle' | 'gate';
/** Longitude and latitude, degrees WGS 84. */
export type LonLat = [number, number];

/** A ring without its closing position, a gate line, or the centre of a circle. */
export interface Line {
	/** Which polygon it belongs to; its first line is the exterior, the others are holes. */
	polygon: number;
	positions: LonLat[];
}

export interface Shape {
	kind: Kind | null;
	lines: Line[];
	radiusM: number | null;
	/** What the field holds that does not fit the kind: shown by nobody, judged as it is. */
	foreign: GeoJSON.Geometry | null;
}

export interface Vertex {
	line: number;
	index: number;
}

export const emptyShape = (kind: Kind | null, radiusM: number | null = null): Shape => ({ kind, lines: [], radiusM, foreign: null });

const TYPES: Record<Kind, string[]> = { polygon: ['Polygon', 'MultiPolygon'], circle: ['Point'], gate: ['LineString'] };

export const fitsKind = (kind: Kind | null, geometry: GeoJSON.Geometry): boolean => kind !== null && TYPES[kind].includes(geometry.type);

const isSame = (a: LonLat | undefined, b: LonLat | undefined): boolean => a !== undefined && b !== undefined && a[0] === b[0] && a[1] === b[1];

/** The rules count positions as they come, with the closing one last: so an index here is an index there. */
function open(ring: LonLat[]): LonLat[] {
	return ring.length > 1 && isSame(ring[0], ring[ring.length - 1]) ? ring.slice(0, -1) : ring;
}

export function shapeOf(kind: Kind | null, geometry: GeoJSON.Geometry | null, radiusM: number | null): Shape {
	const shape = emptyShape(kind, radiusM);
	if (!geometry) return shape;
	if (!fitsKind(kind, geometry)) return { ...shape, foreign: geometry };
	switch (geometry.type) {
		case 'Point':
			return { ...shape, lines: [{ polygon: 0, positions: [geometry.coordinates as LonLat] }] };
		case 'LineString':
			return { ...shape, lines: [{ polygon: 0, positions: geometry.coordinates as LonLat[] }] };
		case 'Polygon':
			return { ...shape, lines: geometry.coordinates.map((ring) => ({ polygon: 0, positions: open(ring as LonLat[]) })) };
		case 'MultiPolygon':
			return {
				...shape,
				lines: geometry.coordinates.flatMap((rings, polygon) => rings.map((ring) => ({ polygon, positions: open(ring as LonLat[]) }))),
			};
		default:
			return { ...shape, foreign: geometry };
	}
}

/** What the field is to hold. */
export function geometryOf({ kind, lines, foreign }: Shape): GeoJSON.Geometry | null {
	const first = lines[0];
	if (!first) return foreign;
	if (kind === 'circle') return { type: 'Point', coordinates: first.positions[0]! };
	if (kind === 'gate') return { type: 'LineString', coordinates: first.positions };
	const polygons: LonLat[][][] = [];
	for (const { polygon, positions } of lines) (polygons[polygon] ??= []).push([...positions, positions[0]!]);
	const all = polygons.filter(Boolean);
	return all.length === 1 ? { type: 'Polygon', coordinates: all[0]! } : { type: 'MultiPolygon', coordinates: all };
}

/** Whether it is the exterior of its polygon. */
export const isExterior = ({ lines }: Shape, line: number): boolean => lines[line]?.polygon !== lines[line - 1]?.polygon;

export const countOf = ({ lines }: Shape): number => lines.reduce((sum, { positions }) => sum + positions.length, 0);

const withLine = (shape: Shape, line: number, positions: LonLat[]): Shape => ({
	...shape,
	lines: shape.lines.map((one, index) => (index === line ? { ...one, positions } : one)),
});

export function moved(shape: Shape, { line, index }: Vertex, to: LonLat): Shape {
	return withLine(shape, line, shape.lines[line]!.positions.with(index, to));
}

/** With a position that comes to be `index` of its line. */
export function inserted(shape: Shape, { line, index }: Vertex, at: LonLat): Shape {
	return withLine(shape, line, shape.lines[line]!.positions.toSpliced(index, 0, at));
}

/** A line without positions goes, and with an exterior its holes. */
export function removed(shape: Shape, { line, index }: Vertex): Shape {
	const { positions, polygon } = shape.lines[line]!;
	if (positions.length > 1) return withLine(shape, line, positions.toSpliced(index, 1));
	const goes = (one: Line, at: number): boolean => at === line || (isExterior(shape, line) && one.polygon === polygon);
	const lines = shape.lines.filter((one, at) => !goes(one, at));
	const polygons = [...new Set(lines.map((one) => one.polygon))];
	return { ...shape, lines: lines.map((one) => ({ ...one, polygon: polygons.indexOf(one.polygon) })) };
}

/** With a position more at the end of a line; of the line after the last it is the first. */
export function appended(shape: Shape, line: number, at: LonLat): Shape {
	const before = shape.lines[line];
	if (before) return inserted(shape, { line, index: before.positions.length }, at);
	const polygon = shape.lines[shape.lines.length - 1]?.polygon ?? 0;
	return { ...shape, foreign: null, lines: [...shape.lines, { polygon, positions: [at] }] };
}

/** A gate that is passed the other way. */
export const reversed = (shape: Shape): Shape => ({
	...shape,
	lines: shape.lines.map((line) => ({ ...line, positions: line.positions.toReversed() })),
});

/** A hundredth of a metre: what is pointed at is never truer. */
export const rounded = ([lon, lat]: LonLat): LonLat => [Number(lon.toFixed(7)), Number(lat.toFixed(7))];

/** A radius as a person would say it. */
export const roundedRadius = (metres: number): number => Number(metres.toFixed(metres < 100 ? 1 : 0));

/** How far (degrees) a place may be from a segment that it is said to be on. */
const ON_SEGMENT_DEG = 1e-7;

/** The ends of every segment that goes through a place: a rule says where a fault is, people look for vertices. */
export function verticesAt(shape: Shape, at: LonLat): Vertex[] {
	const found = new Map<string, Vertex>();
	shape.lines.forEach(({ positions }, line) => {
		const segments = shape.kind === 'polygon' ? positions.length : positions.length - 1;
		for (let index = 0; index < segments; index++) {
			const next = (index + 1) % positions.length;
			if (toSegment(at, positions[index]!, positions[next]!) > ON_SEGMENT_DEG) continue;
			for (const end of [index, next]) found.set(`${line} ${end}`, { line, index: end });
		}
	});
	return [...found.values()];
}

function toSegment([x, y]: LonLat, [ax, ay]: LonLat, [bx, by]: LonLat): number {
	const [dx, dy] = [bx - ax, by - ay];
	const length = dx * dx + dy * dy;
	const share = length > 0 ? Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length)) : 0;
	return Math.hypot(x - ax - share * dx, y - ay - share * dy);
}
