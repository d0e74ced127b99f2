import type { Item } from '../shared/fields.ts';
import { type Filter, matches } from '../shared/app/filter.ts';

/** What Directus's app knows of a field; the little of it that is used. */
export interface Field {
	field: string;
	/** In the user's language. */
	name: string;
	schema: { is_nullable: boolean; default_value: unknown; max_length: number | null; is_unique: boolean } | null;
	meta: {
		special: string[] | null;
		validation: Filter | null;
		validation_message: string | null;
		options: { choices?: { text: string; value: string }[] } | null;
	} | null;
}

export interface Said {
	field: string;
	sentence: string;
}

/** Directus makes these itself. */
const MADE = new Set(['uuid', 'date-created', 'date-updated', 'user-created', 'user-updated']);

/**
 * What Directus says of an item by its schema, after the rules: in its own words. `validated` is the field's
 * own condition, of which a form knows the sentence.
 */
export function schemaFaults(collection: string, item: Item, fields: Field[], creates: boolean): Said[] {
	return fields.flatMap(({ field, schema, meta }): Said[] => {
		if (!schema) return [];
		const value = item[field] ?? null;
		const failed = (what: string): Said => ({ field, sentence: `Validation failed for field "${field}". ${what}` });
		if (value === null) {
			const needed = creates && !schema.is_nullable && schema.default_value === null;
			return needed && !meta?.special?.some((special) => MADE.has(special)) ? [failed('Value is required.')] : [];
		}
		if (meta?.validation && !matches({ [field]: value }, meta.validation)) {
			const advice = meta.validation_message ? ` ${meta.validation_message}` : '';
			return [failed(`Value doesn't have the correct format.${advice}`)];
		}
		if (schema.max_length !== null && [...String(value)].length > schema.max_length) {
			return [{ field, sentence: `Value "${String(value).slice(0, 40)}…" for field "${field}" in collection "${collection}" is too long.` }];
		}
		return [];
	});
}

/** As PostgreSQL's refusal comes out of Directus. */
export const notUnique = (collection: string, field: string, value: unknown): Said => ({
	field,
	sentence: `Value "${String(value)}" for field "${field}" in collection "${collection}" has to be unique.`,
});

/** What the form's list of choices says by the text or the value; the API takes any text, the form does not. */
export function choose(field: Field | undefined, cell: string): string | null {
	const choices = field?.meta?.options?.choices;
	if (!choices) return cell;
	const wanted = cell.toLocaleLowerCase();
	const found = choices.find(({ text, value }) => value === wanted || text.toLocaleLowerCase() === wanted);
	return found?.value ?? null;
}
