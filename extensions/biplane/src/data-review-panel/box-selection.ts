import type { Map as MapLibre } from 'maplibre-gl';
import type { Box } from '../shared/map/cut.ts';

/** Draws a box over a map: with Shift, or always while that is switched on. Tells west, south, east, north. */
export class BoxSelection {
	always = false;
	private readonly map: MapLibre;
	private readonly done: (box: Box) => void;
	private readonly frame = document.createElement('div');
	private start: { x: number; y: number } | null = null;

	constructor(map: MapLibre, done: (box: Box) => void) {
		this.map = map;
		this.done = done;
		// Shift and a drag zoom otherwise.
		map.boxZoom.disable();
		this.frame.className = 'review-box';
		this.frame.hidden = true;
		map.getCanvasContainer().append(this.frame);
		map.getCanvasContainer().addEventListener('pointerdown', this.begin, true);
	}

	close(): void {
		this.end();
		this.frame.remove();
	}

	private place({ clientX, clientY }: PointerEvent): { x: number; y: number } {
		const { left, top } = this.map.getCanvasContainer().getBoundingClientRect();
		return { x: clientX - left, y: clientY - top };
	}

	private begin = (event: PointerEvent): void => {
		if (event.button !== 0 || !(event.shiftKey || this.always)) return;
		this.map.dragPan.disable();
		this.start = this.place(event);
		addEventListener('pointermove', this.draw);
		addEventListener('pointerup', this.finish);
		addEventListener('keydown', this.cancel);
	};

	private draw = (event: PointerEvent): void => {
		if (!this.start) return;
		const now = this.place(event);
		const [left, top] = [Math.min(now.x, this.start.x), Math.min(now.y, this.start.y)];
		this.frame.hidden = false;
		this.frame.style.cssText = `left:${left}px;top:${top}px;width:${Math.abs(now.x - this.start.x)}px;height:${Math.abs(now.y - this.start.y)}px`;
	};

	private finish = (event: PointerEvent): void => {
		const [start, now] = [this.start, this.place(event)];
		this.end();
		if (!start || Math.hypot(now.x - start.x, now.y - start.y) < 4) return;
		const [a, b] = [this.map.unproject([start.x, start.y]), this.map.unproject([now.x, now.y])];
		this.done([Math.min(a.lng, b.lng), Math.min(a.lat, b.lat), Math.max(a.lng, b.lng), Math.max(a.lat, b.lat)]);
	};

	private cancel = (event: KeyboardEvent): void => {
		if (event.key === 'Escape') this.end();
	};

	private end(): void {
		this.start = null;
		this.frame.hidden = true;
		this.map.dragPan.enable();
		removeEventListener('pointermove', this.draw);
		removeEventListener('pointerup', this.finish);
		removeEventListener('keydown', this.cancel);
	}
}
