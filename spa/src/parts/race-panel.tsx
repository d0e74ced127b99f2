import { useMemo, useState, type ReactNode } from 'react';

import { reasonOf } from '../directus/refusal.ts';
import type { Results } from '../directus/schema.ts';
import type { EventClock } from '../format.ts';
import type { Resource } from '../hooks/use-resource.ts';
import type { LiveRace } from '../race/live-race.ts';
import type { RaceTexts } from '../race/race-texts.ts';
import type { Race } from '../race/read-race.ts';
import { categories, ofCategory, standingRows, startList } from '../race/standings.ts';
import { AlertList } from './alert-list.tsx';
import { CrossingList } from './crossing-list.tsx';
import { Leaderboard } from './leaderboard.tsx';
import { Tabs } from './tabs.tsx';

const MOST_CROSSINGS = 100;

interface Props {
	/** Kept while a detail is shown over it, with its place in the list. */
	hidden: boolean;
	race: Race;
	live: LiveRace;
	results: Resource<Results>;
	texts: RaceTexts;
	clock: EventClock;
	selected: string | null;
	onPick: (entry: string) => void;
	/** For those who may tell trackers what to do. */
	commands: ReactNode;
}

export function RacePanel({ hidden, race, live, results, texts, clock, selected, onPick, commands }: Props) {
	const [tab, setTab] = useState<'standings' | 'crossings' | 'alerts' | 'commands'>('standings');
	const [category, setCategory] = useState<string | null>(null);
	const all = useMemo(() => (results.data ? standingRows(results.data) : startList(race.entries)), [results.data, race.entries]);
	const choices = categories(all);
	const alerts = live.alertsInOrder();
	const open = alerts.filter(({ status }) => status === 'open').length;

	return (
		<div className="panel" hidden={hidden}>
			<Tabs
				label="About the race"
				chosen={tab}
				onChoose={setTab}
				tabs={[
					{ name: 'standings', label: 'Standings' },
					{ name: 'crossings', label: 'Crossings' },
					{ name: 'alerts', label: open > 0 ? <>Alerts <span className="count">{open}</span></> : 'Alerts' },
					...(commands ? [{ name: 'commands' as const, label: 'Commands' }] : []),
				]}
			/>
			<div className="panel-body" id={`panel-${tab}`} role="tabpanel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
				{tab === 'standings' && (
					<>
						{choices.length > 0 && (
							<label className="category">
								<span>Category</span>
								<select value={category ?? ''} onChange={(event) => setCategory(event.target.value || null)}>
									<option value="">All</option>
									{choices.map((one) => (
										<option key={one}>{one}</option>
									))}
								</select>
							</label>
						)}
						{results.error !== null && <p className="refusal">{reasonOf(results.error)}</p>}
						{results.data?.meta.event.course_revision && <p className="note">The course has changed; results are being reckoned anew.</p>}
						{race.entries.length === 0 && <p className="quiet nothing">Nobody is entered yet.</p>}
						<Leaderboard rows={ofCategory(all, category)} moving={texts.moving} selected={selected} onPick={onPick} />
					</>
				)}
				{tab === 'crossings' &&
					(live.crossings.size > 0 ? (
						<CrossingList crossings={live.crossingsInOrder().slice(0, MOST_CROSSINGS)} place={texts.place} who={texts.who} clock={clock} />
					) : (
						<p className="quiet nothing">No crossing yet.</p>
					))}
				{tab === 'alerts' &&
					(alerts.length > 0 ? (
						<AlertList alerts={alerts} who={texts.ofDevice} clock={clock} onPick={onPick} />
					) : (
						<p className="quiet nothing">No alert. All is well.</p>
					))}
				{tab === 'commands' && commands}
			</div>
		</div>
	);
}
