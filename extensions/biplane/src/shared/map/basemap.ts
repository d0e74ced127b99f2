import type { Feature, MultiLineString, MultiPolygon, Point, Position } from 'geojson';
import { feature, type Topology } from 'topojson-client';

import packedTowns from '../../../assets/basemap/towns.json.gz?packed';
import packedWorld from '../../../assets/basemap/world.json.gz?packed';
import { unpackJson } from '../unpack.ts';
import { around, cutLine, cutRing, holds, overlaps, splitAtDateLine, thin, type Box } from './cut.ts';
import { boundsOf } from './shapes.ts';

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
	topology: Topology;
	countries: [name: string, lon: number, lat: number, rank: number][];
}

/** In columns, with each place as its distance from the one before. */
interface Towns {
	scale: number;
	/** One a line. */
	names: string;
	lon: number[];
	lat: number[];
	/** One digit each. */
	rank: string;
}

/** A polygon's rings, the outer one first, or one line; and where they are. */
interface Shape {
	lines: Position[][];
	box: Box;
}

const shape = (lines: Position[][]): Shape => ({ lines, box: boundsOf(lines[0]!)! });

const named = (name: string, rank: number, coordinates: [number, number]): Feature<Point> => ({
	type: 'Feature',
	properties: { name, rank },
	geometry: { type: 'Point', coordinates },
});

function townsOf({ scale, names, lon, lat, rank }: Towns): Feature<Point>[] {
	let x = 0;
	let y = 0;
	return names.split('\n').map((name, i) => {
		x += lon[i]!;
		y += lat[i]!;
		return named(name, Number(rank[i]), [x / scale, y / scale]);
	});
}

/** The built-in ground, from the data in `assets/basemap`. MapLibre is given the part that is in sight: all of it would keep it busy for seconds. */
export class BaseMap {
	private static loaded: Promise<BaseMap> | undefined;
	private readonly land: Shape[];
	private readonly borders: Shape[];
	private readonly countries: Feature<Point>[];
	private readonly towns: Feature<Point>[];

	private constructor({ topology, countries }: World, towns: Towns) {
		const { land, borders } = topology.objects;
		this.land = (feature(topology, land!) as Feature<MultiPolygon>).geometry.coordinates.flatMap(splitAtDateLine).map(shape);
		this.borders = (feature(topology, borders!) as Feature<MultiLineString>).geometry.coordinates.map((line) => shape([line]));
		this.countries = countries.map(([name, lon, lat, rank]) => named(name, rank, [lon, lat]));
		this.towns = townsOf(towns);
	}

	/** Unpacked once, however many maps a page has. */
	static load(): Promise<BaseMap> {
		return (BaseMap.loaded ??= Promise.all([unpackJson<World>(packedWorld), unpackJson<Towns>(packedTowns)]).then(
			([world, towns]) => new BaseMap(world, towns),
		));
	}

	/** What is to be seen of a view at a zoom, and some way around it. */
	cut(view: Box, zoom: number): Piece {
		const box = around(view, AROUND);
		const least = (FINE * 360) / (WORLD * 2 ** (zoom + AHEAD));
		const seen = ({ box: own }: Shape): boolean => overlaps(own, box) && (own[2] - own[0] >= least || own[3] - own[1] >= least);
		const land = this.land.filter(seen).flatMap(({ lines, box: own }): Feature[] => {
			const fine = lines.map((ring) => thin(ring, least));
			const rings = (holds(box, own) ? fine : fine.map((ring) => cutRing(ring, box))).filter((ring) => ring.length >= 4);
			return rings.length === 0 ? [] : [{ type: 'Feature', properties: {}, geometry: { type: 'Polygon', coordinates: rings } }];
		});
		const borders = this.borders.filter(seen).flatMap(({ lines }) => lines.flatMap((line) => cutLine(thin(line, least), box)));
		const most = TOWN_RANKS.findLast(([from]) => from <= Math.max(0, zoom + AHEAD))![1];
		const inside = ({ geometry: { coordinates: [lon, lat] } }: Feature<Point>): boolean => overlaps(box, [lon!, lat!, lon!, lat!]);
		return new Piece(box, zoom, {
			land,
			borders: [{ type: 'Feature', properties: {}, geometry: { type: 'MultiLineString', coordinates: borders } }],
			countries: this.countries.filter(inside),
			towns: this.towns.filter((town) => town.properties!.rank <= most && inside(town)),
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
