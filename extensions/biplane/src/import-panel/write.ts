import type { AxiosInstance } from 'axios';

import { reasonOf } from '../shared/refusals.ts';
import type { Kind } from './columns.ts';
import type { PlannedRow } from './plan.ts';

/** Rows in one transaction: as many as Directus writes before a proxy loses its patience. */
export const CHUNK = 2_000;

/** What the API says of rows that it refused, all of a chunk then. */
export interface Refused {
	/** None: no row in particular. */
	lines: number[];
	sentence: string;
}

export interface Written {
	created: number;
	updated: number;
	/** Why it ended before its end; nothing of that chunk was written. */
	refused: Refused[];
}

/**
 * Writes what a plan says by Directus's own import: all new and all changed rows of a chunk in one
 * transaction, with the user's own rights, every rule asked again. A chunk that is refused ends it.
 */
export async function write(api: AxiosInstance, kind: Kind, planned: PlannedRow[], went: (written: Written) => void): Promise<Written> {
	const rows = planned.filter(({ verdict }) => verdict === 'create' || verdict === 'update');
	let written: Written = { created: 0, updated: 0, refused: [] };
	for (let from = 0; from < rows.length; from += CHUNK) {
		const chunk = rows.slice(from, from + CHUNK);
		const items = chunk.map(({ id, item }) => (id ? { id, ...item } : item));
		const form = new FormData();
		form.append('file', new File([JSON.stringify(items)], `${kind}.json`, { type: 'application/json' }));
		try {
			await api.post(`/utils/import/${kind}`, form);
		} catch (error) {
			return { ...written, refused: refusals(error, chunk) };
		}
		const updated = chunk.filter(({ id }) => id !== null).length;
		written = { ...written, created: written.created + chunk.length - updated, updated: written.updated + updated };
		went(written);
	}
	return written;
}

type Rows = { type: 'lines'; rows: number[] } | { type: 'range'; start: number; end: number };

/** Directus counts the rows of an import from 1 and tells of several at once. */
function refusals(error: unknown, chunk: PlannedRow[]): Refused[] {
	const { errors } = (error as { response?: { data?: { errors?: { message: string; extensions?: { rows?: Rows[] } }[] } } }).response?.data ?? {};
	if (!errors?.length) return [{ lines: [], sentence: reasonOf(error) }];
	return errors.map(({ message, extensions }) => {
		const rows = (extensions?.rows ?? []).flatMap((it) =>
			it.type === 'lines' ? it.rows : Array.from({ length: it.end - it.start + 1 }, (_, place) => it.start + place),
		);
		return { lines: rows.flatMap((row) => chunk[row - 1]?.line ?? []), sentence: message };
	});
}
