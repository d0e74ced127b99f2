import type { Feature, Point, Position } from 'geojson';

import packedTowns from '../../../assets/basemap/towns.json.gz?packed';
import packedWorld from '../../../assets/basemap/world.json.gz?packed';
import { unpackJson } from '../unpack.ts';
import { around, cutLine, cutRing, holds, overlaps, thin, type Box } from './cut.ts';

/** What the map shows below everything else, of one part of the world. */
export interface Ground {
	land: Feature[];
	borders: Feature[];
	countries: Feature<Point>[];
	towns: Feature<Point>[];
}

/** From this zoom on places up to this rank are named. */
export const TOWN_RANKS: [zoom: number, rank: number][] = [[0, 0], [4, 1], [5.5, 2], [7, 3], [8, 4], [8.8, 5]];

/** So many views of ground lie around the one that is shown. */
const AROUND = 1.5;
/** So many levels may be zoomed in before more of the ground is to be seen. */
const AHEAD = 1;
/** Vertices that are nearer than this to each other are one (pixels). */
const FINE = 0.4;
/** Pixels around the world at zoom 0. */
const WORLD = 512;

interface World {
	/** Degrees of a step, and what it is counted from; longitude and latitude. */
	scale: [number, number];
	origin: [number, number];
	/** Polygons; none lies over the date line. */
	land: PackedShape[];
	borders: PackedShape[];
	countries: [name: string, lon: number, lat: number, rank: number][];
}

interface PackedShape {
	box: Box;
	/** A polygon's rings, the outer one first, or one line: each its steps from vertex to vertex, longitude and latitude in turns. */
	lines: number[][];
}

/** In columns, with each place as its distance from the one before. */
interface PackedTowns {
	scale: number;
	/** One a line. */
	names: string;
	lon: number[];
	lat: number[];
	/** One digit each. */
	rank: string;
}

/** A polygon or a line, decoded when it is first in sight: of a hundred thousand vertices a view shows few. */
class Shape {
	readonly box: Box;
	private readonly world: World;
	private readonly packed: number[][];
	private decoded: Position[][] | undefined;

	constructor(world: World, { box, lines }: PackedShape) {
		this.box = box;
		this.world = world;
		this.packed = lines;
	}

	/** A polygon's rings, the outer one first, or one line. */
	get lines(): Position[][] {
		return (this.decoded ??= this.packed.map((steps) => this.decode(steps)));
	}

	private decode(steps: number[]): Position[] {
		const { scale: [wide, high], origin: [west, south] } = this.world;
		const line: Position[] = [];
		let [x, y] = [0, 0];
		for (let i = 0; i < steps.length; i += 2) {
			x += steps[i]!;
			y += steps[i + 1]!;
			line.push([west + x * wide, south + y * high]);
		}
		return line;
	}
}

const named = (name: string, rank: number, coordinates: [number, number]): Feature<Point> => ({
	type: 'Feature',
	properties: { name, rank },
	geometry: { type: 'Point', coordinates },
});

/** Tens of thousands, in columns: only those that are shown become features. */
class Towns {
	private readonly names: string[];
	private readonly rank: string;
	private readonly lon: Float64Array;
	private readonly lat: Float64Array;

	constructor({ scale, names, lon, lat, rank }: PackedTowns) {
		const places = (steps: number[]): Float64Array => {
			let at = 0;
			return Float64Array.from(steps, (step) => (at += step) / scale);
		};
		this.names = names.split('\n');
		this.rank = rank;
		this.lon = places(lon);
		this.lat = places(lat);
	}

	/** Those in a box, up to a rank. */
	within([west, south, east, north]: Box, most: number): Feature<Point>[] {
		const found: Feature<Point>[] = [];
		for (let i = 0; i < this.names.length; i++) {
			const [lon, lat] = [this.lon[i]!, this.lat[i]!];
			if (lon < west || lon > east || lat < south || lat > north) continue;
			const rank = Number(this.rank[i]);
			if (rank <= most) found.push(named(this.names[i]!, rank, [lon, lat]));
		}
		return found;
	}
}

/** The built-in ground, from the data in `assets/basemap`. MapLibre is given the part that is in sight: all of it would keep it busy for seconds. */
export class BaseMap {
	private static loaded: Promise<BaseMap> | undefined;
	private readonly land: Shape[];
	private readonly borders: Shape[];
	private readonly countries: Feature<Point>[];
	private readonly towns: Towns;

	private constructor(world: World, towns: PackedTowns) {
		this.land = world.land.map((packed) => new Shape(world, packed));
		this.borders = world.borders.map((packed) => new Shape(world, packed));
		this.countries = world.countries.map(([name, lon, lat, rank]) => named(name, rank, [lon, lat]));
		this.towns = new Towns(towns);
	}

	/** Unpacked once, however many maps a page has. */
	static load(): Promise<BaseMap> {
		return (BaseMap.loaded ??= Promise.all([unpackJson<World>(packedWorld), unpackJson<PackedTowns>(packedTowns)]).then(
			([world, towns]) => new BaseMap(world, towns),
		));
	}

	/** What is to be seen of a view at a zoom, and some way around it. */
	cut(view: Box, zoom: number): Piece {
		const box = around(view, AROUND);
		const least = (FINE * 360) / (WORLD * 2 ** (zoom + AHEAD));
		const seen = ({ box: own }: Shape): boolean => overlaps(own, box) && (own[2] - own[0] >= least || own[3] - own[1] >= least);
		const land = this.land.filter(seen).flatMap((polygon): Feature[] => {
			const fine = polygon.lines.map((ring) => thin(ring, least));
			const rings = (holds(box, polygon.box) ? fine : fine.map((ring) => cutRing(ring, box))).filter((ring) => ring.length >= 4);
			return rings.length === 0 ? [] : [{ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: rings } }];
		});
		const borders = this.borders.filter(seen).flatMap(({ lines }) => lines.flatMap((line) => cutLine(thin(line, least), box)));
		const most = TOWN_RANKS.findLast(([from]) => from <= Math.max(0, zoom + AHEAD))![1];
		const inside = ({ geometry: { coordinates: [lon, lat] } }: Feature<Point>): boolean => overlaps(box, [lon!, lat!, lon!, lat!]);
		return new Piece(box, zoom, {
			land,
			borders: [{ type: 'Feature', properties: {}, geometry: { type: 'MultiLineString', coordinates: borders } }],
			countries: this.countries.filter(inside),
			towns: this.towns.within(box, most),
		});
	}
}

/** A part of the ground, for views in a box. */
export class Piece {
	private readonly box: Box;
	private readonly zoom: number;
	readonly ground: Ground;

	constructor(box: Box, zoom: number, ground: Ground) {
		this.box = box;
		this.zoom = zoom;
		this.ground = ground;
	}

	/** Whether it is enough for another view. */
	shows(view: Box, zoom: number): boolean {
		// On a world that repeats all of it is there, however far one goes.
		const isWhole = this.box[2] - this.box[0] >= 360;
		const [west, east] = isWhole ? [-180, 180] : [view[0], view[2]];
		return zoom <= this.zoom + AHEAD && holds(this.box, [west, Math.max(-90, view[1]), east, Math.min(90, view[3])]);
	}
}
