import { chromium, type Browser, type Page } from 'playwright-core';

const EXECUTABLE = process.env['BIPLANE_CHROMIUM'] ?? '/usr/bin/chromium';

/** Debian's Chromium, without a screen, without a graphics card (WebGL in software) and without calling home. */
export const openBrowser = (): Promise<Browser> =>
	chromium.launch({
		executablePath: EXECUTABLE,
		args: [
			'--no-sandbox',
			'--use-angle=swiftshader',
			'--enable-unsafe-swiftshader',
			// The page itself is painted by the processor, as a browser without a graphics card does it. Debian’s
			// Chromium asks for the graphics card whatever there is, and SwiftShader takes most of two cores for it.
			'--disable-gpu-rasterization',
			'--disable-gpu-compositing',
			'--disable-quic',
			'--no-first-run',
			'--disable-background-networking',
			'--disable-component-update',
			'--disable-sync',
		],
	});

/** Directus's own, and none of ours: what it is, and where it comes from. */
const KNOWN_NOISE: { text: RegExp; url: RegExp; why: string }[] = [
	{ text: /status of 404/, url: /\/favicon\.ico$/, why: 'Directus has no icon at the root' },
	{ text: /status of 40[01]/, url: /\/auth\/refresh$/, why: 'Directus’s app asks for a session before anybody logged in' },
];

/** Collects the page's errors: what a person would see in red in the browser's console. */
export function consoleErrors(page: Page): string[] {
	const errors: string[] = [];
	page.on('pageerror', (error) => errors.push(`uncaught: ${error.stack ?? error.message}`));
	page.on('console', (message) => {
		if (message.type() !== 'error') return;
		const { url } = message.location();
		if (KNOWN_NOISE.some((noise) => noise.text.test(message.text()) && noise.url.test(url))) return;
		errors.push(`${message.text()} (${url})`);
	});
	return errors;
}

/** Colours that a picture has, how much of it is of the commonest one, and which that is (`rrggbb`). */
export async function colours(browser: Browser, png: Buffer): Promise<{ distinct: number; largest: number; commonest: string }> {
	const page = await browser.newPage();
	try {
		return await page.evaluate(async (base64) => {
			const image = new Image();
			image.src = `data:image/png;base64,${base64}`;
			await image.decode();
			const canvas = new OffscreenCanvas(image.width, image.height);
			const context = canvas.getContext('2d')!;
			context.drawImage(image, 0, 0);
			const pixels = new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer);
			const counts = new Map<number, number>();
			for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
			const [pixel, largest] = [...counts].reduce((most, one) => (one[1] > most[1] ? one : most));
			// Its bytes are red, green, blue and how opaque it is, the first lowest.
			const commonest = [0, 8, 16].map((bits) => ((pixel >> bits) & 255).toString(16).padStart(2, '0')).join('');
			return { distinct: counts.size, largest: largest / pixels.length, commonest };
		}, png.toString('base64'));
	} finally {
		await page.close();
	}
}
