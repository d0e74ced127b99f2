/** A cell of the screen that holds one thing (CSS pixels). */
const CELL = 6;
/** Half the height of a number, and what lies between a mark and its number. */
const HALF_HEIGHT = 8;
const BESIDE = 11;
/** More are read by nobody. */
const MOST = 250;

export type Side = 'right' | 'left' | 'below' | 'above';
const SIDES: Side[] = ['right', 'left', 'below', 'above'];

export interface Labelled {
	index: number;
	x: number;
	y: number;
	width: number;
}

export interface Label {
	index: number;
	/** The middle of the number, from the mark (CSS pixels). */
	right: number;
	down: number;
}

/** The screen in cells, each free or taken. */
class Grid {
	private readonly taken: Uint8Array;
	private readonly columns: number;
	private readonly rows: number;

	constructor(width: number, height: number) {
		this.columns = Math.ceil(width / CELL) + 1;
		this.rows = Math.ceil(height / CELL) + 1;
		this.taken = new Uint8Array(this.columns * this.rows);
	}

	/** Whether a box is free; takes it on demand. */
	isFree(left: number, top: number, right: number, bottom: number, take: boolean): boolean {
		const [x0, x1] = [Math.max(0, Math.floor(left / CELL)), Math.min(this.columns - 1, Math.floor(right / CELL))];
		const [y0, y1] = [Math.max(0, Math.floor(top / CELL)), Math.min(this.rows - 1, Math.floor(bottom / CELL))];
		for (let y = y0; y <= y1; y++) {
			for (let at = y * this.columns + x0; at <= y * this.columns + x1; at++) {
				if (take) this.taken[at] = 1;
				else if (this.taken[at]) return false;
			}
		}
		return true;
	}
}

/** Numbers where there is room: none lies over another, nor over a mark. Those that come first are placed first. */
export class Labels {
	/** Where each was last: it stays there while it can. */
	private sides = new Map<number, Side>();

	place(marks: Labelled[], width: number, height: number): Label[] {
		const grid = new Grid(width, height);
		for (const { x, y } of marks) grid.isFree(x - 5, y - 5, x + 5, y + 5, true);
		const labels: Label[] = [];
		const sides = new Map<number, Side>();
		for (const mark of marks) {
			if (labels.length >= MOST) break;
			const before = this.sides.get(mark.index);
			for (const side of before ? [before, ...SIDES] : SIDES) {
				const { right, down } = offset(side, mark.width);
				const [left, top] = [mark.x + right - mark.width / 2, mark.y + down - HALF_HEIGHT];
				if (!grid.isFree(left, top, left + mark.width, top + 2 * HALF_HEIGHT, false)) continue;
				grid.isFree(left, top, left + mark.width, top + 2 * HALF_HEIGHT, true);
				sides.set(mark.index, side);
				labels.push({ index: mark.index, right, down });
				break;
			}
		}
		this.sides = sides;
		return labels;
	}
}

function offset(side: Side, width: number): { right: number; down: number } {
	switch (side) {
		case 'right':
			return { right: BESIDE + width / 2, down: 0 };
		case 'left':
			return { right: -BESIDE - width / 2, down: 0 };
		case 'below':
			return { right: 0, down: BESIDE + HALF_HEIGHT - 2 };
		case 'above':
			return { right: 0, down: -BESIDE - HALF_HEIGHT + 2 };
	}
}
