/** What the module weighs, how soon it is ready, and whether its memory grows. Prints a figure a line. */

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

import { commands, RULE } from './command.ts';
import { figure, say, timing } from './measure.ts';
import { createCall, moduleBytes, newEngine } from './module.ts';
import { shapes } from './shapes.ts';

const PROCESSES = 20;
const WARM_UP = 10_000;
const CALLS = 1_000_000;
const MB = 1_000_000;

const plain = (id: string, unit: string, ours: number) => ({ id, unit, ours, peers: {}, intervals: {} });

function weight(): void {
	say(plain('module_gzip_kb', 'kB', gzipSync(moduleBytes(), { level: 9 }).length / 1000));
}

function readiness(): void {
	const script = fileURLToPath(new URL('ready.ts', import.meta.url));
	const samples = Array.from({ length: PROCESSES }, () =>
		Number(execFileSync(process.execPath, [...process.execArgv, script], { encoding: 'utf8' })));
	say({ ...figure('module_ready_ms', { ours: timing(samples) }), unit: 'ms' });
}

/** Calls of every kind in turn: a command, a polygon that is allowed, one that is not. */
function growth(): void {
	if (!globalThis.gc) throw new Error('run with --expose-gc: what is not collected yet has not grown');
	const engine = newEngine();
	const calls = [
		...commands(4).slice(0, 2).map(({ payload }) => createCall(RULE.name, RULE.collection, payload)),
		...shapes(10, 4).slice(0, 2).map(({ ring }) =>
			createCall('geofence.validate', 'geofences', { kind: 'polygon', geometry: { type: 'Polygon', coordinates: [ring] } })),
	];
	const memory = () => {
		globalThis.gc!();
		return { wasm: engine.memoryBytes, rss: process.memoryUsage.rss() };
	};
	for (let call = 0; call < WARM_UP; call += 1) engine.call(calls[call % calls.length]!);
	const before = memory();
	for (let call = 0; call < CALLS; call += 1) engine.call(calls[call % calls.length]!);
	const after = memory();
	// A replaced instance would hide what the one before had grown.
	if (engine.replaced > 0) throw new Error(`the instance was replaced ${engine.replaced} times`);
	const wasm_mb = (after.wasm - before.wasm) / MB;
	const rss_mb = (after.rss - before.rss) / MB;
	say({
		...plain('memory_growth_mb', 'MB', wasm_mb),
		details: { wasm_mb, rss_mb, calls: CALLS },
		note: "ours is WebAssembly's memory; rss_mb is the whole process with its garbage collector",
	});
}

weight();
readiness();
growth();
