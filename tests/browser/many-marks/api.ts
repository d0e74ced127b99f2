/** What the page has done so far. */
export interface Report {
	updates: number;
	/** Of which reading the positions (ms). */
	takeMs: number;
	/** The list's rows beside them (ms). */
	textMs: number;
	/** Of the map, drawn anew. */
	pictures: number;
	/** Chances to draw. */
	frames: number;
	marks: number;
}

/** What the page offers to whoever measures it. */
export interface ManyMarks {
	run(count: number): Promise<void>;
	report(): Report;
}
