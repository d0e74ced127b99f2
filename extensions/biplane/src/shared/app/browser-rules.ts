import { Engine } from '../engine.ts';

let engine: Promise<Engine> | undefined;

/** Where Directus answers: its app lies below that. */
const ROOT = location.pathname.split('/admin')[0];

async function load(): Promise<Engine> {
	const response = await fetch(`${ROOT}/biplane/module.wasm`, { credentials: 'same-origin' });
	if (!response.ok) throw new Error(`The rules could not be loaded: Directus answered ${response.status}.`);
	return new Engine(new Uint8Array(await response.arrayBuffer()));
}

/**
 * The rules that judge in Directus, in the browser: the same module, from the same server. All panels of a
 * page share it. It is no part of the bundle, which every page of the admin UI loads.
 */
export function browserRules(): Promise<Engine> {
	engine ??= load().catch((error: unknown) => {
		engine = undefined;
		throw error;
	});
	return engine;
}
