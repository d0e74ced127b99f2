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
	faulty: string;
	ofFixes: (fixes: string, within: 'hour' | 'day', until: string | null) => string;
	away: string;
	never: (count: number) => string;
	neverHeard: string;
	median: string;
	p95: string;
	protocol: string;
	gateway: string;
	age: string;
	upTo: (span: string) => string;
	older: string;
	worst: string;
	noFaults: string;
	noFixes: string;
	offline: string;
	nobodyAway: string;
	device: string;
	lastSeen: string;
	since: string;
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
	lag: 'Lag',
	lagHint: 'From event time to the row in the table, of each device’s last fix',
	faulty: 'Faulty fixes',
	ofFixes: (fixes, within, until) => `of ${fixes} in the ${until ? `${within} up to ${until}` : `last ${within}`}`,
	away: 'Away',
	never: (count) => (count === 0 ? 'all were heard of' : `${count} never heard of`),
	neverHeard: 'never',
	median: 'median',
	p95: '95 %',
	protocol: 'Connected by protocol',
	gateway: 'By gateway instance',
	age: 'Age of last fixes',
	upTo: (span) => `up to ${span}`,
	older: 'older',
	worst: 'Most faulty fixes',
	noFaults: 'No faulty fix.',
	noFixes: 'No fix in this time.',
	offline: 'Offline since',
	nobodyAway: 'Every device is connected.',
	device: 'Device',
	lastSeen: 'Last seen (UTC)',
	since: 'For',
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
	lag: 'Verzug',
	lagHint: 'Von der Ereigniszeit bis zur Zeile in der Tabelle, beim letzten Fix jedes Geräts',
	faulty: 'Fehlerhafte Fixe',
	ofFixes: (fixes, within, until) => {
		const time = within === 'hour' ? 'Stunde' : 'Tag';
		if (until) return `von ${fixes} ${within === 'hour' ? 'in der' : 'am'} ${time} bis ${until}`;
		return `von ${fixes} ${within === 'hour' ? 'in der letzten Stunde' : 'am letzten Tag'}`;
	},
	away: 'Abwesend',
	never: (count) => (count === 0 ? 'von allen wurde schon gehört' : `${count} noch nie gehört`),
	neverHeard: 'nie',
	median: 'Median',
	p95: '95 %',
	protocol: 'Verbunden nach Protokoll',
	gateway: 'Nach Gateway-Instanz',
	age: 'Alter der letzten Fixe',
	upTo: (span) => `bis ${span}`,
	older: 'älter',
	worst: 'Die meisten fehlerhaften Fixe',
	noFaults: 'Kein fehlerhafter Fix.',
	noFixes: 'Kein Fix in dieser Zeit.',
	offline: 'Offline seit',
	nobodyAway: 'Alle Geräte sind verbunden.',
	device: 'Gerät',
	lastSeen: 'Zuletzt gehört (UTC)',
	since: 'Seit',
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
	lag: 'Zamik',
	lagHint: 'Od časa dogodka do vrstice v tabeli, za zadnjo lego vsake naprave',
	faulty: 'Napačne lege',
	ofFixes: (fixes, within, until) => {
		if (until) return `od ${fixes} v ${within === 'hour' ? 'uri' : 'dnevu'} do ${until}`;
		return `od ${fixes} v ${within === 'hour' ? 'zadnji uri' : 'zadnjem dnevu'}`;
	},
	away: 'Odsotne',
	never: (count) => (count === 0 ? 'vse so se že oglasile' : `še nikoli: ${count}`),
	neverHeard: 'nikoli',
	median: 'mediana',
	p95: '95 %',
	protocol: 'Povezane po protokolu',
	gateway: 'Po primerku prehoda',
	age: 'Starost zadnjih leg',
	upTo: (span) => `do ${span}`,
	older: 'starejše',
	worst: 'Največ napačnih leg',
	noFaults: 'Ni napačnih leg.',
	noFixes: 'V tem času ni leg.',
	offline: 'Brez povezave od',
	nobodyAway: 'Vse naprave so povezane.',
	device: 'Naprava',
	lastSeen: 'Nazadnje slišana (UTC)',
	since: 'Trajanje',
	more: (count) => `in še ${count}`,
	battery: 'Baterija',
	batteryLow: (low, known) => `${low} od ${known} pri 20 % ali manj`,
	unknown: 'neznano',
	day: 'd',
};

export type { Texts };

export const textsIn = inLanguage<Texts>({ en, de, sl });
