import { Atlas } from './atlas.ts';
import { Program, readInstances } from './program.ts';
import { HEAD_VERTEX, LINE_FRAGMENT, SPRITE_FRAGMENT, SPRITE_VERTEX, TRAIL_VERTEX } from './shaders.ts';
import { Sprites } from './sprites.ts';
import { Trails } from './trails.ts';
import type { View } from './world.ts';

/** What is drawn, lowest first: trails, lines from their ends to the marks, marks, and what belongs to some marks. */
export interface Drawing {
	view: View;
	/** ms of the clock by which the sprites glide, since the epoch by which they were placed. */
	now: number;
	marks: Sprites;
	/** Rings, crosses and numbers. */
	extras: Sprites;
	trails: Trails | null;
	/** Event time by which trails fade, and how long they are, ms. */
	timeMs: number;
	trailMs: number;
	/** Red, green and blue from 0 to 1. */
	halo: [number, number, number];
}

interface Kit {
	sprite: Program;
	trail: Program;
	head: Program;
	buffers: { marks: WebGLBuffer; extras: WebGLBuffer; trails: WebGLBuffer };
	arrays: { marks: WebGLVertexArrayObject; heads: WebGLVertexArrayObject; extras: WebGLVertexArrayObject; trails: WebGLVertexArrayObject };
	texture: WebGLTexture;
	/** What the graphics card has. */
	has: { marks: string; extras: string; trails: Trails | null; atlas: number };
}

const LINE_WIDTH = 2.2;

/**
 * A canvas of its own over the map: thousands of marks glide without the map being drawn anew. What moves is
 * handed to the graphics card once an update; the way between two places is the shader's.
 */
export class MarksCanvas {
	readonly element: HTMLCanvasElement;
	readonly atlas: Atlas;
	private readonly container: HTMLElement;
	private readonly gl: WebGL2RenderingContext;
	private readonly ratio = window.devicePixelRatio || 1;
	private kit: Kit | null;
	private ids = new WeakMap<Sprites, number>();
	private lastId = 0;

	constructor(container: HTMLElement) {
		this.container = container;
		this.element = document.createElement('canvas');
		this.element.style.cssText = 'position:absolute;inset:0;inline-size:100%;block-size:100%;pointer-events:none';
		this.element.setAttribute('aria-hidden', 'true');
		const gl = this.element.getContext('webgl2', { alpha: true, antialias: false, depth: false, stencil: false });
		if (!gl) throw new Error('WebGL 2 is missing');
		this.gl = gl;
		this.atlas = new Atlas(this.ratio);
		this.kit = this.makeKit();
		this.element.addEventListener('webglcontextlost', (event) => {
			event.preventDefault();
			this.kit = null;
		});
		this.element.addEventListener('webglcontextrestored', () => (this.kit = this.makeKit()));
	}

	resize(width: number, height: number): void {
		const { element, ratio } = this;
		const [wide, high] = [Math.round(width * ratio), Math.round(height * ratio)];
		if (element.width !== wide) element.width = wide;
		if (element.height !== high) element.height = high;
	}

