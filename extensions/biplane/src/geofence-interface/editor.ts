import { computed, nextTick, shallowRef, watch, type Ref } from 'vue';

import { History } from './history.ts';
import {
	appended, emptyShape, fitsKind, geometryOf, inserted, moved, removed, reversed, shapeOf,
	type Kind, type LonLat, type Shape, type Vertex,
} from './shape.ts';

/** The fields of a geofence that make its shape, as the form holds them. */
export interface Fields {
	kind: Kind | null;
	geometry: GeoJSON.Geometry | null;
	radiusM: number | null;
}

const KINDS: unknown[] = ['polygon', 'circle', 'gate'];

/** Forms hold numbers as text while they are typed, and geometries as they came from anywhere. */
export function fieldsOf(kind: unknown, geometry: unknown, radius: unknown): Fields {
	const isShape = typeof geometry === 'object' && geometry !== null && typeof (geometry as { type?: unknown }).type === 'string';
	const metres = radius === null || radius === undefined || radius === '' ? NaN : Number(radius);
	return {
		kind: KINDS.includes(kind) ? (kind as Kind) : null,
		geometry: isShape ? (geometry as GeoJSON.Geometry) : null,
		radiusM: Number.isFinite(metres) ? metres : null,
	};
}

const fieldsOfShape = (shape: Shape): Fields => ({ kind: shape.kind, geometry: geometryOf(shape), radiusM: shape.radiusM });
const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * The shape that is edited, with its history. `fields` is what the form holds, `set` writes one of them there;
 * whoever changes a field (the form's own inputs too) changes the shape.
 */
export function useEditor(fields: Ref<Fields>, set: <K extends keyof Fields>(field: K, value: Fields[K]) => void) {
	const shape = shallowRef<Shape>(shapeOf(fields.value.kind, fields.value.geometry, fields.value.radiusM));
	/** While something is dragged: what it would be if it were dropped now. */
	const draft = shallowRef<Shape | null>(null);
	/** The line to which positions are added; the one after the last is begun with the first. */
	const drawing = shallowRef<number | null>(null);
	const selected = shallowRef<Vertex | null>(null);
	const history = new History<Shape>();
	const steps = shallowRef(0);
	/** The last shape of each kind: who tries another kind and comes back finds it again. */
	const before = new Map<Kind | null, Shape>();
	let writing: Promise<void> | null = null;

	/** A form takes one field a tick: of two at once it would lose the first. */
	async function write(): Promise<void> {
		for (;;) {
			const wanted = fieldsOfShape(shape.value);
			const field = (['kind', 'geometry', 'radiusM'] as const).find((name) => !isSame(wanted[name], fields.value[name]));
			if (!field) return;
			set(field, wanted[field]);
			await nextTick();
			// A form that does not take it is not asked again.
			if (!isSame(wanted[field], fields.value[field])) return;
		}
	}

	function show(next: Shape): void {
		if (next.kind !== shape.value.kind) before.set(shape.value.kind, shape.value);
		shape.value = next;
		draft.value = null;
		if (selected.value && !next.lines[selected.value.line]?.positions[selected.value.index]) selected.value = null;
		if (drawing.value !== null && drawing.value > next.lines.length) drawing.value = next.lines.length;
		steps.value += 1;
	}

	/** Shows what the form does not hold yet. */
	function change(next: Shape): void {
		show(next);
		writing ??= write().finally(() => (writing = null));
	}

	function commit(next: Shape): void {
		if (isSame(next, shape.value)) {
			draft.value = null;
			return;
		}
		history.keep(shape.value);
		change(next);
	}

	watch(fields, (now, was) => {
		if (writing) return;
		const next = shapeOf(now.kind, now.geometry, now.radiusM);
		if (isSame(next, shape.value)) return;
		drawing.value = selected.value = null;
		if (!isSame(now.geometry, was.geometry)) {
			// Read, saved or discarded: there is no way back behind that.
			history.clear();
			return show(next);
		}
		// A radius that was typed into its own input, or another kind that was chosen there.
		if (now.kind === shape.value.kind) return commit({ ...shape.value, radiusM: now.radiusM });
		const other = now.geometry && fitsKind(now.kind, now.geometry) ? next : (before.get(now.kind) ?? emptyShape(now.kind, now.radiusM));
		if (shape.value.kind === null) show(other);
		else commit(other);
	});

	const shown = computed(() => draft.value ?? shape.value);
	return {
		/** What is to be seen, and what is kept. */
		shape: shown,
		settled: shape,
		draft,
		drawing,
		selected,
		canUndo: computed(() => (steps.value, history.canUndo)),
		canRedo: computed(() => (steps.value, history.canRedo)),
		commit,
		undo: () => {
			const was = history.undo(shape.value);
			if (was) change(was);
		},
		redo: () => {
			const was = history.redo(shape.value);
			if (was) change(was);
		},
		choose: (kind: Kind) => {
			if (kind !== shape.value.kind) commit(before.get(kind) ?? emptyShape(kind, shape.value.radiusM));
		},
		move: (vertex: Vertex, to: LonLat) => commit(moved(shape.value, vertex, to)),
		insert: (vertex: Vertex, at: LonLat) => commit(inserted(shape.value, vertex, at)),
		append: (line: number, at: LonLat) => commit(appended(shape.value, line, at)),
		remove: (vertex: Vertex) => commit(removed(shape.value, vertex)),
		setRadius: (radiusM: number | null) => commit({ ...shape.value, radiusM }),
		turnRound: () => commit(reversed(shape.value)),
		/** Positions are added to a line, by pointer or in the table; to one after the last a hole begins. */
		draw: (line: number) => {
			drawing.value = line;
			selected.value = null;
		},
		finish: () => {
			drawing.value = draft.value = null;
		},
		clear: () => commit(emptyShape(shape.value.kind, shape.value.radiusM)),
	};
}

export type Editor = ReturnType<typeof useEditor>;
