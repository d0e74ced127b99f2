import type { Field } from './program.ts';

/** A picture's place in the atlas, in its pixels. */
export interface Picture {
	x: number;
	y: number;
	width: number;
	height: number;
}

/** What is drawn of one thing, as the graphics card reads it. */
const STRIDE = 60;
const WORDS = STRIDE / 4;

/** Pictures on the map, each gliding from one place to another, in the memory that is handed to the graphics card. */
export class Sprites {
	static readonly stride: number = STRIDE;
	static readonly fields: Record<string, Field> = {
		a_from: { type: 'int', count: 2, at: 0 },
		a_to: { type: 'int', count: 2, at: 8 },
		a_kept: { type: 'int', count: 2, at: 16 },
		a_glide: { type: 'float', count: 2, at: 24 },
		a_turn: { type: 'float', count: 2, at: 32 },
		a_offset: { type: 'float', count: 2, at: 40 },
		a_picture: { type: 'ushort', count: 4, at: 48 },
		a_color: { type: 'color', count: 4, at: 56 },
	};

	/** How many are drawn. */
	count = 0;
	/** Counts changes: whoever has handed them on knows whether it has to again. */
	version = 0;
	private bytes: Uint8Array<ArrayBuffer>;
	private ints: Int32Array<ArrayBuffer>;
	private floats: Float32Array<ArrayBuffer>;
	private shorts: Uint16Array<ArrayBuffer>;

	constructor(capacity: number) {
		const memory = new ArrayBuffer(capacity * STRIDE);
		this.bytes = new Uint8Array(memory);
		this.ints = new Int32Array(memory);
		this.floats = new Float32Array(memory);
		this.shorts = new Uint16Array(memory);
	}

	get capacity(): number {
		return this.bytes.length / STRIDE;
	}

	/** What is to be drawn. */
	get drawn(): Uint8Array<ArrayBuffer> {
		return this.bytes.subarray(0, this.count * STRIDE);
	}

	/** Where it sets out, where it goes, and from where a line is drawn to it. */
	place(index: number, fromX: number, fromY: number, toX: number, toY: number, keptX: number, keptY: number): void {
		const at = index * WORDS;
		this.ints[at] = fromX;
		this.ints[at + 1] = fromY;
		this.ints[at + 2] = toX;
		this.ints[at + 3] = toY;
		this.ints[at + 4] = keptX;
		this.ints[at + 5] = keptY;
		this.version++;
	}

	/** When it sets out and for how long it is under way, in ms of the drawing's clock. */
	glide(index: number, start: number, duration: number): void {
		const at = index * WORDS + 6;
		this.floats[at] = start;
		this.floats[at + 1] = duration;
	}

	/** What it looks like: turned clockwise (radians), `size` times as large, moved by pixels on the screen. */
	look(index: number, { x, y, width, height }: Picture, color: number, alpha = 255, turn = 0, size = 1, right = 0, down = 0): void {
		const at = index * WORDS;
		this.floats[at + 8] = turn;
		this.floats[at + 9] = size;
		this.floats[at + 10] = right;
		this.floats[at + 11] = down;
		this.shorts.set([x, y, width, height], at * 2 + 24);
		const byte = index * STRIDE + 56;
		this.bytes[byte] = color >> 16;
		this.bytes[byte + 1] = (color >> 8) & 255;
		this.bytes[byte + 2] = color & 255;
		this.bytes[byte + 3] = alpha;
		this.version++;
	}

	/** Hides one without moving the others. */
	hide(index: number): void {
		this.bytes[index * STRIDE + 59] = 0;
		this.version++;
	}

	/** Goes the same way as one of another set. */
	goAs(index: number, other: Sprites, which: number): void {
		this.ints.set(other.ints.subarray(which * WORDS, which * WORDS + 8), index * WORDS);
	}

	placeOf(index: number): { toX: number; toY: number } {
		return { toX: this.ints[index * WORDS + 2]!, toY: this.ints[index * WORDS + 3]! };
	}

	/** Where one is by now, in units of the world. */
	xAt(index: number, now: number): number {
		const at = index * WORDS;
		return this.ints[at]! + ((this.ints[at + 2]! - this.ints[at]!) | 0) * this.done(at, now);
	}

	yAt(index: number, now: number): number {
		const at = index * WORDS;
		return this.ints[at + 1]! + (this.ints[at + 3]! - this.ints[at + 1]!) * this.done(at, now);
	}

	isSeen(index: number): boolean {
		return this.bytes[index * STRIDE + 59]! > 0;
	}

	private done(at: number, now: number): number {
		const duration = this.floats[at + 7]!;
		return duration <= 0 ? 1 : Math.max(0, Math.min(1, (now - this.floats[at + 6]!) / duration));
	}
}
