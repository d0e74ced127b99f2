// Prints what the built module weighs and how long it takes from its bytes to the first answer.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

const pkg = resolve(process.argv[2]);
const bytes = readFileSync(`${pkg}/biplane_wasm_bg.wasm`);
const glue = await import(pathToFileURL(`${pkg}/biplane_wasm.js`));
const start = performance.now();
glue.initSync({ module: new WebAssembly.Module(bytes) });
glue.manifest();
const ready_ms = Math.round((performance.now() - start) * 10) / 10;
console.log(JSON.stringify({ module: 'biplane_wasm', bytes: bytes.length, gzip_bytes: gzipSync(bytes, { level: 9 }).length, ready_ms }));
