// Writes the module's manifest beside it, for what has to know the rules before the module runs; prints
// what the built module weighs and how long it takes from its bytes to the first answer.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';

const pkg = resolve(process.argv[2]);
const bytes = readFileSync(`${pkg}/biplane_wasm_bg.wasm`);
const glue = await import(pathToFileURL(`${pkg}/biplane_wasm.js`));
const start = performance.now();
glue.initSync({ module: new WebAssembly.Module(bytes) });
const manifest = JSON.parse(glue.manifest());
const ready_ms = Math.round((performance.now() - start) * 10) / 10;
writeFileSync(`${pkg}/manifest.json`, `${JSON.stringify(manifest, null, '\t')}\n`);
console.log(JSON.stringify({ module: 'biplane_wasm', bytes: bytes.length, gzip_bytes: gzipSync(bytes, { level: 9 }).length, ready_ms }));
