import { distance } from '../shared/map/shapes.ts';
import type { Editor } from './editor.ts';
import type { MapEvents } from './fence-map.ts';
import type { Handle } from './features.ts';
import { inserted, moved, rounded, roundedRadius, type LonLat, type Shape } from './shape.ts';

/** What comes of a shape when a handle of it is dragged to a place. */
export function dragged(shape: Shape, handle: Handle, to: LonLat): Shape {
	const at = rounded(to);
	switch (handle.part) {
		case 'rim':
			return { ...shape, radiusM: roundedRadius(distance(shape.lines[0]!.positions[0]!, to)) };
		case 'middle':
			return inserted(shape, handle, at);
		default:
			return moved(shape, handle, at);
	}
}

/** What the pointer does on the map, to the shape that is edited. */
export function pointing(editor: Editor): MapEvents {
	const { settled, draft, drawing, selected } = editor;

	/** The centre is placed, and the next place is the rim's. */
	const wantsRim = (): boolean => settled.value.kind === 'circle' && drawing.value !== null && settled.value.lines.length > 0;
	const withRim = (at: LonLat): Shape => dragged(settled.value, { part: 'rim' }, at);

	return {
		drag: (handle, at) => {
			draft.value = dragged(settled.value, handle, at);
			if (handle.part !== 'rim') selected.value = { line: handle.line, index: handle.index };
		},
		drop: () => {
			if (draft.value) editor.commit(draft.value);
		},
		pick: (handle) => {
			if (handle.part === 'middle') {
				const { positions } = settled.value.lines[handle.line]!;
				const [a, b] = [positions[handle.index - 1]!, positions[handle.index % positions.length]!];
				editor.insert(handle, rounded([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]));
			}
			if (handle.part === 'rim') return;
			// On its first or its last vertex a line ends.
			if (drawing.value === handle.line && settled.value.lines[handle.line]!.positions.length > 1) return editor.finish();
			selected.value = { line: handle.line, index: handle.index };
		},
		place: (at) => {
			if (drawing.value === null) {
				selected.value = null;
				return;
			}
			if (wantsRim()) {
				editor.commit(withRim(at));
				return editor.finish();
			}
			editor.append(drawing.value, rounded(at));
			// Whoever has said the radius has only the centre to place.
			if (settled.value.kind === 'circle' && settled.value.radiusM) editor.finish();
		},
		hover: (at) => {
			if (wantsRim()) draft.value = withRim(at);
		},
		finish: () => editor.finish(),
		remove: (vertex) => editor.remove(vertex),
	};
}
