import assert from 'node:assert/strict';
import { test } from 'node:test';

import { computed, nextTick, ref } from 'vue';

import { fieldsOf, useEditor, type Fields } from '../src/geofence-interface/editor.ts';
import { handlesOf } from '../src/geofence-interface/features.ts';
import { area, length } from '../src/geofence-interface/figures.ts';
import { readImport, shapeOfFound, simplified } from '../src/geofence-interface/importing.ts';
import { dragged } from '../src/geofence-interface/pointing.ts';
import { appended, emptyShape, geometryOf, removed, reversed, shapeOf, verticesAt, type LonLat } from '../src/geofence-interface/shape.ts';
import { textsIn } from '../src/geofence-interface/texts.ts';
import { judgeShape, measureShape } from '../src/geofence-interface/verdict.ts';
import { engine } from './module.ts';

const RING: LonLat[] = [[13, 46], [13.01, 46], [13.01, 46.01], [13, 46.01]];
const HOLE: LonLat[] = [[13.002, 46.002], [13.002, 46.004], [13.004, 46.004]];
const closed = (ring: LonLat[]): LonLat[] => [...ring, ring[0]!];
const SQUARE: GeoJSON.Polygon = { type: 'Polygon', coordinates: [closed(RING), closed(HOLE)] };
const PAIR: GeoJSON.MultiPolygon = { type: 'MultiPolygon', coordinates: [[closed(RING), closed(HOLE)], [closed(RING.map(([lon, lat]) => [lon + 1, lat]))]] };
const noXml = (): Document => assert.fail('no XML is read');

test('a shape comes out of a geometry and goes back into it', () => {
	for (const [kind, geometry] of [
		['polygon', SQUARE],
		['polygon', PAIR],
		['gate', { type: 'LineString', coordinates: RING }],
		['circle', { type: 'Point', coordinates: [13, 46] }],
	] as const) {
		assert.deepEqual(geometryOf(shapeOf(kind, geometry as GeoJSON.Geometry, 5)), geometry);
	}
});

test('what does not fit the kind is kept, and judged as it is', () => {
	const shape = shapeOf('circle', SQUARE, 100);
	assert.deepEqual(geometryOf(shape), SQUARE);
	assert.equal(measureShape(engine, shape), null);
	const verdict = judgeShape(engine, shape);
	assert.equal(verdict.state === 'refused' && verdict.message, 'geometry: a circle geofence needs a Point (its centre), not a Polygon');
	assert.deepEqual(geometryOf(appended(shape, 0, [1, 2])), { type: 'Point', coordinates: [1, 2] });
});

test('with the last vertex of an exterior its holes go, and the polygons after it stay whole', () => {
	let shape = shapeOf('polygon', PAIR, null);
	for (let left = 4; left > 0; left--) shape = removed(shape, { line: 0, index: 0 });
	assert.deepEqual(geometryOf(shape), { type: 'Polygon', coordinates: [PAIR.coordinates[1]![0]] });
});

test('a polygon that is begun says what it lacks', () => {
	const shape = appended(appended(emptyShape('polygon'), 0, [13, 46]), 0, [13.1, 46]);
	const verdict = judgeShape(engine, shape);
	assert.equal(verdict.state === 'refused' && verdict.message, 'geometry: ring 0 has 3 positions, needs at least 4');
});

test('of a bow tie the place is told, and the vertices of both segments are found', () => {
	const shape = shapeOf('polygon', { type: 'Polygon', coordinates: [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]] }, null);
	const verdict = judgeShape(engine, shape);
	assert.ok(verdict.state === 'refused' && verdict.at);
	assert.deepEqual(verdict.at, [1, 1]);
	assert.deepEqual(verticesAt(shape, verdict.at).map(({ index }) => index).sort(), [0, 1, 2, 3]);
});

test('repairs are told: what is repeated, and which rings will be turned', () => {
	const clockwise = closed([RING[0]!, RING[0]!, ...RING.slice(1)].toReversed());
	const verdict = judgeShape(engine, shapeOf('polygon', { type: 'Polygon', coordinates: [clockwise] }, null));
	assert.deepEqual(verdict, { state: 'valid', repairs: { repeated: 1, turned: 1 } });
	assert.deepEqual(judgeShape(engine, shapeOf('polygon', { type: 'Polygon', coordinates: [closed(RING)] }, null)), { state: 'valid', repairs: null });
});

test('measures are those of the earth', () => {
	const circle = measureShape(engine, shapeOf('circle', { type: 'Point', coordinates: [13, 46] }, 1000));
	assert.ok(Math.abs(circle!.area_m2! - Math.PI * 1e6) < 10);
	const gate = measureShape(engine, shapeOf('gate', { type: 'LineString', coordinates: [[0, 0], [1, 0]] }, null));
	assert.equal(gate!.area_m2, null);
	assert.ok(Math.abs(gate!.perimeter_m - 111_319.49) < 0.01);
	assert.equal(measureShape(engine, shapeOf('circle', { type: 'Point', coordinates: [13, 46] }, null)), null);
});

test('handles: a vertex moves, a middle becomes a vertex, the rim is the radius', () => {
	const polygon = shapeOf('polygon', { type: 'Polygon', coordinates: [closed(RING)] }, null);
	const handles = handlesOf(polygon);
	assert.equal(handles.filter(({ part }) => part === 'middle').length, 4);
	assert.deepEqual(dragged(polygon, { part: 'vertex', line: 0, index: 1 }, [13.02, 46]).lines[0]!.positions[1], [13.02, 46]);
	assert.equal(dragged(polygon, { part: 'middle', line: 0, index: 4 }, [12.99, 46.005]).lines[0]!.positions.length, 5);
	const circle = shapeOf('circle', { type: 'Point', coordinates: [13, 46] }, 500);
	const rim = handlesOf(circle).find(({ part }) => part === 'rim')!;
	assert.equal(dragged(circle, { part: 'rim' }, rim.at).radiusM, 500);
});

