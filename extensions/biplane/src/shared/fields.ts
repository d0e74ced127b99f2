export type Item = Record<string, unknown>;

/** What the database puts into fields that are left out. */
export type Presets = Record<string, { defaultValue: unknown } | undefined>;

/** The fields that a rule looks at, all that crosses; of a new item with what the database will put in. */
export function pick(item: Item, fields: string[], presets: Presets = {}): Item {
	const picked: Item = {};
	for (const field of fields) {
		if (Object.hasOwn(item, field) && item[field] !== undefined) {
			picked[field] = item[field];
		} else {
			const preset = presets[field]?.defaultValue;
			if (preset !== null && preset !== undefined) picked[field] = preset;
		}
	}
	return picked;
}
