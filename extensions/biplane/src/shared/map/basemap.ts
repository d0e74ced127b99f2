import type { Feature, FeatureCollection, Point } from 'geojson';
import { feature, type Topology } from 'topojson-client';

import packedTowns from '../../../assets/basemap/towns.json.gz?packed';
import packedWorld from '../../../assets/basemap/world.json.gz?packed';
import { unpackJson } from '../unpack.ts';

/** What the map shows below everything else, from the data in `assets/basemap`. */
export interface BaseMap {
	land: GeoJSON.GeoJSON;
	borders: GeoJSON.GeoJSON;
	countries: FeatureCollection<Point>;
	towns: FeatureCollection<Point>;
}

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

let loaded: Promise<BaseMap> | undefined;

/** Unpacked once, however many panels a dashboard has. */
export function baseMap(): Promise<BaseMap> {
	loaded ??= (async () => {
		const [world, towns] = await Promise.all([unpackJson<World>(packedWorld), unpackJson<Towns>(packedTowns)]);
		return {
			land: feature(world.topology, world.topology.objects.land!),
			borders: feature(world.topology, world.topology.objects.borders!),
			countries: { type: 'FeatureCollection', features: world.countries.map(([name, lon, lat, rank]) => named(name, rank, [lon, lat])) },
			towns: { type: 'FeatureCollection', features: townsOf(towns) },
		};
	})();
	return loaded;
}
