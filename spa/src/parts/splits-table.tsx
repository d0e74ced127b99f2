import type { Results, Standing } from '../directus/schema.ts';
import { duration, gap, type EventClock } from '../format.ts';
import { placeName } from '../race/standings.ts';

interface Props {
	course: Results['meta']['course'];
	standing: Standing;
	clock: EventClock;
}

export const SplitsTable = ({ course, standing, clock }: Props) => (
	<table className="splits">
		<thead>
			<tr>
				<th scope="col">Checkpoint</th>
				<th scope="col">Time</th>
				<th scope="col">Leg</th>
				<th scope="col">Total</th>
				<th scope="col">Gap</th>
			</tr>
		</thead>
		<tbody>
			{course.map((checkpoint, index) => {
				const split = standing.splits[index];
				const outOfOrder = standing.out_of_order.includes(checkpoint.id);
				return (
					<tr key={checkpoint.id} data-taken={split?.crossed_at ? true : undefined}>
						<th scope="row">{placeName(checkpoint, index + 1)}</th>
						{split?.crossed_at ? (
							<>
								<td>{clock.time(Date.parse(split.crossed_at))}</td>
								<td>{split.leg_ms ? duration(split.leg_ms) : ''}</td>
								<td>{split.elapsed_ms ? duration(split.elapsed_ms) : ''}</td>
								<td>{split.gap_ms === 0 && split.elapsed_ms !== 0 ? 'best' : gap(split.gap_ms)}</td>
							</>
						) : (
							<td colSpan={4}>{outOfOrder && <span className="outside">out of order</span>}</td>
						)}
					</tr>
				);
			})}
		</tbody>
	</table>
);
