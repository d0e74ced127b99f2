/** Which fences hold each place, by rbush and turf: a pass for every line on standard input. */

import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { booleanPointInPolygon } from '@turf/boolean-point-in-polygon';
import RBush from 'rbush';

type Position = [number, number];

interface Box {
	minX: number;
	minY: number;
	maxX: number;
	maxY: number;
}

interface Fence extends Box {
	polygon: { type: 'Polygon'; coordinates: Position[][] };
}

/** The numbers of a file, in pairs. */
function positions(file: string): Position[] {
	const bytes = readFileSync(file);
	const numbers = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
	return Array.from({ length: numbers.length / 2 }, (_, n) => [numbers[2 * n]!, numbers[2 * n + 1]!]);
}

function fence(ring: Position[]): Fence {
	const box: Box = { minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity };
	for (const [lon, lat] of ring) {
		box.minX = Math.min(box.minX, lon);
		box.minY = Math.min(box.minY, lat);
		box.maxX = Math.max(box.maxX, lon);
		box.maxY = Math.max(box.maxY, lat);
	}
	return { ...box, polygon: { type: 'Polygon', coordinates: [ring] } };
}

const [ringsFile, placesFile, perRing] = process.argv.slice(2);
const corners = positions(ringsFile!);
const places = positions(placesFile!);
const fences: Fence[] = [];
for (let start = 0; start < corners.length; start += Number(perRing)) {
	fences.push(fence(corners.slice(start, start + Number(perRing))));
}
const tree = new RBush<Fence>();
tree.load(fences);

function pass(): number {
	let hits = 0;
	for (const place of places) {
		const [lon, lat] = place;
		for (const { polygon } of tree.search({ minX: lon, minY: lat, maxX: lon, maxY: lat })) {
			if (booleanPointInPolygon(place, polygon)) hits += 1;
		}
	}
	return hits;
}

for await (const _ of createInterface({ input: process.stdin })) {
	const start = performance.now();
	const hits = pass();
	console.log(JSON.stringify({ hits, ms: performance.now() - start }));
}
