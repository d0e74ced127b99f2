import { useCallback, useEffect, useState } from 'react';

import { reasonOf } from '../directus/refusal.ts';
import { eventClock, lapse } from '../format.ts';
import { useBusinessState } from '../hooks/use-business.ts';
import { useMay } from '../hooks/use-permissions.ts';
import { useRace, useText } from '../hooks/use-race.ts';
import type { Session } from '../hooks/use-session.ts';
import { BulkCommands } from '../parts/bulk-commands.tsx';
import { ChannelBadge } from '../parts/channel-badge.tsx';
import { ChannelNotice } from '../parts/channel-notice.tsx';
import { CommandPanel } from '../parts/command-panel.tsx';
import { EntryDetail } from '../parts/entry-detail.tsx';
import { RaceMap } from '../parts/race-map.tsx';
import { RacePanel } from '../parts/race-panel.tsx';
import { TopBar } from '../parts/top-bar.tsx';
import { raceTexts } from '../race/race-texts.ts';
import { eventPath, go } from '../route.ts';

interface Props {
	session: Session;
	event: string;
	/** The entry whose detail is open. */
	selected: string | null;
}

export function EventPage({ session, event: id, selected }: Props) {
	const { directus } = session;
	const { race, results, live, channel } = useRace(directus, id);
	const business = useBusinessState();
	const may = useMay(directus);
	useText(live);
	/** The entry that the map stays on, until the user moves it. */
	const [followed, setFollowed] = useState<string | null>(selected);

	const pick = useCallback(
		(entry: string) => {
			go(eventPath(id, entry), { replace: selected !== null });
			setFollowed(entry);
		},
		[id, selected],
	);
	const close = useCallback(() => {
		const before = selected;
		go(eventPath(id), { replace: true });
		setFollowed(null);
		// Back to the row that it was opened from.
		requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-entry="${before}"]`)?.focus());
	}, [id, selected]);

	useEffect(() => {
		if (!selected) return;
		const onKey = (event: KeyboardEvent): void => {
			if (event.key === 'Escape') close();
		};
		addEventListener('keydown', onKey);
		return () => removeEventListener('keydown', onKey);
	}, [selected, close]);

	const event = race.data?.event;
	useEffect(() => void (document.title = event ? `${event.name} · Biplane` : 'Biplane'), [event]);
	const clock = eventClock(event?.timezone ?? null);
	const newest = live?.field.newestMs ?? 0;
	const entry = race.data?.entries.find((one) => one.id === selected);
	const texts = race.data && live ? raceTexts(race.data, live, clock, lapse) : null;

	return (
		<div className="race" data-newest-fix={newest > 0 ? new Date(newest).toISOString() : undefined}>
			<TopBar
				session={session}
				back="#/"
				badges={
					<>
						<ChannelBadge channel="live" label="Positions" state={channel} />
						<ChannelBadge channel="directus" label="Records" state={business} />
					</>
				}
			>
				<h1>{event?.name ?? ' '}</h1>
				<p className="event-clock" data-clock>
					{newest > 0 ? (
						<>
							<b>{clock.time(newest)}</b> {clock.zone(newest)} <span>{clock.day(newest)}</span>
						</>
					) : (
						event?.status && <span>{event.status}</span>
					)}
				</p>
			</TopBar>
			{race.error !== null && !race.data ? (
				<main className="race-failure">
					<p className="refusal" role="alert">
						{reasonOf(race.error)}
					</p>
					<a href="#/">All events</a>
				</main>
			) : !race.data || !live || !texts ? (
				<main className="race-failure quiet">Reading the event …</main>
			) : (
				<main className="race-main">
					<ChannelNotice
						channels={[
							{ label: 'Positions', state: channel },
							{ label: 'Records', state: business },
						]}
					/>
					<RaceMap
						live={live}
						checkpoints={race.data.checkpoints}
						selected={selected}
						followed={followed}
						onPick={pick}
						onMoved={() => setFollowed(null)}
					/>
					<div className="side">
						<RacePanel
							hidden={entry !== undefined}
							race={race.data}
							live={live}
							results={results}
							texts={texts}
							clock={clock}
							selected={selected}
							onPick={pick}
							commands={
								may('create', 'commands') ? (
									<BulkCommands directus={directus} organization={race.data.event.organization} entries={race.data.entries} />
								) : null
							}
						/>
						{entry && (
							<EntryDetail
								key={entry.id}
								entry={entry}
								moving={texts.moving(entry.id)}
								doubtful={live.field.byEntry.get(entry.id)?.isDoubtful ?? false}
								status={(entry.device && live.status.get(entry.device)) || null}
								standing={results.data?.data.find((one) => one.entry === entry.id) ?? null}
								course={results.data?.meta.course ?? []}
								crossings={live.crossingsInOrder().filter((one) => one.entry === entry.id || (one.entry === null && one.device === entry.device))}
								place={texts.place}
								clock={clock}
								following={followed === entry.id}
								onFollow={(follow) => setFollowed(follow ? entry.id : null)}
								onClose={close}
								commands={
									entry.device && may('create', 'commands') ? (
										<CommandPanel directus={directus} organization={race.data.event.organization} device={entry.device} />
									) : null
								}
							/>
						)}
					</div>
				</main>
			)}
		</div>
	);
}
