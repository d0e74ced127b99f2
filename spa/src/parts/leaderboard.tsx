import { memo } from 'react';

import { whole } from '../format.ts';
import type { StandingRow } from '../race/standings.ts';
import { Bib } from './bib.tsx';

/** What moves of a competitor, beside the standing. */
export interface Moving {
	color: string;
	speedKmh: number | null;
	altitudeM: number | null;
	lat: number | null;
	lon: number | null;
	/** Event time of the last fix; empty before the first. */
	fixTime: string;
	/** How far behind the newest fix of the event, when that is much. */
	old: string | null;
	connected: boolean | null;
}

interface Props {
	rows: StandingRow[];
	moving: (entry: string) => Moving;
	selected: string | null;
	onPick: (entry: string) => void;
}

export const Leaderboard = ({ rows, moving, selected, onPick }: Props) => (
	<ol className="leaderboard">
		{rows.map((row) => (
			<Row key={row.entry} row={row} {...moving(row.entry)} selected={row.entry === selected} onPick={onPick} />
		))}
	</ol>
);

type RowProps = Moving & { row: StandingRow; selected: boolean; onPick: (entry: string) => void };

const Row = memo(function Row({ row, color, speedKmh, altitudeM, lat, lon, fixTime, old, connected, selected, onPick }: RowProps) {
	return (
		<li>
			<button
				type="button"
				className="standing"
				aria-pressed={selected}
				data-entry={row.entry}
				data-number={row.number}
				data-rank={row.rank}
				data-taken={row.taken}
				data-lat={lat ?? undefined}
				data-lon={lon ?? undefined}
				data-fix-time={fixTime}
				data-out={row.out || undefined}
				onClick={() => onPick(row.entry)}
			>
				<span className="rank">{row.rank}</span>
				<Bib number={row.number} color={color} />
				<span className="who">
					<span className="name">{row.name || `Number ${row.number}`}</span>
					<span className="where">
						<Progress taken={row.taken} total={row.total} color={color} />
						<span className="at">{row.at}</span>
					</span>
				</span>
				<span className="times">
					<span className="time">{row.gap || row.elapsed}</span>
					<span className="moving">
						{old ? (
							<span className="old">{old} ago</span>
						) : speedKmh === null && altitudeM === null ? (
							connected === false ? 'not connected' : ''
						) : (
							<>
								{whole(speedKmh)} km/h <span className="altitude">{whole(altitudeM)} m</span>
							</>
						)}
					</span>
				</span>
			</button>
		</li>
	);
});

/** The course as a row of ticks, those taken in the competitor's colour. */
const Progress = ({ taken, total, color }: { taken: number; total: number; color: string }) => (
	<span className="ticks" role="img" aria-label={`${taken} of ${total} checkpoints`}>
		{Array.from({ length: total }, (_, index) => (
			<i key={index} style={index < taken ? { background: color } : undefined} />
		))}
	</span>
);
