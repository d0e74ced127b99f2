import type { ChannelState } from '../channel-state.ts';

interface Props {
	channels: { label: string; state: ChannelState }[];
}

/** Why something is not live, for those who can't hover over a badge. Nothing while all is well. */
export function ChannelNotice({ channels }: Props) {
	const down = channels.flatMap(({ label, state }) => ('reason' in state ? { label, reason: state.reason } : []));
	if (down.length === 0) return null;
	return (
		<div className="channel-notice">
			{down.map(({ label, reason }) => (
				<p key={label}>
					<b>{label}:</b> {reason}
				</p>
			))}
		</div>
	);
}
