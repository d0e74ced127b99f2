import type { EventClock } from '../format.ts';
import type { ShownCrossing } from '../race/live-race.ts';
import { Bib } from './bib.tsx';

interface Props {
	crossings: ShownCrossing[];
	/** What was crossed, for people. */
	place: (crossing: ShownCrossing) => string;
	/** Left out where all are one competitor's. */
	who?: (crossing: ShownCrossing) => { number: string; name: string; color: string } | null;
	clock: EventClock;
}

export const CrossingList = ({ crossings, place, who, clock }: Props) => (
	<ol className="crossings">
		{crossings.map((crossing) => {
			const competitor = who?.(crossing);
			return (
				<li key={crossing.id} data-crossing={crossing.id}>
					<time dateTime={crossing.crossed_at}>{clock.precise(Date.parse(crossing.crossed_at))}</time>
					{who && <Bib number={competitor?.number ?? '?'} color={competitor?.color ?? '#68717a'} />}
					<span className="what">
						{competitor?.name && <span className="name">{competitor.name} </span>}
						<span className="place">
							{crossing.direction === 'enter' ? 'into' : 'out of'} {place(crossing)}
						</span>
					</span>
					{crossing.status !== 'valid' && (
						<span className="outside" title="Before the checkpoint opened or after it closed">
							not counted
						</span>
					)}
				</li>
			);
		})}
	</ol>
);
