/** A compiled pair of shaders with the places of what they take. */
export class Program {
	readonly handle: WebGLProgram;
	private readonly gl: WebGL2RenderingContext;
	private readonly uniforms = new Map<string, WebGLUniformLocation | null>();

	constructor(gl: WebGL2RenderingContext, vertex: string, fragment: string) {
		this.gl = gl;
		this.handle = gl.createProgram();
		for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]] as const) {
			const shader = gl.createShader(kind)!;
			gl.shaderSource(shader, source);
			gl.compileShader(shader);
			gl.attachShader(this.handle, shader);
		}
		gl.linkProgram(this.handle);
		if (!gl.getProgramParameter(this.handle, gl.LINK_STATUS) && !gl.isContextLost()) {
			const logs = (gl.getAttachedShaders(this.handle) ?? []).map((shader) => gl.getShaderInfoLog(shader));
			throw new Error(`A shader of the map’s marks does not compile: ${[gl.getProgramInfoLog(this.handle), ...logs].join(' ')}`);
		}
	}

	uniform(name: string): WebGLUniformLocation | null {
		if (!this.uniforms.has(name)) this.uniforms.set(name, this.gl.getUniformLocation(this.handle, name));
		return this.uniforms.get(name)!;
	}
}

/** One field of an instance: how often a type, at which byte. */
export interface Field {
	type: 'int' | 'float' | 'ushort' | 'ubyte' | 'color';
	count: number;
	at: number;
}

/** How the instances in a buffer are read by a program, each once for the four corners of a quad. */
export function readInstances(
	gl: WebGL2RenderingContext, program: Program, corners: WebGLBuffer, buffer: WebGLBuffer, fields: Record<string, Field>, stride: number,
): WebGLVertexArrayObject {
	const array = gl.createVertexArray();
	gl.bindVertexArray(array);
	const bind = (name: string): number => {
		const place = gl.getAttribLocation(program.handle, name);
		if (place >= 0) gl.enableVertexAttribArray(place);
		return place;
	};
	gl.bindBuffer(gl.ARRAY_BUFFER, corners);
	gl.vertexAttribPointer(bind('a_corner'), 2, gl.FLOAT, false, 0, 0);
	gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
	for (const [name, { type, count, at }] of Object.entries(fields)) {
		const place = bind(name);
		if (place < 0) continue;
		if (type === 'int') gl.vertexAttribIPointer(place, count, gl.INT, stride, at);
		else if (type === 'color') gl.vertexAttribPointer(place, count, gl.UNSIGNED_BYTE, true, stride, at);
		else gl.vertexAttribPointer(place, count, { float: gl.FLOAT, ushort: gl.UNSIGNED_SHORT, ubyte: gl.UNSIGNED_BYTE }[type], false, stride, at);
		gl.vertexAttribDivisor(place, 1);
	}
	gl.bindVertexArray(null);
	return array;
}
