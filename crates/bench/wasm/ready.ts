/** In a process of its own: milliseconds from reading the module to its first answer. */

import { RULE } from './command.ts';
import { allows, createCall, newEngine } from './module.ts';

const start = performance.now();
const engine = newEngine();
const allowed = allows(engine.call(createCall(RULE.name, RULE.collection, { imei: '356307042441013' })));
const took = performance.now() - start;
if (!allowed) throw new Error('the first call refused a valid device');
console.log(String(took));
