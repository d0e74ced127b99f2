import { readFileSync } from 'node:fs';

import { Engine } from '../src/shared/engine.ts';
import type { Call, Outcome } from '../src/shared/protocol.ts';

/** The engine on the module that scripts/build-wasm made; one a process. */
export const engine = new Engine(
	new Uint8Array(readFileSync(new URL('../../../wasm/pkg/biplane_wasm_bg.wasm', import.meta.url))),
);

export function createCall(name: string, payload: unknown): Call {
	return {
		kind: 'filter',
		name,
		event: 'items.create',
		payload,
		ctx: { now_ms: 0, collection: '', keys: [], user: null, role: null, admin: false, results: {} },
	};
}

export const verdict = (outcome: Outcome) => outcome.reject?.[0]?.code ?? (outcome.need ? 'need' : 'ok');
