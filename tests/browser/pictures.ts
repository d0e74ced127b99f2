import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

import type { Locator, Page } from 'playwright-core';

const FOLDER = process.env['BIPLANE_PICTURES'];

/** Whether pictures are kept: then a test may wait until what it shows looks well. */
export const keepsPictures = FOLDER !== undefined;

/** Keeps what is seen as `<name>.png` where `BIPLANE_PICTURES` names a folder (`npm run pictures`: docs/images). */
export async function keepPicture(of: Page | Locator, name: string): Promise<void> {
	if (!FOLDER) return;
	mkdirSync(FOLDER, { recursive: true });
	// What fades in or moves is shown where it comes to rest.
	await of.screenshot({ path: join(FOLDER, `${name}.png`), animations: 'disabled' });
}
