import { rules } from './rules.ts';
import { DriftWatch, type SchemaHost } from './schema.ts';

let watch: DriftWatch | undefined;

/** The watch of this process: all entries of the bundle share it. */
export function driftWatch(host: SchemaHost): DriftWatch {
	watch ??= new DriftWatch(rules(), host);
	return watch;
}
