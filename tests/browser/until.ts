import assert from 'node:assert/strict';

/** How long the race, or a process behind the page, may take to bring what is waited for (ms). */
export const PATIENCE = 120_000;

/** Asks until the answer is good, and gives it; says what was missing when it never is. */
export async function until<T>(what: string, ask: () => Promise<T>, good: (answer: T) => boolean): Promise<T> {
	const deadline = Date.now() + PATIENCE;
	for (;;) {
		const answer = await ask();
		if (good(answer)) return answer;
		if (Date.now() > deadline) assert.fail(`within ${PATIENCE / 1000} s not seen: ${what}; last: ${JSON.stringify(answer)}`);
		await new Promise((resolve) => setTimeout(resolve, 250));
	}
}
