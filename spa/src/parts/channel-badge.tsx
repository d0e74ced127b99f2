import type { ChannelState } from '../channel-state.ts';

interface Props {
	/** For tests and style sheets. */
	channel: 'live' | 'directus';
	label: string;
	state: ChannelState;
}

const TEXT: Record<ChannelState['name'], string> = {
	connecting: 'connecting',
	live: 'live',
	reconnecting: 'reconnecting',
	offline: 'offline',
};

export const ChannelBadge = ({ channel, label, state }: Props) => (
	<span className="badge" role="status" data-channel={channel} data-state={state.name} title={'reason' in state ? state.reason : undefined}>
		<i aria-hidden="true" />
		<b>{label}</b>
		<span className="badge-state">{TEXT[state.name]}</span>
	</span>
);
