import { useMemo } from 'react';

import type { Directus } from '../directus/client.ts';
import { reasonOf } from '../directus/refusal.ts';
import type { Entry } from '../directus/schema.ts';
import { words } from '../format.ts';
import { useBulk } from '../hooks/use-bulk.ts';
import { mood } from '../race/command-state.ts';
import { CommandForm } from './command-form.tsx';

interface Props {
	directus: Directus;
	organization: string;
	entries: Entry[];
}

/** One command to every tracker of the event. */
export function BulkCommands({ directus, organization, entries }: Props) {
	const tracked = useMemo(() => entries.filter((entry) => entry.device !== null), [entries]);
	const devices = useMemo(() => [...new Set(tracked.map((entry) => entry.device!))], [tracked]);
	const { catalogue, told, error, send } = useBulk(directus, organization, devices);
	const byDevice = new Map(told.map((one) => [one.device, one]));
	const ended = told.filter((one) => mood(one.status) !== 'waiting').length;
	if (devices.length === 0) return <p className="quiet nothing">No tracker takes part.</p>;
	return (
		<section className="bulk">
			<p className="quiet">To all {devices.length} trackers of the event, in one go.</p>
			{catalogue.error !== null && <p className="refusal">{reasonOf(catalogue.error)}</p>}
			{catalogue.data && catalogue.data.length > 0 && <CommandForm catalogue={catalogue.data} onSend={send} />}
			{error !== null && <p className="refusal">{reasonOf(error)}</p>}
			{told.length > 0 && (
				<>
					<p className="bulk-progress" data-ended={ended} data-given={told.length} role="status">
						<progress value={ended} max={told.length} aria-label="Trackers that are through" /> {ended} of {told.length}
					</p>
					<table className="outcomes">
						<thead>
							<tr>
								<th>No.</th>
								<th>Who</th>
								<th>State</th>
								<th>Answer</th>
							</tr>
						</thead>
						<tbody>
							{tracked.map((entry) => {
								const one = byDevice.get(entry.device!);
								return (
									<tr key={entry.id} data-outcome={one?.status} data-mood={one && mood(one.status)}>
										<td>{entry.number}</td>
										<td>{entry.name}</td>
										<td className="state">{one ? words(one.status) : '–'}</td>
										<td title={one?.result ?? undefined}>{one?.result}</td>
									</tr>
								);
							})}
						</tbody>
					</table>
				</>
			)}
		</section>
	);
}
