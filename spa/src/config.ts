export interface Config {
	/** Where Directus is, without a slash at the end. */
	directus: string;
}

/** `config.json` lies next to the page, so that one build serves every installation; without a word there: this origin. */
export async function loadConfig(): Promise<Config> {
	const fallback = location.origin;
	try {
		const response = await fetch('config.json', { cache: 'no-cache' });
		if (!response.ok) return { directus: fallback };
		const told = (await response.json()) as Partial<Config>;
		// It may be told from where the page is: `../..`.
		return { directus: new URL(told.directus || fallback, document.baseURI).href.replace(/\/+$/, '') };
	} catch {
		return { directus: fallback };
	}
}
