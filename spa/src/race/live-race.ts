import type { LiveAlert, LiveCrossing, LivePosition, LiveStatus, SubscriptionEvent } from '@biplane/live';

import { Field, pastOf } from '../../../extensions/biplane/src/live-map-panel/field.ts';
import type { Entry, StoredAlert, StoredCrossing } from '../directus/schema.ts';

export type ShownCrossing = Pick<LiveCrossing, 'id' | 'entry' | 'device' | 'checkpoint' | 'geofence' | 'direction' | 'crossed_at' | 'status'>;
export type ShownAlert = Pick<LiveAlert, 'id' | 'device' | 'kind' | 'severity' | 'status' | 'occurred_at' | 'message'>;
export type ShownStatus = Omit<LiveStatus, 'device'>;

/** Text is renewed this often at most (ms): people read, marks glide. */
const TEXT_MS = 400;

/** A race as it is told: marks for the map at once, everything else for people to read. */
export class LiveRace {
	readonly field: Field;
	readonly crossings = new Map<string, ShownCrossing>();
	readonly alerts = new Map<string, ShownAlert>();
	readonly status = new Map<string, ShownStatus>();
	/** Counts renewals of the text. */
	version = 0;
	private readonly glides: boolean;
	private readonly onPositions = new Set<() => void>();
	private readonly onText = new Set<() => void>();
	private timer: ReturnType<typeof setTimeout> | undefined;

	/** `glides`: marks move from fix to fix instead of jumping. */
	constructor(entries: Entry[], glides = true) {
		this.glides = glides;
		this.field = new Field(entries);
	}

	/** What the live channel brought. `now`: the browser's monotonic clock, ms. */
	take(update: SubscriptionEvent, now: number): void {
		switch (update.event) {
			case 'init':
				this.takePositions(update.data, now, false);
				break;
			case 'positions':
				this.takePositions(update.data, now, true);
				break;
			case 'replay':
				this.takePast(update.data);
				break;
			case 'crossings':
				for (const crossing of update.data) this.crossings.set(crossing.id, crossing);
				break;
			case 'retractions':
				for (const { id } of update.data) this.crossings.delete(id);
				break;
			case 'alerts':
				for (const alert of update.data) this.alerts.set(alert.id, alert);
				break;
			case 'status':
				for (const { device, ...status } of update.data) this.status.set(device, status);
				break;
			default:
				return;
		}
		this.textSoon();
	}

	/** What the tables say; what the live channel said meanwhile of the same row is newer. */
	takeStored(crossings: StoredCrossing[] | null, alerts: StoredAlert[] | null): void {
		for (const crossing of crossings ?? []) if (!this.crossings.has(crossing.id)) this.crossings.set(crossing.id, crossing);
		for (const alert of alerts ?? []) if (!this.alerts.has(alert.id)) this.alerts.set(alert.id, alert);
		this.textSoon();
	}

	/** The table's word counts again: after an outage, or when somebody edited. */
	replaceCrossings(crossings: StoredCrossing[]): void {
		this.crossings.clear();
		this.takeStored(crossings, null);
	}

	/** Rows that somebody deleted. */
	dropAlerts(ids: string[]): void {
		for (const id of ids) this.alerts.delete(id);
		this.textSoon();
	}

	takePositions(positions: LivePosition[], now: number, glides: boolean): void {
		this.field.takePositions(positions, now, glides && this.glides);
		for (const watcher of this.onPositions) watcher();
		this.textSoon();
	}

	/** Newest first. */
	crossingsInOrder(): ShownCrossing[] {
		return [...this.crossings.values()].sort((a, b) => Date.parse(b.crossed_at) - Date.parse(a.crossed_at));
	}

	/** Open ones first, then the newest. */
	alertsInOrder(): ShownAlert[] {
		const closed = (alert: ShownAlert): number => (alert.status === 'open' ? 0 : alert.status === 'acknowledged' ? 1 : 2);
		return [...this.alerts.values()].sort((a, b) => closed(a) - closed(b) || Date.parse(b.occurred_at) - Date.parse(a.occurred_at));
	}

	/** For the map. */
	watchPositions(watcher: () => void): () => void {
		this.onPositions.add(watcher);
		return () => this.onPositions.delete(watcher);
	}

	/** For React. */
	watchText = (watcher: () => void): (() => void) => {
		this.onText.add(watcher);
		return () => {
			this.onText.delete(watcher);
		};
	};

	close(): void {
		clearTimeout(this.timer);
		this.onPositions.clear();
		this.onText.clear();
	}

	private takePast(positions: LivePosition[]): void {
		this.field.takePast(pastOf(positions));
		for (const watcher of this.onPositions) watcher();
	}

	private textSoon(): void {
		this.timer ??= setTimeout(() => {
			this.timer = undefined;
			this.version++;
			for (const watcher of [...this.onText]) watcher();
		}, TEXT_MS);
	}
}
