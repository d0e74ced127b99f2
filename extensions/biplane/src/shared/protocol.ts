import type { Filter } from '@directus/types';

// What crosses between the host and the Rust module: crates/rules, `manifest.rs` and `call.rs`.

export type ItemEvent = 'items.create' | 'items.update' | 'items.delete';

export type Rule = { name: string } & (
	| { kind: 'filter'; events: ItemEvent[]; collections: string[]; fields: string[] }
	| { kind: 'action'; events: ItemEvent[]; collections: string[] }
	| { kind: 'endpoint'; method: string; path: string }
	| { kind: 'operation'; label: string; icon: string }
);
export type FilterRule = Extract<Rule, { kind: 'filter' }>;
export type ActionRule = Extract<Rule, { kind: 'action' }>;

export interface Manifest {
	abi: number;
	name: string;
	version: string;
	rules: Rule[];
	codes: { code: string; status: number }[];
}

export interface Call {
	kind: Rule['kind'];
	name: string;
	event: ItemEvent | null;
	payload: unknown;
	ctx: {
		now_ms: number;
		collection: string;
		keys: unknown[];
		user: string | null;
		role: string | null;
		admin: boolean;
		results: Record<string, unknown>;
	};
}

export interface Rejection {
	code: string;
	status: number;
	field?: string;
	message: string;
	at?: [longitude: number, latitude: number];
}

export type Need = {
	as: string;
	collection: string;
	fields: string[];
	/** Whether what is found may be used again in the same transaction. */
	keep?: boolean;
} & ({ op: 'items.read'; keys: (string | number)[] } | { op: 'items.find'; filter: Filter });

export interface Effect {
	op: 'log';
	level: 'info' | 'warn';
	message: string;
}

export interface Outcome {
	patch?: Record<string, unknown>;
	reject?: Rejection;
	result?: unknown;
	need?: Need[];
	effects?: Effect[];
}
