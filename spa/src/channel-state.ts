/** How one of the two channels is, for a badge. */
export type ChannelState =
	| { name: 'connecting' }
	| { name: 'live' }
	| { name: 'reconnecting'; reason: string }
	| { name: 'offline'; reason: string };
