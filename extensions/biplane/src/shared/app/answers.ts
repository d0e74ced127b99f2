import type { AxiosInstance } from 'axios';

import type { Item } from '../fields.ts';
import type { Need } from '../protocol.ts';
import type { Answerer } from './ask-rules.ts';
import { fieldsOf, type Filter, matches } from './filter.ts';

type ItemsNeed = Extract<Need, { op: 'items.read' | 'items.find' }>;

/** How many conditions one request has: more make it slow to plan. */
const CONDITIONS = 250;

/** Items over REST, with the user's own rights: a filter may be longer than an address. */
export async function search<T = Item>(api: AxiosInstance, collection: string, query: object): Promise<T[]> {
	const { data } = await api.request({ method: 'SEARCH', url: `/items/${collection}`, data: { query: { limit: -1, ...query } } });
	return data.data;
}

/**
 * Answers rules in the browser. Questions of one kind are one request, however many rows of a file ask;
 * what a rule lets a host keep is asked once.
 */
export function answersOf(api: AxiosInstance): Answerer {
	/** What was found, by kind of question and then by the question; kept for as long as this answers. */
	const kept = new Map<string, Map<string, Item[]>>();

	return async (questions) => {
		const kinds = new Map<string, ItemsNeed[]>();
		for (const { need } of questions) {
			const asked = itemsNeed(need);
			const alike = kinds.get(kindOf(asked));
			if (alike) alike.push(asked);
			else kinds.set(kindOf(asked), [asked]);
		}
		for (const [kind, needs] of kinds) {
			const keeps = needs[0]?.keep === true;
			const found = (keeps && kept.get(kind)) || new Map<string, Item[]>();
			const open = new Map(needs.map((need) => [JSON.stringify(conditionOf(need)), need]));
			const missing = [...open].filter(([question]) => !found.has(question));
			for (let from = 0; from < missing.length; from += CONDITIONS) {
				const part = missing.slice(from, from + CONDITIONS);
				const rows = await readAll(api, part.map(([, need]) => need));
				for (const [question, need] of part) found.set(question, rows.filter((row) => matches(row, conditionOf(need))));
			}
			kept.set(kind, found);
		}
		return questions.map(({ need }) => {
			const asked = itemsNeed(need);
			const rows = kept.get(kindOf(asked))?.get(JSON.stringify(conditionOf(asked))) ?? [];
			return asked.op === 'items.find' && asked.limit ? rows.slice(0, asked.limit) : rows;
		});
	};
}

function itemsNeed(need: Need): ItemsNeed {
	if (need.op === 'items.read' || need.op === 'items.find') return need;
	throw new Error(`Only Directus itself can answer ${need.op}.`);
}

const kindOf = ({ op, collection, fields, keep }: ItemsNeed): string => JSON.stringify([op, collection, fields, keep === true]);

const conditionOf = (need: ItemsNeed): Filter =>
	need.op === 'items.read' ? { id: { _in: need.keys } } : (need.filter as Filter);

/** All rows that any of these asks for, with the fields by which each finds its own. */
function readAll(api: AxiosInstance, needs: ItemsNeed[]): Promise<Item[]> {
	const [first] = needs as [ItemsNeed];
	const conditions = needs.map(conditionOf);
	const keys = needs.flatMap((need) => (need.op === 'items.read' ? need.keys : []));
	const filter = first.op === 'items.read' ? { id: { _in: [...new Set(keys)] } } : conditions.length === 1 ? conditions[0] : { _or: conditions };
	const fields = [...new Set(['id', ...first.fields, ...conditions.flatMap((condition) => fieldsOf(condition))])];
	return search(api, first.collection, { filter, fields });
}
