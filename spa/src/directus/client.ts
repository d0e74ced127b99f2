import { authentication, createDirectus, rest } from '@directus/sdk';
import type { AuthenticationData } from '@directus/sdk';

import type { Schema } from './schema.ts';

const KEY = 'biplane.session';

/** Kept over reloads, and shared by the tabs of a browser. */
const storage = {
	get(): AuthenticationData | null {
		try {
			return JSON.parse(localStorage.getItem(KEY) ?? 'null') as AuthenticationData | null;
		} catch {
			return null;
		}
	},
	set(session: AuthenticationData | null): void {
		if (session?.access_token) localStorage.setItem(KEY, JSON.stringify(session));
		else localStorage.removeItem(KEY);
	},
};

export const hasSession = (): boolean => storage.get() !== null;
export const forgetSession = (): void => storage.set(null);

/** `onRefused`: Directus no longer takes the session. */
export function openDirectus(url: string, onRefused: () => void) {
	const watched: typeof fetch = async (input, init) => {
		const response = await fetch(input, init);
		const address = input instanceof Request ? input.url : String(input);
		if (response.status === 401 && !address.includes('/auth/')) onRefused();
		return response;
	};
	return createDirectus<Schema>(url, { globals: { fetch: watched } })
		.with(authentication('json', { storage, autoRefresh: true }))
		.with(rest());
}

export type Directus = ReturnType<typeof openDirectus>;

/** One of Biplane's own endpoints, whole: the SDK's `customEndpoint` gives `data` alone, and results have `meta` beside it. */
export async function ask<T>(directus: Directus, path: string, method: 'GET' | 'POST' = 'GET'): Promise<T> {
	const token = await directus.getToken();
	const address = `${directus.url.toString().replace(/\/$/, '')}${path}`;
	const response: Response = await (directus.globals.fetch as typeof fetch)(address, { method, headers: token ? { Authorization: `Bearer ${token}` } : {} });
	const body: unknown = await response.json().catch(() => null);
	if (!response.ok) throw body ?? new TypeError(`Directus answered with status ${response.status}.`);
	return body as T;
}