	draw(drawing: Drawing): void {
		const { gl, kit, element } = this;
		if (!kit || gl.isContextLost()) return;
		// While there is nothing on it the page is not to wait for it.
		if (!element.isConnected) this.container.append(element);
		const { view, marks, extras, trails } = drawing;
		gl.viewport(0, 0, element.width, element.height);
		gl.clearColor(0, 0, 0, 0);
		gl.clear(gl.COLOR_BUFFER_BIT);
		gl.enable(gl.BLEND);
		gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
		this.handOn(kit, 'marks', marks);
		this.handOn(kit, 'extras', extras);
		if (trails) {
			this.handOnTrails(kit, trails);
			this.use(kit.trail, view, drawing.now);
			gl.uniform1f(kit.trail.uniform('u_width'), LINE_WIDTH);
			gl.uniform1f(kit.trail.uniform('u_time'), trails.secondsOf(drawing.timeMs));
			gl.uniform1f(kit.trail.uniform('u_length'), drawing.trailMs / 1000);
			this.drawQuads(kit.arrays.trails, trails.count);
			this.use(kit.head, view, drawing.now);
			gl.uniform1f(kit.head.uniform('u_width'), LINE_WIDTH);
			this.drawQuads(kit.arrays.heads, marks.count);
		}
		this.use(kit.sprite, view, drawing.now);
		gl.bindTexture(gl.TEXTURE_2D, kit.texture);
		if (kit.has.atlas !== this.atlas.version) {
			gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, this.atlas.source);
			kit.has.atlas = this.atlas.version;
		}
		gl.uniform2f(kit.sprite.uniform('u_atlas'), this.atlas.side, this.atlas.side);
		gl.uniform1f(kit.sprite.uniform('u_ratio'), this.ratio);
		gl.uniform3f(kit.sprite.uniform('u_halo'), ...drawing.halo);
		this.drawQuads(kit.arrays.marks, marks.count);
		this.drawQuads(kit.arrays.extras, extras.count);
	}

	close(): void {
		this.gl.getExtension('WEBGL_lose_context')?.loseContext();
		this.element.remove();
	}

	private use(program: Program, view: View, now: number): void {
		const { gl } = this;
		gl.useProgram(program.handle);
		gl.uniform2i(program.uniform('u_centre'), view.x, view.y);
		gl.uniform2f(program.uniform('u_scale'), view.scaleX, view.scaleY);
		gl.uniform2f(program.uniform('u_half'), view.width / 2, view.height / 2);
		gl.uniform1f(program.uniform('u_now'), now);
	}

	private drawQuads(array: WebGLVertexArrayObject, count: number): void {
		if (count === 0) return;
		this.gl.bindVertexArray(array);
		this.gl.drawArraysInstanced(this.gl.TRIANGLE_STRIP, 0, 4, count);
		this.gl.bindVertexArray(null);
	}

	private handOn(kit: Kit, what: 'marks' | 'extras', sprites: Sprites): void {
		let id = this.ids.get(sprites);
		if (!id) this.ids.set(sprites, (id = ++this.lastId));
		const version = `${id}:${sprites.version}:${sprites.count}`;
		if (kit.has[what] === version) return;
		kit.has[what] = version;
		this.gl.bindBuffer(this.gl.ARRAY_BUFFER, kit.buffers[what]);
		this.gl.bufferData(this.gl.ARRAY_BUFFER, sprites.drawn, this.gl.STREAM_DRAW);
	}

	private handOnTrails(kit: Kit, trails: Trails): void {
		const { gl } = this;
		gl.bindBuffer(gl.ARRAY_BUFFER, kit.buffers.trails);
		const isOther = kit.has.trails !== trails;
		if (isOther) gl.bufferData(gl.ARRAY_BUFFER, trails.capacity * Trails.stride, gl.DYNAMIC_DRAW);
		kit.has.trails = trails;
		for (const { at, bytes } of trails.takeFresh(isOther)) gl.bufferSubData(gl.ARRAY_BUFFER, at, bytes);
	}

	private makeKit(): Kit {
		const { gl } = this;
		const sprite = new Program(gl, SPRITE_VERTEX, SPRITE_FRAGMENT);
		const trail = new Program(gl, TRAIL_VERTEX, LINE_FRAGMENT);
		const head = new Program(gl, HEAD_VERTEX, LINE_FRAGMENT);
		const corners = gl.createBuffer();
		gl.bindBuffer(gl.ARRAY_BUFFER, corners);
		gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-0.5, -0.5, 0.5, -0.5, -0.5, 0.5, 0.5, 0.5]), gl.STATIC_DRAW);
		const buffers = { marks: gl.createBuffer(), extras: gl.createBuffer(), trails: gl.createBuffer() };
		const texture = gl.createTexture();
		gl.bindTexture(gl.TEXTURE_2D, texture);
		for (const [name, value] of [
			[gl.TEXTURE_MIN_FILTER, gl.LINEAR], [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
			[gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE], [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
		] as const) gl.texParameteri(gl.TEXTURE_2D, name, value);
		const read = (program: Program, buffer: WebGLBuffer, { fields, stride }: Pick<typeof Sprites, 'fields' | 'stride'>) =>
			readInstances(gl, program, corners, buffer, fields, stride);
		const arrays = {
			marks: read(sprite, buffers.marks, Sprites),
			heads: read(head, buffers.marks, Sprites),
			extras: read(sprite, buffers.extras, Sprites),
			trails: read(trail, buffers.trails, Trails),
		};
		return { sprite, trail, head, buffers, arrays, texture, has: { marks: '', extras: '', trails: null, atlas: -1 } };
	}
}
