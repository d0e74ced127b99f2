import { gunzipSync } from 'node:zlib';

import packed from '../../../../wasm/pkg/biplane_wasm_bg.wasm?packed';
import { Engine } from './engine.ts';

let engine: Engine | undefined;

/** The engine of this process: all entries of the bundle share it. */
export function rules(): Engine {
	engine ??= new Engine(new Uint8Array(gunzipSync(Buffer.from(packed, 'base64'))));
	return engine;
}
