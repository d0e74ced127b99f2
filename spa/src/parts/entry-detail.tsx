import { useEffect, useRef, useState, type ReactNode } from 'react';

import type { Entry, Results, Standing } from '../directus/schema.ts';
import { whole, type EventClock } from '../format.ts';
import type { ShownCrossing, ShownStatus } from '../race/live-race.ts';
import { Bib } from './bib.tsx';
import { CrossingList } from './crossing-list.tsx';
import type { Moving } from './leaderboard.tsx';
import { SplitsTable } from './splits-table.tsx';

const FIRST_CROSSINGS = 6;

interface Props {
	entry: Entry;
	moving: Moving;
	/** The processor holds the newest fix for implausible. */
	doubtful: boolean;
	status: ShownStatus | null;
	standing: Standing | null;
	course: Results['meta']['course'];
	crossings: ShownCrossing[];
	place: (crossing: ShownCrossing) => string;
	clock: EventClock;
	following: boolean;
	onFollow: (follow: boolean) => void;
	onClose: () => void;
	/** The form for commands, for those who may. */
	commands: ReactNode;
}

export function EntryDetail({ entry, moving, doubtful, status, standing, course, crossings, place, clock, following, onFollow, onClose, commands }: Props) {
	const [all, setAll] = useState(false);
	const heading = useRef<HTMLHeadingElement>(null);
	useEffect(() => heading.current?.focus(), [entry.id]);
	const about = [entry.category, standing?.rank && `place ${standing.rank}`].filter(Boolean).join(' · ');

	return (
		<article className="detail" data-detail={entry.id} aria-labelledby="detail-name">
			<header>
				<Bib number={entry.number} color={moving.color} />
				<div>
					<h2 id="detail-name" ref={heading} tabIndex={-1}>
						{entry.name ?? `Number ${entry.number}`}
					</h2>
					{about && <p className="quiet">{about}</p>}
				</div>
				<button type="button" className="follow" aria-pressed={following} onClick={() => onFollow(!following)}>
					{following ? 'Following' : 'Follow'}
				</button>
				<button type="button" className="close" aria-label="Close" onClick={onClose}>
					<svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
						<path d="M6 6l12 12M18 6L6 18" stroke="currentColor" strokeWidth="2.2" strokeLinecap="round" />
					</svg>
				</button>
			</header>
			<div className="detail-body" tabIndex={0} role="group" aria-label="Details">
				<dl className="figures">
					<Figure name="Speed" value={whole(moving.speedKmh)} unit="km/h" />
					<Figure name="Altitude" value={whole(moving.altitudeM)} unit="m" />
					<Figure name="Last fix" value={moving.fixTime || '–'} note={moving.old ? `${moving.old} behind` : doubtful ? 'a newer one is implausible' : null} />
					<Figure name="Tracker" value={connection(entry.device, status)} state={status ? (status.connected ? 'on' : 'off') : undefined} />
				</dl>
				{standing && course.length > 0 && (
					<section>
						<h3>Splits</h3>
						<SplitsTable course={course} standing={standing} clock={clock} />
					</section>
				)}
				<section>
					<h3>Crossings</h3>
					{crossings.length === 0 && <p className="quiet">None yet.</p>}
					<CrossingList crossings={all ? crossings : crossings.slice(0, FIRST_CROSSINGS)} place={place} clock={clock} />
					{!all && crossings.length > FIRST_CROSSINGS && (
						<button type="button" className="plain more" onClick={() => setAll(true)}>
							All {crossings.length} crossings
						</button>
					)}
				</section>
				{commands}
			</div>
		</article>
	);
}

function connection(device: string | null, status: ShownStatus | null): string {
	if (!device) return 'none';
	if (!status) return 'not heard of';
	return status.connected ? 'connected' : 'not connected';
}

const Figure = ({ name, value, unit, note, state }: { name: string; value: string; unit?: string; note?: string | null; state?: 'on' | 'off' | undefined }) => (
	<div>
		<dt>{name}</dt>
		<dd data-figure={name} data-state={state}>
			{value}
			{unit && <small> {unit}</small>}
			{note && <em>{note}</em>}
		</dd>
	</div>
);
