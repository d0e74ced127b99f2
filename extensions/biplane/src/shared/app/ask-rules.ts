import type { AxiosInstance } from 'axios';

import type { Engine } from '../engine.ts';
import { type Item, pick, type Presets } from '../fields.ts';
import type { Call, ItemEvent, Need, Outcome, Rejection } from '../protocol.ts';

/** A rule that still asks after this many answers is wrong. */
const MAX_ROUNDS = 4;

/** Who asks: what a rule knows of him inside Directus, too. */
export type Asker = Pick<Call['ctx'], 'user' | 'role' | 'admin'>;

/** A write that somebody thinks of. */
export interface Intent {
	event: ItemEvent;
	collection: string;
	/** Of an update, the items that it changes. */
	keys: unknown[];
	item: Item;
}

/** A rule's question, and for which of the intents it asks. */
export interface Question {
	need: Need;
	intent: number;
}

/** Answers questions in their order, with the user's own rights. */
export type Answerer = (questions: Question[]) => Promise<unknown[]>;

export async function readAsker(api: AxiosInstance): Promise<Asker> {
	const [me, globals] = await Promise.all([
		api.get('/users/me', { params: { fields: ['id', 'role'] } }),
		api.get('/policies/me/globals'),
	]);
	return { user: me.data.data.id, role: me.data.data.role, admin: globals.data.data.admin_access === true };
}

/**
 * What the rules would say of each of these writes inside Directus, before anything is written. All rules
 * are asked, each to its decision; Directus itself stops at the first that rejects.
 */
export async function askRules(
	engine: Engine, intents: Intent[], presets: Presets, asker: Asker, answer: Answerer,
): Promise<Rejection[][]> {
	const asked = intents.flatMap((intent, index) => callsFor(engine, intent, presets, asker).map((call) => ({ call, index })));
	const said: { index: number; outcome: Outcome }[] = [];
	let open = asked;
	for (let round = 0; open.length > 0; round += 1) {
		if (round === MAX_ROUNDS) throw new Error(`The rule ${open[0]?.call.name} came to no decision.`);
		const questions: Question[] = [];
		const waiting: { call: Call; as: string }[] = [];
		const undecided = new Set<Call>();
		for (const { call, index } of open) {
			const outcome = engine.call(call);
			if (outcome.reject || !outcome.need) {
				said.push({ index, outcome });
				continue;
			}
			undecided.add(call);
			for (const need of outcome.need) {
				questions.push({ need, intent: index });
				waiting.push({ call, as: need.as });
			}
		}
		open = open.filter(({ call }) => undecided.has(call));
		if (questions.length === 0) break;
		const answers = await answer(questions);
		waiting.forEach(({ call, as }, place) => (call.ctx.results[as] = answers[place]));
	}
	const rejections = intents.map((): Rejection[] => []);
	for (const { index, outcome } of said) rejections[index]?.push(...(outcome.reject ?? []));
	return rejections;
}

/** As the host in Directus calls (`hooks.ts`): a rule sees its own fields only. */
function callsFor(engine: Engine, { event, collection, keys, item }: Intent, presets: Presets, asker: Asker): Call[] {
	return engine.manifest.rules.flatMap((rule): Call[] => {
		if (rule.kind !== 'filter' || !rule.events.includes(event) || !rule.collections.includes(collection)) return [];
		const payload = pick(item, rule.fields, event === 'items.create' ? presets : undefined);
		if (event === 'items.update' && Object.keys(payload).length === 0) return [];
		const ctx = { ...asker, now_ms: Date.now(), collection, keys, results: {} };
		return [{ kind: 'filter', name: rule.name, event, payload, ctx }];
	});
}
