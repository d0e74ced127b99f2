import type { Manifest } from './protocol.ts';

export type Limits = Pick<Manifest, 'max_payload_bytes' | 'max_payload_depth'>;

/**
 * Whether a value is within the limits, counted as `fits` in crates/rules. Stops where it is not.
 *
 * Filter hooks run before permission checks, so anyone may send anything: what is larger does not cross.
 */
export function fits(value: unknown, { max_payload_bytes, max_payload_depth }: Limits): boolean {
	let bytes = 0;
	const open: { value: unknown; depth: number }[] = [{ value, depth: 0 }];
	for (let next = open.pop(); next !== undefined; next = open.pop()) {
		bytes += 8;
		if (typeof next.value === 'string') {
			bytes += next.value.length;
		} else if (typeof next.value === 'object' && next.value !== null) {
			if (next.depth === max_payload_depth) return false;
			const depth = next.depth + 1;
			if (Array.isArray(next.value)) {
				// Each element costs at least 8, so a long array needs no walk.
				if (bytes + 8 * next.value.length > max_payload_bytes) return false;
				for (const element of next.value) open.push({ value: element, depth });
			} else {
				for (const [key, element] of Object.entries(next.value)) {
					bytes += key.length;
					open.push({ value: element, depth });
				}
			}
		}
		if (bytes > max_payload_bytes) return false;
	}
	return true;
}
