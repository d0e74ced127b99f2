import type { EventClock } from '../format.ts';
import { words } from '../format.ts';
import type { ShownAlert } from '../race/live-race.ts';

interface Props {
	alerts: ShownAlert[];
	/** The competitor that the device is entered for. */
	who: (device: string | null) => { entry: string; number: string; name: string } | null;
	clock: EventClock;
	onPick: (entry: string) => void;
}

export const AlertList = ({ alerts, who, clock, onPick }: Props) => (
	<ul className="alerts">
		{alerts.map((alert) => {
			const competitor = who(alert.device);
			return (
				<li key={alert.id} data-alert={alert.id} data-severity={alert.severity} data-status={alert.status}>
					<div className="alert-head">
						<strong>{words(alert.kind)}</strong>
						<span className="severity">{alert.severity}</span>
						<time dateTime={alert.occurred_at}>{clock.time(Date.parse(alert.occurred_at))}</time>
					</div>
					{alert.message && <p>{alert.message}</p>}
					<div className="alert-foot">
						{competitor && (
							<button type="button" className="plain" onClick={() => onPick(competitor.entry)}>
								{competitor.number} {competitor.name}
							</button>
						)}
						{alert.status !== 'open' && <span className="quiet">{words(alert.status)}</span>}
					</div>
				</li>
			);
		})}
	</ul>
);
