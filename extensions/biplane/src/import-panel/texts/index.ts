import { inLanguage } from '../../shared/app/words.ts';
import { de } from './de.ts';
import { en, type Texts } from './en.ts';
import { sl } from './sl.ts';

export type { Texts };

export const textsIn = inLanguage<Texts>({ en, de, sl });
