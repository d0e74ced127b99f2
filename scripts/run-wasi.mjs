// Runs a wasm32-wasip1 program: cargo's runner for the tests of the pure crates.
import { readFileSync } from 'node:fs';
import { WASI } from 'node:wasi';

const [program, ...args] = process.argv.slice(2);

const wasi = new WASI({ version: 'preview1', args: [program, ...args], env: process.env });
const module = new WebAssembly.Module(readFileSync(program));
const instance = new WebAssembly.Instance(module, wasi.getImportObject());
process.exitCode = wasi.start(instance);
