import type { AxiosInstance } from 'axios';

/** The raster tile template that this server is set up with; `null` for the built-in map alone. */
export async function readTiles(api: AxiosInstance): Promise<string | null> {
	try {
		const { data } = await api.get('/biplane/live/config');
		return (data.data ?? data).tiles || null;
	} catch {
		// The built-in map needs no settings.
		return null;
	}
}
