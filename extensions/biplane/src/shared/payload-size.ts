/** Filter hooks run before permission checks, so anyone may send anything: what is larger does not cross. */
export const MAX_PAYLOAD_BYTES = 1024 * 1024;
export const MAX_PAYLOAD_DEPTH = 64;

/** Whether a value is within the limits. Stops counting where it is not. */
export function fits(value: unknown): boolean {
	let bytes = 0;
	const open: { value: unknown; depth: number }[] = [{ value, depth: 0 }];
	for (let next = open.pop(); next !== undefined; next = open.pop()) {
		bytes += 8;
		if (typeof next.value === 'string') {
			bytes += next.value.length;
		} else if (typeof next.value === 'object' && next.value !== null) {
			if (next.depth === MAX_PAYLOAD_DEPTH) return false;
			const depth = next.depth + 1;
			if (Array.isArray(next.value)) {
				// Each element costs at least 8, so a long array needs no walk.
				if (bytes + 8 * next.value.length > MAX_PAYLOAD_BYTES) return false;
				for (const element of next.value) open.push({ value: element, depth });
			} else {
				for (const [key, element] of Object.entries(next.value)) {
					bytes += key.length;
					open.push({ value: element, depth });
				}
			}
		}
		if (bytes > MAX_PAYLOAD_BYTES) return false;
	}
	return true;
}
