import { createHash } from 'node:crypto';
import { gunzipSync } from 'node:zlib';

import packed from '../../../../wasm/pkg/biplane_wasm_bg.wasm?packed';
import { Engine } from './engine.ts';

let engine: Engine | undefined;

/** The engine of this process: all entries of the bundle share it. */
export function rules(): Engine {
	engine ??= new Engine(new Uint8Array(gunzipSync(Buffer.from(packed, 'base64'))));
	return engine;
}

/** The module as browsers get it. */
export interface Download {
	gzipped: Buffer;
	/** Another one for another module. */
	etag: string;
}

let download: Download | undefined;

export function moduleDownload(): Download {
	if (!download) {
		const gzipped = Buffer.from(packed, 'base64');
		download = { gzipped, etag: `"${createHash('sha256').update(gzipped).digest('base64url')}"` };
	}
	return download;
}
