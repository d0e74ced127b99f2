import type { EventContext, HookExtensionContext, RegisterFunctions } from '@directus/types';

import type { Engine } from './engine.ts';
import { type Item, pick } from './fields.ts';
import { type Caller, runRule } from './host.ts';
import type { Outbox } from './outbox.ts';
import type { ItemEvent, Rule } from './protocol.ts';
import { type DriftWatch, SCHEMA_EVENTS } from './schema.ts';

type Context = Pick<HookExtensionContext, 'services' | 'logger' | 'getSchema'>;
type Register = Pick<RegisterFunctions, 'filter' | 'action'>;
type FilterRule = Extract<Rule, { kind: 'filter' }>;
type ActionRule = Extract<Rule, { kind: 'action' }>;

/** Registers every filter and action rule of the manifest. */
export function registerRules(engine: Engine, register: Register, context: Context): void {
	for (const rule of engine.manifest.rules) {
		if (rule.kind !== 'filter' && rule.kind !== 'action') continue;
		for (const collection of rule.collections) {
			for (const event of rule.events) {
				if (rule.kind === 'filter') registerFilter(engine, rule, collection, event, register, context);
				else registerAction(engine, rule, collection, event, register, context);
			}
		}
	}
}

function registerFilter(
	engine: Engine, rule: FilterRule, collection: string, event: ItemEvent, register: Register, context: Context,
): void {
	register.filter(`${collection}.${event}`, async (payload, meta, eventContext) => {
		const caller = await callerOf(eventContext, context);
		if (event === 'items.delete') {
			const keys = payload as unknown[];
			await runRule(engine, rule, { event, collection, keys, payload: keys }, caller, context);
			return payload;
		}
		const item = payload as Item;
		const crossing = pick(item, rule.fields, event === 'items.create' ? caller.schema.collections[collection]?.fields : undefined);
		if (event === 'items.update' && Object.keys(crossing).length === 0) return payload;
		const keys = (meta.keys as unknown[] | undefined) ?? [];
		const question = { event, collection, keys, payload: crossing };
		const who = event === 'items.update' ? { ...caller, change: { collection, keys, payload: item } } : caller;
		const { patch } = await runRule(engine, rule, question, who, context);
		return patch ? { ...item, ...patch } : payload;
	});
}

function registerAction(
	engine: Engine, rule: ActionRule, collection: string, event: ItemEvent, register: Register, context: Context,
): void {
	const run = async (meta: Item, eventContext: EventContext) => {
		const caller = await callerOf(eventContext, context);
		const keys = (meta.keys as unknown[] | undefined) ?? (meta.key === undefined ? [] : [meta.key]);
		await runRule(engine, rule, { event, collection, keys, payload: meta.payload }, caller, context);
	};
	register.action(`${collection}.${event}`, (meta, eventContext) => {
		// Nobody awaits an action: an error that got out would end all of Directus.
		run(meta, eventContext).catch((error: unknown) => {
			context.logger.error(`[biplane] ${rule.name} failed after ${collection}.${event}: ${String(error)}`);
		});
	});
}

/** Empties the outbox every other second, and when Directus ends as far as Redis is there. */
export function drainOutbox(outbox: Pick<Outbox, 'drain' | 'close'>, register: Pick<RegisterFunctions, 'action' | 'schedule'>): void {
	register.schedule('*/2 * * * * *', () => outbox.drain());
	register.action('server.stop', () => {
		outbox.drain().finally(() => outbox.close()).catch(() => undefined);
	});
}

/** Marks every change of the schema at once, and says at the start how it stands. */
export function watchSchema(
	watch: Pick<DriftWatch, 'changed' | 'report'>, register: Pick<Register, 'action'>, { logger }: Pick<Context, 'logger'>,
): void {
	for (const event of SCHEMA_EVENTS) register.action(event, () => watch.changed());
	register.action('server.start', () => {
		const say = ({ status, sentence }: { status: string; sentence: string }) => {
			if (status !== 'clean') logger.warn(`[biplane] ${sentence}`);
		};
		watch.report().then(say).catch((error: unknown) => logger.error(`[biplane] ${String(error)}`));
	});
}

async function callerOf({ database, schema, accountability }: EventContext, context: Context): Promise<Caller> {
	return { database, schema: schema ?? (await context.getSchema()), accountability };
}
