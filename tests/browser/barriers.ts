import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

import type { Page } from 'playwright-core';

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** What axe holds for serious or worse, in a sentence each; of a whole page, or of what a selector names. */
export async function barriers(page: Page, within?: string): Promise<string[]> {
	// By the debugger: Directus's Content-Security-Policy lets no inline script run, and that is good.
	await page.evaluate(`${readFileSync(AXE, 'utf8')};0`);
	return page.evaluate(async (selector) => {
		const { axe } = globalThis as unknown as {
			axe: { run(context: object | string, options: object): Promise<{ violations: { id: string; impact: string; nodes: { target: string[]; failureSummary: string }[] }[] }> };
		};
		const { violations } = await axe.run(selector ?? document, { resultTypes: ['violations'] });
		return violations
			.filter(({ impact }) => impact === 'serious' || impact === 'critical')
			.map(({ id, nodes }) => `${id}: ${nodes[0]?.target.join(' ')}: ${nodes[0]?.failureSummary}`);
	}, within);
}
