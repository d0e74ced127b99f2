/** Where something that glides is by now, in CSS pixels from the middle of the view. */
const PLACE = `#version 300 es
precision highp float;
precision highp int;
uniform ivec2 u_centre;
uniform vec2 u_scale;
uniform vec2 u_half;
uniform float u_now;

vec2 seen(ivec2 place) {
	return vec2(place - u_centre) * u_scale;
}

vec2 gliding(ivec2 from, ivec2 to, vec2 glide) {
	float done = glide.y <= 0.0 ? 1.0 : clamp((u_now - glide.x) / glide.y, 0.0, 1.0);
	return mix(seen(from), seen(to), done);
}

vec4 onScreen(vec2 pixels) {
	return vec4(pixels.x / u_half.x, -pixels.y / u_half.y, 0.0, 1.0);
}
`;

/** A picture of the atlas, turned, in its own colour. */
export const SPRITE_VERTEX = `${PLACE}
in vec2 a_corner;
in ivec2 a_from;
in ivec2 a_to;
in vec2 a_glide;
in vec4 a_picture;
in vec2 a_offset;
in vec2 a_turn;
in vec4 a_color;
uniform vec2 u_atlas;
uniform float u_ratio;
out vec2 v_at;
out vec4 v_color;

void main() {
	vec2 size = a_picture.zw / u_ratio * a_turn.y;
	vec2 corner = a_corner * size;
	float c = cos(a_turn.x);
	float s = sin(a_turn.x);
	vec2 turned = vec2(c * corner.x - s * corner.y, s * corner.x + c * corner.y);
	gl_Position = onScreen(gliding(a_from, a_to, a_glide) + a_offset + turned);
	v_at = (a_picture.xy + (a_corner + 0.5) * a_picture.zw) / u_atlas;
	v_color = a_color;
}`;

/** The atlas has in red how much is of the colour, in green how much is of the colour or its halo. */
export const SPRITE_FRAGMENT = `#version 300 es
precision mediump float;
uniform sampler2D u_pictures;
uniform vec3 u_halo;
in vec2 v_at;
in vec4 v_color;
out vec4 color;

void main() {
	vec2 mask = texture(u_pictures, v_at).rg;
	float covered = max(mask.r, mask.g);
	color = vec4(v_color.rgb * mask.r + u_halo * (covered - mask.r), covered) * v_color.a;
}`;

const LINE = `
in vec2 a_corner;
in vec4 a_color;
uniform float u_width;
out float v_side;
out float v_along;
flat out float v_reach;
out vec4 v_color;

void draw(vec2 a, vec2 b, vec4 color) {
	vec2 along = b - a;
	float far = length(along);
	vec2 ahead = far > 0.0 ? along / far : vec2(1.0, 0.0);
	// A pixel more all around, over which the edge fades. Neighbours fade into one another: no bead where they meet.
	v_side = a_corner.y * 2.0 * (u_width * 0.5 + 1.0);
	v_along = a_corner.x * 2.0 * (far * 0.5 + 1.0);
	v_reach = far * 0.5;
	gl_Position = onScreen((a + b) * 0.5 + vec2(-ahead.y, ahead.x) * v_side + ahead * v_along);
	v_color = color;
}
`;

/** A piece of a trail, the older the fainter. */
export const TRAIL_VERTEX = `${PLACE}${LINE}
in ivec2 a_start;
in ivec2 a_end;
in float a_time;
uniform float u_time;
uniform float u_length;

void main() {
	float age = (u_time - a_time) / u_length;
	draw(seen(a_start), seen(a_end), vec4(a_color.rgb, 0.85 * (1.0 - 0.8 * clamp(age, 0.0, 1.0))));
	if (age > 1.0) gl_Position = vec4(2.0, 2.0, 2.0, 1.0);
}`;

/** From the end of a trail to its mark, which is under way. */
export const HEAD_VERTEX = `${PLACE}${LINE}
in ivec2 a_kept;
in ivec2 a_from;
in ivec2 a_to;
in vec2 a_glide;

void main() {
	draw(seen(a_kept), gliding(a_from, a_to, a_glide), vec4(a_color.rgb, 0.85 * a_color.a));
}`;

export const LINE_FRAGMENT = `#version 300 es
precision highp float;
uniform float u_width;
in float v_side;
in float v_along;
flat in float v_reach;
in vec4 v_color;
out vec4 color;

void main() {
	vec2 covers = clamp(vec2(u_width * 0.5 - abs(v_side), v_reach - abs(v_along)) + 0.5, 0.0, 1.0);
	float covered = covers.x * covers.y * v_color.a;
	color = vec4(v_color.rgb * covered, covered);
}`;
