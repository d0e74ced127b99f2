import type { Picture } from './sprites.ts';

/** Pixels of the atlas's side at a screen's resolution of 1. */
const SIDE = 768;
const FONT = '700 12px Inter, system-ui, sans-serif';
const TEXT_HEIGHT = 18;
/** A longer text is squeezed (CSS pixels). */
const WIDEST = 160;
/** Of halo around a shape or a text, CSS pixels. */
const HALO = 1.6;

type Paint = (context: CanvasRenderingContext2D, halo: boolean) => void;

const path = (points: [number, number][]): Path2D => new Path2D(`M${points.map((point) => point.join(' ')).join('L')}Z`);

/** Points north; the notch tells front from back at a glance. */
const ARROW = path([[14, 4], [21.5, 23], [14, 18.5], [6.5, 23]]);
const CROSS = 'M5 5L17 17M17 5L5 17';

const filled = (shape: Path2D): Paint => (context, halo) => {
	context.fill(shape);
	if (!halo) return;
	context.lineWidth = 2 * HALO;
	context.lineJoin = 'round';
	context.stroke(shape);
};

const circle = (x: number, y: number, radius: number): Path2D => {
	const shape = new Path2D();
	shape.arc(x, y, radius, 0, 2 * Math.PI);
	return shape;
};

/** An outline only: a fix that nobody believes. */
const hollowCross: Paint = (context, halo) => {
	const cross = new Path2D(CROSS);
	context.lineCap = 'butt';
	context.lineWidth = halo ? 8.4 : 6;
	context.stroke(cross);
	context.globalCompositeOperation = 'destination-out';
	context.lineWidth = halo ? 0.9 : 2.8;
	context.stroke(cross);
};

const ring: Paint = (context) => {
	context.globalAlpha = 0.18;
	context.fill(circle(20, 20, 17));
	context.globalAlpha = 1;
	context.lineWidth = 2;
	context.stroke(circle(20, 20, 17));
};

/** All pictures that marks have, in one image: how much is colour in red, how much is colour or halo in green. */
export class Atlas {
	readonly side: number;
	readonly arrow: Picture;
	readonly dot: Picture;
	readonly cross: Picture;
	readonly ring: Picture;
	/** Counts changes. */
	version = 0;
	private readonly ratio: number;
	private readonly image: CanvasRenderingContext2D;
	private readonly stamp: CanvasRenderingContext2D;
	private readonly texts = new Map<string, Picture>();
	private readonly widths = new Map<string, number>();
	private x = 0;
	private y = 0;
	private rowHeight = 0;
	private readonly textsFrom: number;

	constructor(ratio: number) {
		this.ratio = ratio;
		this.side = Math.round(SIDE * ratio);
		this.image = new OffscreenCanvas(this.side, this.side).getContext('2d', { willReadFrequently: true })! as unknown as CanvasRenderingContext2D;
		this.stamp = new OffscreenCanvas(256 * ratio, 48 * ratio).getContext('2d', { willReadFrequently: true })! as unknown as CanvasRenderingContext2D;
		this.image.fillRect(0, 0, this.side, this.side);
		this.arrow = this.add(28, 28, filled(ARROW));
		this.dot = this.add(28, 28, filled(circle(14, 14, 6.5)));
		this.cross = this.add(22, 22, hollowCross);
		this.ring = this.add(40, 40, ring);
		this.newRow();
		this.textsFrom = this.y;
	}

	get source(): TexImageSource {
		return this.image.canvas;
	}

	/** How wide a text's picture is, in CSS pixels. */
	widthOf(text: string): number {
		let width = this.widths.get(text);
		if (width === undefined) {
			this.stamp.font = FONT;
			this.widths.set(text, (width = Math.min(WIDEST, Math.ceil(this.stamp.measureText(text).width) + 6)));
		}
		return width;
	}

	/** The pictures of these texts, all of them at once: older ones go when there is no room. */
	textsOf(texts: string[]): Picture[] {
		const missing = texts.filter((text) => !this.texts.has(text));
		const rows = missing.reduce((sum, text) => sum + this.widthOf(text) + 1, 0) / (SIDE - WIDEST) + 2;
		if (missing.length > 0 && this.y + rows * (TEXT_HEIGHT + 1) * this.ratio > this.side) this.forgetTexts();
		return texts.map((text) => this.text(text));
	}

	private text(text: string): Picture {
		let picture = this.texts.get(text);
		if (!picture) {
			picture = this.add(this.widthOf(text), TEXT_HEIGHT, (context, halo) => {
				context.font = FONT;
				context.textBaseline = 'middle';
				if (halo) {
					context.lineWidth = 2 * HALO;
					context.lineJoin = 'round';
					context.strokeText(text, 3, TEXT_HEIGHT / 2, WIDEST - 6);
				}
				context.fillText(text, 3, TEXT_HEIGHT / 2, WIDEST - 6);
			});
			this.texts.set(text, picture);
		}
		return picture;
	}

	private forgetTexts(): void {
		this.texts.clear();
		this.image.fillStyle = '#000';
		this.image.globalCompositeOperation = 'source-over';
		this.image.fillRect(0, this.textsFrom, this.side, this.side - this.textsFrom);
		[this.x, this.y, this.rowHeight] = [0, this.textsFrom, 0];
	}

	private newRow(): void {
		[this.x, this.y, this.rowHeight] = [0, this.y + this.rowHeight, 0];
	}

	private add(width: number, height: number, paint: Paint): Picture {
		const picture = { x: 0, y: 0, width: Math.round(width * this.ratio), height: Math.round(height * this.ratio) };
		if (this.x + picture.width > this.side) this.newRow();
		[picture.x, picture.y] = [this.x, this.y];
		// A pixel between neighbours, which the graphics card would mix at the edges.
		this.x += picture.width + 1;
		this.rowHeight = Math.max(this.rowHeight, picture.height + 1);
		this.image.globalCompositeOperation = 'lighter';
		for (const [halo, color] of [[false, '#ff0000'], [true, '#00ff00']] as const) {
			const { stamp } = this;
			stamp.save();
			stamp.clearRect(0, 0, stamp.canvas.width, stamp.canvas.height);
			stamp.scale(this.ratio, this.ratio);
			stamp.fillStyle = stamp.strokeStyle = color;
			paint(stamp, halo);
			stamp.restore();
			const { x, y, width, height } = picture;
			this.image.drawImage(stamp.canvas, 0, 0, width, height, x, y, width, height);
		}
		this.version++;
		return picture;
	}
}
