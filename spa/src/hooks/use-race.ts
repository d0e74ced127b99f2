import { useEffect, useState, useSyncExternalStore } from 'react';

import type { ChannelState } from '../channel-state.ts';
import type { Directus } from '../directus/client.ts';
import type { Results } from '../directus/schema.ts';
import { LiveRace } from '../race/live-race.ts';
import { followEvent } from '../race/live-feed.ts';
import { readAlerts, readCrossings, readLastKnown, readRace, readResults, type Race } from '../race/read-race.ts';
import { useChanges } from './use-business.ts';
import { useResource, type Resource } from './use-resource.ts';
import { useSoon } from './use-soon.ts';

/** Results are reckoned anew this long after a crossing at the earliest (ms): crossings come in swarms. */
const RESULTS_MS = 1200;
/** Changes by people (ms). */
const CHANGES_MS = 300;
/** While the live channel is silent, positions come from the table this often (ms). */
const POLL_MS = 10_000;

/** Who asked their system for less motion sees marks jump. */
const STANDS_STILL = matchMedia('(prefers-reduced-motion: reduce)').matches;

export interface RaceView {
	race: Resource<Race>;
	results: Resource<Results>;
	live: LiveRace | null;
	channel: ChannelState;
}

/** An event as it happens: what is read, what the live channel tells, and what people change. */
export function useRace(directus: Directus, event: string): RaceView {
	const race = useResource(event, () => readRace(directus, event));
	const results = useResource(event, () => readResults(directus, event));
	const [live, setLive] = useState<LiveRace | null>(null);
	const [channel, setChannel] = useState<ChannelState>({ name: 'connecting' });
	const resultsSoon = useSoon(results.reload, RESULTS_MS);

	const entriesKey = race.data && JSON.stringify(race.data.entries);
	useEffect(() => {
		const entries = race.data?.entries;
		if (!entries) return;
		const model = new LiveRace(entries, !STANDS_STILL);
		let current = true;
		let connections = 0;
		const fill = async (): Promise<void> => {
			const [crossings, alerts, positions] = await Promise.all([readCrossings(directus, event), readAlerts(directus, event), readLastKnown(directus, entries)]);
			if (!current) return;
			model.takeStored(crossings, alerts);
			model.takePositions(positions.filter((one) => model.field.isNews(one)), performance.now(), false);
		};
		setLive(model);
		void fill().catch(() => undefined);
		const stop = followEvent(
			directus,
			event,
			(update) => {
				model.take(update, performance.now());
				if (update.event === 'crossings' || update.event === 'retractions') resultsSoon();
			},
			(state) => {
				if (!current) return;
				setChannel(state);
				if (state.name === 'live' && connections++ > 0) {
					resultsSoon();
					void fill().catch(() => undefined);
				}
			},
		);
		return () => {
			current = false;
			stop();
			model.close();
		};
		// The entries as they are, not as an object: the same ones read again change nothing.
	}, [directus, event, entriesKey, resultsSoon]);

	const silent = channel.name === 'reconnecting' || channel.name === 'offline';
	useEffect(() => {
		if (!silent || !live) return;
		const timer = setInterval(() => {
			const entries = live.field.all.map(({ entry }) => entry) as Race['entries'];
			void readLastKnown(directus, entries).then(
				(positions) => live.takePositions(positions.filter((one) => live.field.isNews(one)), performance.now(), true),
				() => undefined,
			);
		}, POLL_MS);
		return () => clearInterval(timer);
	}, [silent, live, directus]);

	const raceSoon = useSoon(() => {
		race.reload();
		results.reload();
	}, CHANGES_MS);
	const editedSoon = useSoon(() => {
		results.reload();
		void readCrossings(directus, event).then((crossings) => live?.replaceCrossings(crossings), () => undefined);
	}, CHANGES_MS);
	useChanges('events', { fields: ['id', 'status'], filter: { id: { _eq: event } } }, raceSoon);
	useChanges('entries', { fields: ['id'], filter: { event: { _eq: event } }, limit: 1 }, raceSoon);
	// The live channel tells what is raised and what changes; rows that are deleted only Directus tells.
	useChanges('alerts', { fields: ['id'], filter: { event: { _eq: event } }, limit: 1 }, ({ event, data }) => {
		if (event === 'delete') live?.dropAlerts(data as string[]);
	});
	useChanges('crossing_edits', { fields: ['id'], limit: 1 }, editedSoon);

	return { race, results, live, channel };
}

const nothing = (): (() => void) => () => undefined;

/** Renders again when there is something new to read; marks on the map move without it. */
export function useText(live: LiveRace | null): number {
	return useSyncExternalStore(live?.watchText ?? nothing, () => live?.version ?? 0);
}
