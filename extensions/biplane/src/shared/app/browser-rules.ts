import packed from '../../../../../wasm/pkg/biplane_wasm_bg.wasm?packed';
import { Engine } from '../engine.ts';
import { unpackBytes } from '../unpack.ts';

let engine: Promise<Engine> | undefined;

/** The rules that judge in Directus, in the browser: the same module. All panels of a page share it. */
export const browserRules = (): Promise<Engine> => (engine ??= unpackBytes(packed).then((bytes) => new Engine(bytes)));
