import { readFileSync } from 'node:fs';

import { Engine } from '../../../extensions/biplane/src/shared/engine.ts';
import type { Call, Outcome } from '../../../extensions/biplane/src/shared/protocol.ts';

const FILE = new URL('../../../wasm/pkg/biplane_wasm_bg.wasm', import.meta.url);

export const moduleBytes = (): Uint8Array<ArrayBuffer> => new Uint8Array(readFileSync(FILE));

/** The engine as Directus has it, on the module that scripts/build-wasm made. */
export const newEngine = (): Engine => new Engine(moduleBytes());

export function createCall(name: string, collection: string, payload: unknown): Call {
	return {
		kind: 'filter',
		name,
		event: 'items.create',
		payload,
		ctx: { now_ms: 0, collection, keys: [], user: null, role: null, admin: false, results: {} },
	};
}

export const allows = (outcome: Outcome): boolean => outcome.reject === undefined;
