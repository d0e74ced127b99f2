import * as module from '../../../../wasm/pkg/biplane_wasm.js';
import type { Drift } from './drift.ts';
import { flatten } from './flat.ts';
import type { Call, Manifest, Outcome } from './protocol.ts';

type Item = Record<string, unknown>;

/** The calling convention that this host speaks: `ABI` in crates/rules. */
const ABI = 7;

/** Memory of an instance never shrinks: above this it is replaced. The module itself stops at 64 MiB. */
const RECYCLE_BYTES = 32 * 1024 * 1024;

/** In metres; only what encloses something has an area. */
export interface Measures {
	area_m2: number | null;
	perimeter_m: number;
}

/** Snapshots as YAML or JSON, and hashes a line each. */
export interface DriftTexts {
	/** What was applied to this database last. */
	base: string | undefined;
	/** The hash of that snapshot. */
	baseHash: string | undefined;
	/** What the database has now. */
	running: string;
	/** What the snapshot says; the base again where there is none. */
	target: string;
	lineage: string;
}

/** Why there is no drift to tell. */
export interface DriftRefused {
	error: { code: string; message: string };
}

/** A call ended in a trap. The instance is gone, the next call has a new one. */
export class RuleCrash extends Error {
	override name = 'RuleCrash';
}

/**
 * The Rust module, alive. Its glue keeps one instance a process, so there is one engine a process.
 *
 * Calls are synchronous: nothing in WebAssembly outlives a call, and so nothing is lost with an instance.
 */
export class Engine {
	readonly manifest: Manifest;
	readonly moduleBytes: number;
	/** How many instances there were before this one. */
	replaced = 0;
	#broken = false;
	/** Of filters that take a geometry flat, its field. */
	readonly #flat = new Map<string, string>();

	constructor(bytes: Uint8Array<ArrayBuffer>) {
		module.initSync({ module: new WebAssembly.Module(bytes) });
		this.moduleBytes = bytes.length;
		this.manifest = JSON.parse(module.manifest()) as Manifest;
		if (this.manifest.abi !== ABI) {
			throw new Error(`the rules speak version ${this.manifest.abi} of the calling convention, the host ${ABI}: build both anew`);
		}
		for (const rule of this.manifest.rules) {
			if (rule.kind === 'filter' && rule.flat) this.#flat.set(rule.name, rule.flat);
		}
	}

	get memoryBytes(): number {
		return module.memory_bytes();
	}

	/** A geometry that a rule takes flat crosses as rows of numbers, whatever is irregular as it came. */
	call({ kind, name, event, payload, ctx }: Call): Outcome {
		const field = kind === 'filter' ? this.#flat.get(name) : undefined;
		const flat = field === undefined ? undefined : flatten((payload as Item | null)?.[field]);
		return this.#run(() => {
			if (field === undefined || !flat) return module.call(JSON.stringify({ kind, name, event, payload, ctx }));
			const rest = JSON.stringify({ kind, name, event, payload: { ...(payload as Item), [field]: undefined }, ctx });
			return module.call(rest, flat.type, flat.rings, flat.polygons, flat.coordinates);
		}) as Outcome;
	}

	/** What a geofence of this shape measures: of a point with a radius (metres) the circle; null where there is nothing to measure. */
	measure(geometry: unknown, radiusM: number | null): Measures | null {
		const flat = flatten(geometry);
		if (!flat) return null;
		const { type, rings, polygons, coordinates } = flat;
		return this.#run(() => module.measure(type, rings, polygons, coordinates, radiusM ?? undefined)) as Measures | null;
	}

	schemaDrift({ base, baseHash, running, target, lineage }: DriftTexts): Drift | DriftRefused {
		return this.#run(() => module.schema_drift(base, baseHash, running, target, lineage)) as Drift | DriftRefused;
	}

	/** What a call answers, which is JSON. */
	#run(call: () => string): unknown {
		if (this.#broken) this.#replace();
		let outcome: string;
		try {
			outcome = call();
		} catch (cause) {
			const crash = new RuleCrash(this.#lastPanic() ?? String(cause), { cause });
			this.#replace();
			throw crash;
		}
		if (this.memoryBytes > RECYCLE_BYTES) this.#replace();
		return JSON.parse(outcome);
	}

	#lastPanic(): string | undefined {
		try {
			return module.last_panic();
		} catch {
			// Too broken to say.
			return undefined;
		}
	}

	#replace(): void {
		this.#broken = true;
		try {
			module.__wbg_reset_state();
			this.#broken = false;
			this.replaced += 1;
		} catch {
			// No memory for an instance just now: the next call tries again.
		}
	}
}
