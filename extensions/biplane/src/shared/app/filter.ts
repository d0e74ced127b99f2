import type { Item } from '../fields.ts';

/** A filter of Directus, as rules ask with and as fields are validated by. */
export type Filter = Record<string, unknown>;

/**
 * Whether an item is one that the filter names: so that one request answers many questions, each of
 * which then finds its own among what came. Only the operators that are asked with.
 */
export function matches(item: Item, filter: Filter): boolean {
	return Object.entries(filter).every(([key, condition]) => {
		if (key === '_and') return (condition as Filter[]).every((part) => matches(item, part));
		if (key === '_or') return (condition as Filter[]).some((part) => matches(item, part));
		return holds(item[key], condition as Filter);
	});
}

function holds(value: unknown, condition: Filter): boolean {
	return Object.entries(condition).every(([key, wanted]) => {
		if (!key.startsWith('_')) return value !== null && typeof value === 'object' && matches(value as Item, condition);
		switch (key) {
			case '_eq':
				return value === wanted;
			case '_neq':
				return value !== wanted;
			case '_in':
				return (wanted as unknown[]).includes(value);
			case '_nin':
				return !(wanted as unknown[]).includes(value);
			case '_lt':
				return order(value) < order(wanted);
			case '_gt':
				return order(value) > order(wanted);
			case '_null':
				return (value ?? null) === null;
			case '_nnull':
				return (value ?? null) !== null;
			case '_regex':
				return typeof value === 'string' && new RegExp(String(wanted)).test(value);
			default:
				throw new Error(`The filter's operator ${key} is not known here.`);
		}
	});
}

/** Times come as texts in more than one form. */
const order = (value: unknown): number => (typeof value === 'string' ? Date.parse(value) : Number(value));

/** The fields that a filter looks at: `event.status`. */
export function fieldsOf(filter: Filter, above = ''): string[] {
	return Object.entries(filter).flatMap(([key, condition]) => {
		if (key === '_and' || key === '_or') return (condition as Filter[]).flatMap((part) => fieldsOf(part, above));
		if (key.startsWith('_')) return [above.slice(0, -1)];
		return fieldsOf(condition as Filter, `${above}${key}.`);
	});
}
