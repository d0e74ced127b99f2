import type { Editor } from './editor.ts';

/** What a key does to the shape: undo and redo everywhere but in an input, which has its own; the others on the map. */
export function keyed({ drawing, selected, undo, redo, finish, remove }: Editor, event: KeyboardEvent): (() => void) | null {
	const { key, target, shiftKey } = event;
	if ((event.ctrlKey || event.metaKey) && !(target instanceof HTMLInputElement)) {
		if (key.toLowerCase() === 'z') return shiftKey ? redo : undo;
		return key.toLowerCase() === 'y' ? redo : null;
	}
	if (!(target instanceof HTMLCanvasElement)) return null;
	if ((key === 'Enter' || key === 'Escape') && drawing.value !== null) return finish;
	const chosen = selected.value;
	return (key === 'Delete' || key === 'Backspace') && chosen ? () => remove(chosen) : null;
}
