import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

import { clock, day } from '../shared/app/format.ts';
import type { Palette } from '../shared/map/palette.ts';
import type { Fixes, Range } from './fixes.ts';

/** Something that lies over both plots: a flag's range. */
export interface Band extends Range {
	verdict: 'faulty' | 'valid';
}

export interface PlotEvents {
	/** A range was drawn with the pointer. */
	select(range: Range): void;
	/** The pointer is at a fix; null: at none. */
	hover(index: number | null): void;
}

interface Colours {
	text: string;
	grid: string;
	font: string;
}

const HEIGHT_OF_MARKS = 7;

/** Altitude above speed over one axis of time. Faulty fixes are marks at the lower edge, and points where they fit. */
export class Plots {
	private readonly charts: uPlot[];
	private readonly events: PlotEvents;
	private readonly resizes: ResizeObserver;
	private readonly palette: Palette;
	private readonly colours: Colours;
	private readonly container: HTMLElement;
	private readonly fixes: Fixes;
	private readonly span: Range;
	private bands: Band[] = [];
	private crossings: number[] = [];

	constructor(container: HTMLElement, fixes: Fixes, span: Range, palette: Palette, texts: { altitude: string; speed: string }, events: PlotEvents) {
		this.events = events;
		this.palette = palette;
		this.container = container;
		this.fixes = fixes;
		this.span = span;
		const style = getComputedStyle(container);
		this.colours = { text: style.color, grid: palette.grid, font: `12px ${style.fontFamily}` };
		const altitude = this.chart(fixes.altitudeM, texts.altitude, palette.role.turnpoint);
		const speed = this.chart(fixes.speedKmh, texts.speed, palette.role.start);
		this.charts = [altitude, speed];
		this.resizes = new ResizeObserver(() => this.fit());
		this.resizes.observe(container);
	}

	private size(): { width: number; height: number } {
		return { width: Math.max(200, this.container.clientWidth), height: Math.max(70, Math.floor(this.container.clientHeight / 2)) };
	}

	private fit(): void {
		for (const chart of this.charts) chart.setSize(this.size());
	}

	private chart(values: (number | null)[], label: string, stroke: string): uPlot {
		const { fixes } = this;
		const believed = values.map((value, index) => (fixes.fault[index] === null ? value : null));
		const faulty = values.map((value, index) => (fixes.fault[index] === null ? null : value));
		const axis = { stroke: this.colours.text, font: this.colours.font, grid: { stroke: this.colours.grid, width: 1 }, ticks: { stroke: this.colours.grid, width: 1 } };
		const options: uPlot.Options = {
			...this.size(),
			ms: 1,
			legend: { show: false },
			tzDate: (ms) => uPlot.tzDate(new Date(ms), 'Etc/UTC'),
			padding: [8, 12, 0, 0],
			cursor: {
				y: false,
				drag: { x: true, y: false, setScale: false, dist: 4 },
				sync: { key: `biplane-review-${this.container.dataset['key']}`, setSeries: false },
				// Who double-clicks has not asked to see everything.
				bind: { dblclick: () => null },
			},
			scales: {
				// One fix alone has no extent.
				x: { time: true, range: (_chart, min, max) => (min < max ? [min, max] : [min - 1000, max + 1000]) },
				y: { range: (chart) => this.rangeOf(chart, believed) },
			},
			axes: [
				{ ...axis, size: 26, space: 90, values: (_chart, splits, _axis, _space, step) => splits.map((ms) => this.timeOf(ms, step)) },
				{ ...axis, size: 58, space: 28, label, labelSize: 20, labelGap: 0, labelFont: this.colours.font },
			],
			series: [
				{},
				{ stroke, width: 1.6, spanGaps: true, points: { show: false } },
				{ stroke: this.palette.role.finish, width: 0, paths: () => null, points: { show: true, size: 5, fill: this.palette.role.finish, width: 0 } },
			],
			hooks: {
				drawClear: [(chart) => this.drawBands(chart)],
				draw: [(chart) => this.drawMarks(chart)],
				setSelect: [(chart) => this.selected(chart)],
				setCursor: [(chart) => this.hovered(chart)],
			},
		};
		return new uPlot(options, [fixes.ms, believed, faulty] as uPlot.AlignedData, this.container);
	}

