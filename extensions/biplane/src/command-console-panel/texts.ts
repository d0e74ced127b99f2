import { inLanguage, words, type Words } from '../shared/app/words.ts';
import { de } from './texts-de.ts';
import { sl } from './texts-sl.ts';

export interface Texts extends Words {
	title: string;
	loading: string;
	empty: string;
	forbidden: string;
	failed: string;
	search: string;
	anyOrganization: string;
	anyEvent: string;
	anyKind: string;
	anyConnection: string;
	connected: string;
	away: string;
	pick: string;
	selectShown: (count: number) => string;
	clear: string;
	selected: (count: number, of: number) => string;
	noneShown: string;
	moreShown: (count: number) => string;
	seen: (lapse: string) => string;
	neverSeen: string;
	mapLabel: string;
	box: string;
	boxHint: string;
	showAll: string;
	tabs: { give: string; approve: string; commands: string };
	giveNothing: string;
	noTracker: (count: number) => string;
	leaveOut: string;
	command: string;
	chooseCommand: string;
	partial: (count: number) => string;
	lacks: (devices: number, kinds: string) => string;
	dangerous: string;
	silent: string;
	required: string;
	unset: string;
	range: (min: number, max: number) => string;
	longest: (characters: number) => string;
	standard: (value: string) => string;
	expires: string;
	expiryHint: (standard: string) => string;
	expiryExample: string;
	gets: string;
	send: (devices: number) => string;
	ask: (devices: number) => string;
	sending: (devices: number) => string;
	refused: string;
	confirmGive: (command: string, devices: number) => string;
	confirmApprove: (command: string, devices: number) => string;
	confirmWaits: string;
	confirmSends: string;
	doIt: string;
	approveIt: (devices: number) => string;
	back: string;
	action: (command: string, devices: number) => string;
	progress: (ended: number, given: number) => string;
	dismiss: string;
	takeBack: string;
	takeBackAll: (count: number) => string;
	takenBackSome: (refused: number) => string;
	nothingWaits: string;
	asked: (who: string, lapse: string) => string;
	somebody: string;
	ownWaits: string;
	refuse: string;
	until: string;
	devices: (count: number) => string;
	noCommands: string;
	ofSelection: string;
	ofAll: string;
	latest: (count: number) => string;
	columns: { time: string; device: string; command: string; state: string; answer: string };
	history: string;
	attempt: (number: number) => string;
	by: { giver: string; approver: string };
	machine: string;
	states: Record<string, string>;
	meanings: Record<string, string>;
	hours: string;
	minutes: string;
	days: string;
}

