/** How many steps can be taken back. */
const KEPT = 200;

/** What was, and what was undone. */
export class History<T> {
	#past: T[] = [];
	#future: T[] = [];

	get canUndo(): boolean {
		return this.#past.length > 0;
	}

	get canRedo(): boolean {
		return this.#future.length > 0;
	}

	/** Something new comes in the place of `before`. */
	keep(before: T): void {
		this.#past = [...this.#past, before].slice(-KEPT);
		this.#future = [];
	}

	/** What was before `now`; nothing when that was the first. */
	undo(now: T): T | undefined {
		const before = this.#past.pop();
		if (before !== undefined) this.#future.push(now);
		return before;
	}

	redo(now: T): T | undefined {
		const after = this.#future.pop();
		if (after !== undefined) this.#past.push(now);
		return after;
	}

	clear(): void {
		this.#past = [];
		this.#future = [];
	}
}