	/** Of the believed values in view, so that a faulty one does not flatten the others. */
	private rangeOf(chart: uPlot, believed: (number | null)[]): [number, number] {
		const { min, max } = chart.scales['x']!;
		const [first, end] = min === undefined || max === undefined || min === null || max === null ? [0, believed.length] : this.fixes.within({ from: min, to: max });
		let [low, high] = [Infinity, -Infinity];
		for (let index = first; index < end; index++) {
			const value = believed[index];
			if (value === null || value === undefined) continue;
			low = Math.min(low, value);
			high = Math.max(high, value);
		}
		if (low > high) return [0, 1];
		const room = Math.max((high - low) * 0.12, 1);
		return [low - room, high + room];
	}

	private timeOf(ms: number, step: number): string {
		if (step >= 86_400_000) return day(ms);
		if (step < 1000) return `${clock(ms)}.${String(new Date(ms).getUTCMilliseconds()).padStart(3, '0')}`;
		return step < 60_000 ? clock(ms) : clock(ms).slice(0, 5);
	}

	private drawBands(chart: uPlot): void {
		const { ctx, bbox } = chart;
		ctx.save();
		for (const { from, to, verdict } of this.bands) {
			const left = Math.max(bbox.left, chart.valToPos(from, 'x', true));
			const right = Math.min(bbox.left + bbox.width, chart.valToPos(to, 'x', true));
			if (right < left) continue;
			ctx.globalAlpha = this.palette.dark ? 0.22 : 0.14;
			ctx.fillStyle = verdict === 'faulty' ? this.palette.role.finish : this.palette.role.start;
			ctx.fillRect(left, bbox.top, Math.max(1, right - left), bbox.height);
		}
		ctx.restore();
	}

	private drawMarks(chart: uPlot): void {
		const { ctx, bbox } = chart;
		const ratio = devicePixelRatio;
		const [left, right, bottom] = [bbox.left, bbox.left + bbox.width, bbox.top + bbox.height];
		const at = (ms: number, draw: (x: number) => void): void => {
			const x = chart.valToPos(ms, 'x', true);
			if (x >= left && x <= right) draw(x);
		};
		ctx.save();
		ctx.fillStyle = this.palette.role.finish;
		this.fixes.fault.forEach((fault, index) => {
			if (fault !== null) at(this.fixes.ms[index]!, (x) => ctx.fillRect(x - ratio / 2, bottom - HEIGHT_OF_MARKS * ratio, 1.5 * ratio, HEIGHT_OF_MARKS * ratio));
		});
		ctx.strokeStyle = this.palette.place;
		ctx.lineWidth = ratio;
		ctx.setLineDash([4 * ratio, 3 * ratio]);
		for (const ms of this.crossings) {
			at(ms, (x) => {
				ctx.beginPath();
				ctx.moveTo(x, bbox.top);
				ctx.lineTo(x, bottom);
				ctx.stroke();
			});
		}
		ctx.restore();
	}

	private selected(chart: uPlot): void {
		if (chart.select.width <= 0) return;
		const { left, width } = chart.select;
		const from = Math.round(chart.posToVal(left, 'x'));
		const to = Math.round(chart.posToVal(left + width, 'x'));
		this.events.select({ from, to });
	}

	private hovered(chart: uPlot): void {
		const { left, idx } = chart.cursor;
		this.events.hover(left === undefined || left < 0 ? null : (idx ?? null));
	}

	/** Shows a range as selected. */
	select(range: Range | null): void {
		for (const chart of this.charts) {
			const left = range ? Math.max(0, chart.valToPos(range.from, 'x')) : 0;
			const right = range ? Math.min(chart.over.clientWidth, chart.valToPos(range.to, 'x')) : 0;
			chart.setSelect({ left, width: range ? Math.max(1, right - left) : 0, top: 0, height: chart.over.clientHeight }, false);
		}
	}

	show(bands: Band[], crossings: number[]): void {
		this.bands = bands;
		this.crossings = crossings;
		for (const chart of this.charts) chart.redraw(false);
	}

	/** Shows a part of the span, or all of it. */
	zoom(range: Range | null): void {
		const { from, to } = range ?? this.span;
		const room = range ? Math.max(2_000, (to - from) * 0.15) : 0;
		for (const chart of this.charts) chart.setScale('x', { min: from - room, max: to + room });
	}

	/** Puts the cursor on a fix. */
	point(index: number | null): void {
		for (const chart of this.charts) {
			const left = index === null ? -10 : chart.valToPos(this.fixes.ms[index]!, 'x');
			chart.setCursor({ left, top: index === null ? -10 : 1 }, false);
		}
	}

	close(): void {
		this.resizes.disconnect();
		for (const chart of this.charts) chart.destroy();
	}
}