const en: Texts = {
	...words.en,
	title: 'Command console',
	loading: 'Reading the devices…',
	empty: 'There is no device that you may see. Create one under Devices.',
	forbidden: 'Your role may not see devices.',
	failed: 'What devices and commands there are could not be read.',
	search: 'Name, IMEI or number',
	anyOrganization: 'All organizations',
	anyEvent: 'All events',
	anyKind: 'All models',
	anyConnection: 'Connected or not',
	connected: 'connected',
	away: 'away',
	pick: 'Devices',
	selectShown: (count) => `Select all ${count}`,
	clear: 'Clear selection',
	selected: (count, of) => `${count} of ${of} selected`,
	noneShown: 'No device is like that.',
	moreShown: (count) => `and ${count} more, which “Select all” takes, too`,
	seen: (lapse) => `seen ${lapse} ago`,
	neverSeen: 'never seen',
	mapLabel: 'Map of the devices where they were last. The list below has the same devices as text.',
	box: 'Select with a box',
	boxHint: 'Drag a box over the devices to select, or hold Shift.',
	showAll: 'Show all devices',
	tabs: { give: 'New command', approve: 'To approve', commands: 'Commands' },
	giveNothing: 'Select devices in the list or on the map; then what all of them understand can be said to them here.',
	noTracker: (count) => `${count === 1 ? 'A device' : `${count} devices`} of the selection takes no commands from you or at all:`,
	leaveOut: 'Leave out',
	command: 'Command',
	chooseCommand: 'Choose what to say',
	partial: (count) => `${count} more that not all selected devices understand`,
	lacks: (devices, kinds) => `not understood by ${devices === 1 ? '1 device' : `${devices} devices`} (${kinds})`,
	dangerous: 'A second person has to approve it before it is sent.',
	silent: 'The device does not answer it: that its bytes were sent is all that will be known.',
	required: 'required',
	unset: '–',
	range: (min, max) => `${min} to ${max}`,
	longest: (characters) => `up to ${characters} characters`,
	standard: (value) => `${value} unless given`,
	expires: 'Not after (UTC)',
	expiryHint: (standard) => `Unless given, it waits ${standard} for the device; at most 7 days.`,
	expiryExample: 'like 2026-05-01 09:30',
	gets: 'The device gets',
	send: (devices) => (devices === 1 ? 'Send' : `Send to ${devices} devices`),
	ask: (devices) => (devices === 1 ? 'Ask for approval' : `Ask for approval for ${devices} devices`),
	sending: (devices) => (devices === 1 ? 'Giving the command…' : `Giving ${devices} commands…`),
	refused: 'Nothing was sent.',
	confirmGive: (command, devices) => `${command}: to ${devices === 1 ? '1 device' : `${devices} devices`}?`,
	confirmApprove: (command, devices) => `Approve “${command}” to ${devices === 1 ? '1 device' : `${devices} devices`}?`,
	confirmWaits: 'It waits until a second person approves it.',
	confirmSends: 'Once approved it is sent to each device that is connected; others get it when they connect in time.',
	doIt: 'Ask for approval',
	approveIt: (devices) => (devices === 1 ? 'Approve' : `Approve all ${devices}`),
	back: 'Cancel',
	action: (command, devices) => `${command} to ${devices === 1 ? '1 device' : `${devices} devices`}`,
	progress: (ended, given) => `${ended} of ${given} done`,
	dismiss: 'Close',
	takeBack: 'Take back',
	takeBackAll: (count) => `Take back ${count} not yet sent`,
	takenBackSome: (refused) => `${refused} could not be taken back.`,
	nothingWaits: 'Nothing waits for approval.',
	asked: (who, lapse) => `asked for by ${who} ${lapse} ago`,
	somebody: 'somebody',
	ownWaits: 'You asked for it: somebody else has to approve it.',
	refuse: 'Refuse',
	until: 'until',
	devices: (count) => (count === 1 ? '1 device' : `${count} devices`),
	noCommands: 'No command was given yet.',
	ofSelection: 'Of the selected devices',
	ofAll: 'Of all devices',
	latest: (count) => `the latest ${count}`,
	columns: { time: 'Given (UTC)', device: 'Device', command: 'Command', state: 'State', answer: 'Answer' },
	history: 'History',
	attempt: (number) => `attempt ${number}`,
	by: { giver: 'given by', approver: 'approved by' },
	machine: 'Biplane',
	states: {
		awaiting_approval: 'awaiting approval',
		pending: 'pending',
		queued: 'queued',
		routed: 'routed',
		sent: 'sent',
		acknowledged: 'acknowledged',
		failed: 'failed',
		expired: 'expired',
		cancelled: 'taken back',
		unknown: 'unknown',
	},
	meanings: {
		awaiting_approval: 'waits until a second person approves it',
		pending: 'about to be routed',
		queued: 'the tracker is away; sent when it connects',
		routed: 'on its way to the gateway that holds the tracker',
		sent: 'its bytes are on the wire; no answer yet',
		acknowledged: 'the tracker answered',
		failed: 'not delivered, or the tracker refused',
		expired: 'its time was over before it was sent',
		cancelled: 'taken back before it was sent',
		unknown: 'the tracker may have heard it, or not; no answer came',
	},
	hours: 'h',
	minutes: 'min',
	days: 'd',
};

export const textsIn = inLanguage<Texts>({ en, de, sl });
