import { inLanguage, words, type Words } from '../shared/app/words.ts';

interface Texts extends Words {
	title: string;
	loading: string;
	forbidden: string;
	empty: string;
	failed: string;
	connected: string;
	ofDevices: (all: number) => string;
	lag: string;
	lagHint: string;
	lagOf: (p95: string) => string;
	faulty: string;
	faultyHint: string;
	ofFixes: (fixes: string, within: 'hour' | 'day', until: string | null) => string;
	offline: string;
	never: (count: number) => string;
	neverHeard: string;
	protocol: string;
	gateway: string;
	age: string;
	upTo: (span: string) => string;
	between: (from: string, to: string) => string;
	older: (span: string) => string;
	worst: string;
	noFaults: string;
	noFixes: string;
	away: string;
	nobodyAway: string;
	device: string;
	since: string;
	howLong: string;
	more: (count: number) => string;
	battery: string;
	batteryLow: (low: number, known: number) => string;
	unknown: string;
	day: string;
}

const en: Texts = {
	...words.en,
	title: 'Fleet health',
	loading: 'Looking at the devices…',
	forbidden: 'Your role may not see devices.',
	empty: 'There is no active device that you may see.',
	failed: 'How the devices are could not be asked.',
	connected: 'Connected',
	ofDevices: (all) => `of ${all} ${all === 1 ? 'device' : 'devices'}`,
	lag: 'Lag, fix to database',
	lagHint: 'How long after a device took its last position the database had it; a device whose clock is wrong shows here, too',
	lagOf: (p95) => `median · 95 % within ${p95}`,
	faulty: 'Faulty fixes',
	faultyHint: 'Positions that can’t be true: a jump that nobody can make, a clock that is wrong, or flagged by somebody',
	ofFixes: (fixes, within, until) => `of ${fixes} in the ${until ? `${within} up to ${until}` : `last ${within}`}`,
	offline: 'Offline',
	never: (count) => (count === 0 ? 'not heard of for 5 min' : `${count} never heard of`),
	neverHeard: 'never',
	protocol: 'Connected by protocol',
	gateway: 'By gateway instance',
	age: 'Age of last fixes',
	upTo: (span) => `up to ${span}`,
	between: (from, to) => `${from} – ${to}`,
	older: (span) => `over ${span}`,
	worst: 'Most faulty fixes',
	noFaults: 'No faulty fix.',
	noFixes: 'No fix in this time.',
	away: 'Offline, the longest first',
	nobodyAway: 'Every device is connected.',
	device: 'Device',
	since: 'Last heard of (UTC)',
	howLong: 'For',
	more: (count) => `and ${count} more`,
	battery: 'Battery',
	batteryLow: (low, known) => `${low} of ${known} at 20 % or less`,
	unknown: 'unknown',
	day: 'd',
};

const de: Texts = {
	...words.de,
	title: 'Zustand der Flotte',
	loading: 'Die Geräte werden angesehen…',
	forbidden: 'Ihre Rolle darf keine Geräte sehen.',
	empty: 'Es gibt kein aktives Gerät, das Sie sehen dürfen.',
	failed: 'Wie es den Geräten geht, konnte nicht erfragt werden.',
	connected: 'Verbunden',
	ofDevices: (all) => `von ${all} ${all === 1 ? 'Gerät' : 'Geräten'}`,
	lag: 'Verzug, Fix bis Datenbank',
	lagHint: 'Wie lange nach der letzten Position eines Geräts die Datenbank sie hatte; auch ein Gerät, dessen Uhr falsch geht, zeigt sich hier',
	lagOf: (p95) => `Median · 95 % binnen ${p95}`,
	faulty: 'Fehlerhafte Fixe',
	faultyHint: 'Positionen, die nicht stimmen können: ein unmöglicher Sprung, eine falsche Uhr, oder von jemandem markiert',
	ofFixes: (fixes, within, until) => {
		const time = within === 'hour' ? 'Stunde' : 'Tag';
		if (until) return `von ${fixes} ${within === 'hour' ? 'in der' : 'am'} ${time} bis ${until}`;
		return `von ${fixes} ${within === 'hour' ? 'in der letzten Stunde' : 'am letzten Tag'}`;
	},
	offline: 'Offline',
	never: (count) => (count === 0 ? 'seit 5 min nicht gehört' : `${count} noch nie gehört`),
	neverHeard: 'nie',
	protocol: 'Verbunden nach Protokoll',
	gateway: 'Nach Gateway-Instanz',
	age: 'Alter der letzten Fixe',
	upTo: (span) => `bis ${span}`,
	between: (from, to) => `${from} – ${to}`,
	older: (span) => `über ${span}`,
	worst: 'Die meisten fehlerhaften Fixe',
	noFaults: 'Kein fehlerhafter Fix.',
	noFixes: 'Kein Fix in dieser Zeit.',
	away: 'Offline, die längsten zuerst',
	nobodyAway: 'Alle Geräte sind verbunden.',
	device: 'Gerät',
	since: 'Zuletzt gehört (UTC)',
	howLong: 'Seit',
	more: (count) => `und ${count} weitere`,
	battery: 'Akku',
	batteryLow: (low, known) => `${low} von ${known} bei höchstens 20 %`,
	unknown: 'unbekannt',
	day: 'd',
};

const sl: Texts = {
	...words.sl,
	title: 'Stanje flote',
	loading: 'Preverjam naprave…',
	forbidden: 'Vaša vloga ne sme videti naprav.',
	empty: 'Ni aktivne naprave, ki bi jo smeli videti.',
	failed: 'Stanja naprav ni bilo mogoče poizvedeti.',
	connected: 'Povezane',
	ofDevices: (all) => `od ${all} naprav`,
	lag: 'Zamik, lega do baze',
	lagHint: 'Koliko po zadnji legi naprave jo je imela baza; tu se pokaže tudi naprava z napačno uro',
	lagOf: (p95) => `mediana · 95 % v ${p95}`,
	faulty: 'Napačne lege',
	faultyHint: 'Lege, ki ne morejo biti prave: nemogoč skok, napačna ura ali pa jih je nekdo označil',
	ofFixes: (fixes, within, until) => {
		if (until) return `od ${fixes} v ${within === 'hour' ? 'uri' : 'dnevu'} do ${until}`;
		return `od ${fixes} v ${within === 'hour' ? 'zadnji uri' : 'zadnjem dnevu'}`;
	},
	offline: 'Brez povezave',
	never: (count) => (count === 0 ? 'tiho vsaj 5 min' : `še nikoli: ${count}`),
	neverHeard: 'nikoli',
	protocol: 'Povezane po protokolu',
	gateway: 'Po primerku prehoda',
	age: 'Starost zadnjih leg',
	upTo: (span) => `do ${span}`,
	between: (from, to) => `${from} – ${to}`,
	older: (span) => `nad ${span}`,
	worst: 'Največ napačnih leg',
	noFaults: 'Ni napačnih leg.',
	noFixes: 'V tem času ni leg.',
	away: 'Brez povezave, najdlje najprej',
	nobodyAway: 'Vse naprave so povezane.',
	device: 'Naprava',
	since: 'Nazadnje slišana (UTC)',
	howLong: 'Že',
	more: (count) => `in še ${count}`,
	battery: 'Baterija',
	batteryLow: (low, known) => `${low} od ${known} pri 20 % ali manj`,
	unknown: 'neznano',
	day: 'd',
};

export type { Texts };

export const textsIn = inLanguage<Texts>({ en, de, sl });
