import type { Competitor, Fault } from '../competitor.ts';
import type { Field } from '../field.ts';
import { Labels, type Label, type Labelled } from './labels.ts';
import { MarksCanvas } from './marks-canvas.ts';
import { Sprites } from './sprites.ts';
import { screenX, screenY, worldX, worldY, type View } from './world.ts';

/** Numbers are placed anew this often at most (ms). */
const LABELS_MS = 300;
/** Times are told to the graphics card as so many ms at most: its numbers are short. */
const EPOCH_MS = 3_600_000;
const MOST_FAULTS = 400;
const MOST_EXTRAS = MOST_FAULTS + 300;
/** With more than this, marks are smaller. */
const MANY = 1000;
/** So near (CSS pixels) counts as hit. */
const HIT = 13;

/** How the marks are shown. */
export interface MarkLook {
	numbers: boolean;
	faulty: boolean;
	trails: boolean;
	trailMs: number;
	selected: Competitor | null;
	halo: [number, number, number];
	/** Of numbers, `0xrrggbb`. */
	label: number;
}

export interface Hit {
	competitor: Competitor;
	/** An implausible fix of its, if that was hit. */
	fault: Fault | null;
}

/** Marks, trails, numbers and implausible fixes of a field, over a map. */
export class MarkLayer {
	private readonly canvas: MarksCanvas;
	private field: Field;
	private marks: Sprites;
	private readonly extras = new Sprites(MOST_EXTRAS);
	private readonly labels = new Labels();
	private placed: Label[] = [];
	private placedAt = -Infinity;
	private epoch: number;

	constructor(container: HTMLElement, field: Field, now: number) {
		this.canvas = new MarksCanvas(container);
		this.field = field;
		this.marks = new Sprites(field.all.length);
		this.epoch = now;
		this.setField(field, now);
	}

	setField(field: Field, now: number): void {
		this.field = field;
		this.marks = new Sprites(field.all.length);
		this.marks.count = field.all.length;
		this.placeAll(now);
		this.placed = [];
		this.placedAt = -Infinity;
	}

	resize(width: number, height: number): void {
		this.canvas.resize(width, height);
	}

	/** Numbers are placed anew at the next drawing. */
	replace(): void {
		this.placedAt = -Infinity;
	}

	draw(view: View, now: number, look: MarkLook): void {
		if (Math.abs(now - this.epoch) > EPOCH_MS) this.placeAll(now);
		for (const one of this.field.moved) this.placeOne(one);
		this.field.moved.clear();
		if (look.numbers && performance.now() - this.placedAt > LABELS_MS) this.placeLabels(view, now, look.selected);
		this.fillExtras(look);
		this.canvas.draw({
			view,
			now: now - this.epoch,
			marks: this.marks,
			extras: this.extras,
			trails: look.trails ? this.field.trails : null,
			timeMs: this.field.newestMs,
			trailMs: look.trailMs,
			halo: look.halo,
		});
	}

	/** What is nearest to a point of the screen, if anything is near. To look at all of them takes less than an index would. */
	hit(view: View, now: number, x: number, y: number, faulty: boolean): Hit | null {
		let nearest: Hit | null = null;
		let distance = HIT;
		const consider = (away: number, competitor: Competitor, fault: Fault | null): void => {
			if (away < distance) [distance, nearest] = [away, { competitor, fault }];
		};
		for (const one of this.field.all) {
			if (one.fix) {
				const at = [screenX(view, this.marks.xAt(one.index, now - this.epoch)), screenY(view, this.marks.yAt(one.index, now - this.epoch))];
				consider(Math.hypot(at[0]! - x, at[1]! - y), one, null);
			}
			if (!faulty) continue;
			for (const fault of one.faults) consider(Math.hypot(screenX(view, worldX(fault.lon)) - x, screenY(view, worldY(fault.lat)) - y), one, fault);
		}
		return nearest;
	}

	close(): void {
		this.canvas.close();
	}

	private placeAll(now: number): void {
		this.epoch = now;
		for (const one of this.field.all) this.placeOne(one);
	}

	private placeOne(one: Competitor): void {
		const { index, from, to } = one;
		const { atlas } = this.canvas;
		if (!one.fix) return this.marks.hide(index);
		const [x, y] = [worldX(from[0]), worldY(from[1])];
		const end = this.field.trails.endOf(index);
		this.marks.place(index, x, y, worldX(to[0]), worldY(to[1]), end ? worldX(end.lon) : x, end ? worldY(end.lat) : y);
		this.marks.glide(index, one.startMs - this.epoch, one.glideMs);
		const turn = one.isDirected ? ((one.courseDeg ?? 0) * Math.PI) / 180 : 0;
		const size = this.field.all.length > MANY ? 0.72 : 1;
		this.marks.look(index, one.isDirected ? atlas.arrow : atlas.dot, one.rgb, 255, turn, size);
	}

	private placeLabels(view: View, now: number, selected: Competitor | null): void {
		this.placedAt = performance.now();
		const seen: Labelled[] = [];
		const add = (one: Competitor): void => {
			if (!one.fix) return;
			const x = screenX(view, this.marks.xAt(one.index, now - this.epoch));
			const y = screenY(view, this.marks.yAt(one.index, now - this.epoch));
			if (x < 0 || y < 0 || x > view.width || y > view.height) return;
			seen.push({ index: one.index, x, y, width: this.canvas.atlas.widthOf(one.entry.number) });
		};
		if (selected) add(selected);
		for (const one of this.field.all) if (one !== selected) add(one);
		this.placed = this.labels.place(seen, view.width, view.height);
	}

	/** The ring of who is selected, implausible fixes, numbers. */
	private fillExtras({ selected, faulty, numbers, trailMs, label }: MarkLook): void {
		const { extras, marks, field } = this;
		const { atlas } = this.canvas;
		let count = 0;
		if (selected?.fix) {
			extras.goAs(count, marks, selected.index);
			extras.look(count++, atlas.ring, selected.rgb);
		}
		if (faulty) {
			for (const one of field.all) {
				for (const fault of one.faults) {
					if (count >= MOST_FAULTS || fault.timeMs < field.newestMs - trailMs) continue;
					const [x, y] = [worldX(fault.lon), worldY(fault.lat)];
					extras.place(count, x, y, x, y, x, y);
					extras.glide(count, 0, 0);
					extras.look(count++, atlas.cross, one.rgb);
				}
			}
		}
		if (numbers) {
			const pictures = atlas.textsOf(this.placed.map(({ index }) => field.all[index]!.entry.number));
			this.placed.forEach(({ index, right, down }, i) => {
				if (count >= MOST_EXTRAS || !field.all[index]!.fix) return;
				extras.goAs(count, marks, index);
				extras.look(count++, pictures[i]!, label, 255, 0, 1, right, down);
			});
		}
		extras.count = count;
	}
}
