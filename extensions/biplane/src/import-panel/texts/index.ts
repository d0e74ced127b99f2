import { de } from './de.ts';
import { en, type Texts } from './en.ts';
import { sl } from './sl.ts';

export type { Texts };

/** The texts for one of Directus's languages: `de-DE`, `sl-SI`; English for those that are missing. */
export const textsIn = (locale: string): Texts => ({ de, sl })[locale.slice(0, 2)] ?? en;