test('GeoJSON: shapes are found wherever they are, and the others are told of by the rules’ sentences', () => {
	const text = JSON.stringify({
		type: 'FeatureCollection',
		features: [
			{ type: 'Feature', properties: { name: 'Zone' }, geometry: { type: 'Polygon', coordinates: [closed(RING).map(([lon, lat]) => [lon, lat, 300])] } },
			{ type: 'Feature', properties: { radius_m: 400 }, geometry: { type: 'Point', coordinates: [13, 46] } },
			{ type: 'Feature', properties: { name: 'Many' }, geometry: { type: 'MultiPoint', coordinates: [[1, 2]] } },
			{ type: 'Feature', properties: null, geometry: { type: 'GeometryCollection', geometries: [{ type: 'LineString', coordinates: RING }] } },
			{ type: 'Feature', properties: { name: 'Odd' }, geometry: { type: 'LineString', coordinates: [['a', 'b'], [1, 2]] } },
		],
	});
	const { found, skipped, altitudes } = readImport(text, engine, noXml);
	assert.deepEqual(found.map(({ name, type, positions, radiusM }) => [name, type, positions, radiusM]), [
		['Zone', 'polygon', 4, null],
		[null, 'point', 1, 400],
		[null, 'line', 4, null],
	]);
	assert.equal(altitudes, true);
	assert.deepEqual(skipped.map(({ name }) => name), ['Many', 'Odd']);
	assert.equal(skipped[0]!.sentence, 'geometry: is no GeoJSON geometry: a MultiPoint is no shape of a geofence');
	assert.equal(judgeShape(engine, shapeOfFound(found[0]!, 'polygon', null)).state, 'valid');
	assert.equal(judgeShape(engine, shapeOfFound(found[1]!, 'circle', 50)).state, 'valid');
	assert.equal(judgeShape(engine, shapeOfFound(found[2]!, 'polygon', null)).state, 'valid');
	assert.throws(() => readImport('neither', engine, noXml), SyntaxError);
});

test('a track is thinned by the rule that Flows use', () => {
	const line = Array.from({ length: 100 }, (_, index): LonLat => [13 + index / 10_000, 46]);
	assert.deepEqual(simplified(engine, line, 5), [line[0], line[99]]);
});

test('a gate is turned round', () => {
	assert.deepEqual(reversed(shapeOf('gate', { type: 'LineString', coordinates: RING }, null)).lines[0]!.positions, RING.toReversed());
});

test('figures have their unit, in the reader’s language', () => {
	assert.equal(area(1234, 'en-US'), '1,234 m²');
	assert.equal(area(1_234_567, 'de-DE'), '1,235 km²');
	assert.equal(length(500, 'en-US'), '500.0 m');
	assert.equal(length(12_345, 'en-US'), '12.35 km');
	assert.equal(textsIn('sl-SI').area, 'Površina');
	assert.equal(textsIn('fr-FR').area, 'Area');
});

/** A form that takes one field a tick, as Directus's does. */
function form(start: Fields) {
	const fields = ref(start);
	const told: string[] = [];
	let props = start;
	const editor = useEditor(computed(() => fields.value), (field, value) => {
		told.push(field);
		fields.value = { ...props, [field]: value };
		void nextTick().then(() => (props = fields.value));
	});
	return { fields, told, editor, settle: async () => { for (let turn = 0; turn < 8; turn++) await nextTick(); } };
}

test('an edit reaches the form field by field, and undo takes it back', async () => {
	const { fields, told, editor, settle } = form(fieldsOf('circle', { type: 'Point', coordinates: [13, 46] }, '500'));
	editor.commit(shapeOf('polygon', SQUARE, 500));
	await settle();
	assert.deepEqual(fields.value, { kind: 'polygon', geometry: SQUARE, radiusM: 500 });
	assert.deepEqual(told, ['kind', 'geometry']);
	editor.undo();
	await settle();
	assert.deepEqual(fields.value, { kind: 'circle', geometry: { type: 'Point', coordinates: [13, 46] }, radiusM: 500 });
	editor.redo();
	await settle();
	assert.equal(fields.value.kind, 'polygon');
});

test('what is read into the form is no edit: nothing is written, nothing can be undone', async () => {
	const { fields, told, editor, settle } = form(fieldsOf(null, null, null));
	fields.value = fieldsOf('polygon', { type: 'MultiPolygon', coordinates: [SQUARE.coordinates] }, null);
	await settle();
	assert.equal(editor.shape.value.lines.length, 2);
	assert.deepEqual(told, []);
	assert.equal(editor.canUndo.value, false);
});

test('who chooses another kind and comes back finds the shape again', async () => {
	const { fields, editor, settle } = form(fieldsOf('polygon', SQUARE, null));
	fields.value = { ...fields.value, kind: 'gate' };
	await settle();
	assert.equal(fields.value.geometry, null);
	fields.value = { ...fields.value, kind: 'polygon' };
	await settle();
	assert.deepEqual(fields.value.geometry, SQUARE);
	editor.undo();
	await settle();
	assert.equal(fields.value.kind, 'gate');
});
