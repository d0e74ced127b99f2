/** A page with nothing but the live map's marks on it, and synthetic positions by the way that the live channel's take. */
import { Field } from '../../../extensions/biplane/src/live-map-panel/field.ts';
import { LiveMap, type Scene } from '../../../extensions/biplane/src/live-map-panel/map.ts';
import { roster } from '../../../extensions/biplane/src/live-map-panel/rows.ts';
import { LAYERS } from '../../../extensions/biplane/src/live-map-panel/settings.ts';
import { textsIn } from '../../../extensions/biplane/src/live-map-panel/texts.ts';
import type { Entry } from '../../../extensions/biplane/src/shared/app/race-types.ts';
import { LIGHT } from '../../../extensions/biplane/src/shared/map/palette.ts';
import type { ManyMarks } from './api.ts';
import { Traffic } from './traffic.ts';

const entry = (index: number): Entry => ({
	id: `entry ${index}`, number: String(index + 1), name: `Vehicle ${index + 1}`, category: null, status: 'started', color: null, device: `device ${index}`,
});

declare global {
	interface Window extends ManyMarks {}
}

let pictures = 0;
let frames = 0;
let drew = false;
for (const name of ['drawElements', 'drawArrays', 'drawArraysInstanced', 'drawElementsInstanced'] as const) {
	const original = WebGL2RenderingContext.prototype[name] as (...args: unknown[]) => void;
	WebGL2RenderingContext.prototype[name] = function (this: WebGL2RenderingContext, ...args: unknown[]) {
		drew = true;
		return original.apply(this, args);
	};
}
const count = (): void => {
	requestAnimationFrame(count);
	frames++;
	if (drew) pictures++;
	drew = false;
};
requestAnimationFrame(count);

window.run = async (marks) => {
	document.body.innerHTML = '<div style="position:absolute;inset:0" id="map"></div>';
	const texts = textsIn('en-US');
	const entries = Array.from({ length: marks }, (_, index) => entry(index));
	const field = new Field(entries, 600_000);
	const scene: Scene = {
		field, clock: () => performance.now(), checkpoints: [], fences: [], palette: LIGHT, tiles: null, layers: [...LAYERS], trailMs: 600_000,
		selected: null, followed: null, covered: { top: 0, left: 0 },
	};
	const traffic = new Traffic(marks);
	field.takePositions(traffic.all(), performance.now(), false);
	const map = await new Promise<LiveMap>((resolve, reject) => {
		const opened = LiveMap.open(document.getElementById('map')!, scene, texts, {
			pick: () => undefined, hover: () => undefined, moved: () => undefined, drawn: () => void opened.then(resolve), failed: (reason) => console.error(reason),
		});
		opened.catch(reject);
	});
	let updates = 0;
	let takeMs = 0;
	let textMs = 0;
	traffic.play((messages) => {
		const begun = performance.now();
		for (const message of messages) field.takePositions(JSON.parse(message), performance.now(), true);
		map.touch();
		takeMs += performance.now() - begun;
		updates++;
	});
	setInterval(() => {
		const begun = performance.now();
		roster({ checkpoints: [] }, field, texts, new Map());
		textMs += performance.now() - begun;
	}, 400);
	window.report = () => ({ updates, takeMs, textMs, pictures, frames, marks: field.all.length });
};
