/** What is said in the same words wherever it is said. */
export interface Words {
	again: string;
	connection: Record<'connecting' | 'live' | 'reconnecting' | 'offline' | 'replay', string>;
}

type Language = 'en' | 'de' | 'sl';

export const words: Record<Language, Words> = {
	en: {
		again: 'Try again',
		connection: { connecting: 'Connecting', live: 'Live', reconnecting: 'Reconnecting', offline: 'Offline', replay: 'Replay' },
	},
	de: {
		again: 'Erneut versuchen',
		connection: { connecting: 'Verbindet', live: 'Live', reconnecting: 'Verbindet erneut', offline: 'Offline', replay: 'Wiedergabe' },
	},
	sl: {
		again: 'Poskusi znova',
		connection: { connecting: 'Povezovanje', live: 'V živo', reconnecting: 'Ponovno povezovanje', offline: 'Brez povezave', replay: 'Predvajanje' },
	},
};

/** Picks the texts for one of Directus's languages (`de-DE`, `sl-SI`); English for those that are missing. */
export const inLanguage =
	<Texts>(texts: Record<Language, Texts>) =>
	(locale: string): Texts =>
		(texts as Partial<Record<string, Texts>>)[locale.slice(0, 2)] ?? texts.en;
