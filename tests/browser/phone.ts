import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { PATIENCE } from './until.ts';

/** Where phones report to, as the running stack describes itself; `null` without one. */
export function phonesFromEnvironment(): string | null {
	const file = process.env['BIPLANE_STACK'];
	return file ? (JSON.parse(readFileSync(file, 'utf8')) as { osmand_url: string }).osmand_url : null;
}

export interface Report {
	lat: number;
	lon: number;
	/** Event time (ms). */
	at: number;
	/** Percent. */
	batt?: number;
}

/** A phone's report over HTTP, as OsmAnd makes it. The gateway is told of a new device within seconds; until then it refuses. */
export async function reportAsPhone(url: string, { imei, token }: { imei: string; token: string }, { at, ...rest }: Report): Promise<void> {
	const query = new URLSearchParams({ id: imei, timestamp: new Date(at).toISOString() });
	for (const [name, value] of Object.entries(rest)) query.set(name, String(value));
	const deadline = Date.now() + PATIENCE;
	for (;;) {
		const answer = await fetch(`${url}/?${query}`, { method: 'POST', headers: { Authorization: `Bearer ${token}` } });
		if (answer.ok) return;
		assert.ok(Date.now() < deadline && [401, 403, 404].includes(answer.status), `a report of ${imei}: ${answer.status} ${await answer.text()}`);
		await new Promise((resolve) => setTimeout(resolve, 250));
	}
}
