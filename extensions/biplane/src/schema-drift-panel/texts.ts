import { inLanguage, words, type Words } from '../shared/app/words.ts';
import type { DriftPart, PlanChange } from '../shared/drift.ts';
import type { DriftReport } from '../shared/schema.ts';

interface Texts extends Words {
	title: string;
	loading: string;
	forbidden: string;
	failed: string;
	refresh: string;
	checked: string;
	rule: string;
	ruleSteps: string;
	hazard: string;
	nothing: string;
	columns: { verdict: string; kind: string; name: string; reason: string };
	here: string;
	snapshot: string;
	applied: string;
	absent: string;
	rows: (count: number | null) => string;
	verdicts: Record<string, string>;
	kinds: Record<string, string>;
	/** By the plan's codes; the plan's own sentence where there is none. */
	reasons: Record<string, string>;
	/** By what there is to tell; the drift's own sentence where there is none. */
	sentences?: Record<'clean' | 'conflicts' | 'uncommitted' | 'stale' | 'pending', (what: string) => string>;
	losses: Record<string, string>;
}

const en: Texts = {
	...words.en,
	title: 'Schema drift',
	loading: 'Comparing the schema with its snapshot…',
	forbidden: 'Only administrators see how the schema stands.',
	failed: 'How the schema stands could not be asked.',
	refresh: 'Compare now',
	checked: 'Compared at',
	rule: 'The rule',
	ruleSteps: 'change → snapshot → commit → only then rebuild or restart',
	hazard: 'Directus’s own `schema apply` deletes what the snapshot lacks, with its data.',
	nothing: 'No differences.',
	columns: { verdict: 'An apply would', kind: 'Kind', name: 'Name', reason: 'Because' },
	here: 'here',
	snapshot: 'in the snapshot',
	applied: 'applied last',
	absent: 'nothing',
	rows: (count) => (count === null ? 'rows not counted' : count === 1 ? '1 row' : `${count} rows`),
	verdicts: { keep: 'keep', create: 'create', update: 'update', rename: 'rename', delete: 'delete', conflict: 'refuse' },
	kinds: { collection: 'collection', field: 'field', 'system field': 'system field', relation: 'relation' },
	reasons: {},
	losses: { table: 'loses the table', column: 'loses the column', narrowed: 'cuts values' },
};

const de: Texts = {
	...words.de,
	title: 'Schema-Abweichung',
	loading: 'Das Schema wird mit seinem Snapshot verglichen…',
	forbidden: 'Nur Administratoren sehen, wie es um das Schema steht.',
	failed: 'Der Stand des Schemas konnte nicht erfragt werden.',
	refresh: 'Jetzt vergleichen',
	checked: 'Verglichen um',
	rule: 'Die Regel',
	ruleSteps: 'ändern → Snapshot → Commit → erst dann neu bauen oder neu starten',
	hazard: 'Directus’ eigenes `schema apply` löscht samt Daten, was im Snapshot fehlt.',
	nothing: 'Keine Unterschiede.',
	columns: { verdict: 'Anwenden würde', kind: 'Art', name: 'Name', reason: 'Grund' },
	here: 'hier',
	snapshot: 'im Snapshot',
	applied: 'zuletzt angewandt',
	absent: 'nichts',
	rows: (count) => (count === null ? 'Zeilen nicht gezählt' : count === 1 ? '1 Zeile' : `${count} Zeilen`),
	verdicts: { keep: 'behalten', create: 'anlegen', update: 'ändern', rename: 'umbenennen', delete: 'löschen', conflict: 'verweigern' },
	kinds: { collection: 'Sammlung', field: 'Feld', 'system field': 'Systemfeld', relation: 'Beziehung' },
	reasons: {
		'new-in-snapshot': 'neu im Snapshot',
		'changed-in-snapshot': 'im Snapshot geändert',
		'gone-from-snapshot': 'aus dem Snapshot entfernt, hier seit dem Anwenden unverändert',
		'rename-approved': 'Umbenennung, wie genehmigt',
		uncommitted: 'nicht committet: in keinem Snapshot, der hier angewandt wurde',
		'uncommitted-change': 'hier geändert und nicht committet',
		'deleted-here': 'hier gelöscht; der Snapshot hat es noch',
		'no-base': 'anders als im Snapshot; hier wurde noch keiner angewandt, also bleibt es',
		rollback: 'der Snapshot ist älter als der zuletzt angewandte oder ihm fremd: er nimmt nichts weg',
		'pointed-to': 'aus dem Snapshot entfernt, aber nicht committete Arbeit verweist darauf',
		'both-changed': 'hier und im Snapshot verschieden geändert',
		'both-made': 'hier und im Snapshot verschieden angelegt',
		'changed-here-gone-there': 'aus dem Snapshot entfernt, aber hier geändert',
		'gone-here-changed-there': 'hier gelöscht, aber im Snapshot geändert',
		'deletes-everything': 'der Snapshot hat keine Sammlungen: angewandt würde er alles löschen',
	},
	sentences: {
		clean: () => 'Das Schema dieser Instanz ist, was der Snapshot sagt.',
		conflicts: (what) => `Instanz und Snapshot widersprechen einander (${what}). Bevor jemand entscheidet, wird nichts angewandt.`,
		uncommitted: (what) =>
			`Diese Instanz hat nicht committete Schemaänderungen (${what}). Nicht neu bauen vor \`biplane schema snapshot\` und einem Commit.`,
		stale: (what) => `Der Snapshot ist älter als der zuletzt angewandte oder ihm fremd, und ihm fehlt etwas davon (${what}). Mit dem neueren Snapshot bauen.`,
		pending: (what) => `Der Snapshot hat Änderungen, die hier noch nicht angewandt sind (${what}).`,
	},
	losses: { table: 'verliert die Tabelle', column: 'verliert die Spalte', narrowed: 'kürzt Werte' },
};

const sl: Texts = {
	...words.sl,
	title: 'Odstopanje sheme',
	loading: 'Primerjam shemo z njenim posnetkom …',
	forbidden: 'Stanje sheme vidijo samo skrbniki.',
	failed: 'Stanja sheme ni bilo mogoče izvedeti.',
	refresh: 'Primerjaj zdaj',
	checked: 'Primerjano ob',
	rule: 'Pravilo',
	ruleSteps: 'sprememba → posnetek → commit → šele nato nova gradnja ali ponovni zagon',
	hazard: 'Directusov lastni `schema apply` izbriše, česar v posnetku ni, skupaj s podatki.',
	nothing: 'Ni razlik.',
	columns: { verdict: 'Uveljavitev bi', kind: 'Vrsta', name: 'Ime', reason: 'Razlog' },
	here: 'tukaj',
	snapshot: 'v posnetku',
	applied: 'nazadnje uveljavljeno',
	absent: 'nič',
	rows: (count) => (count === null ? 'vrstice niso preštete' : `vrstic: ${count}`),
	verdicts: { keep: 'ohranila', create: 'ustvarila', update: 'spremenila', rename: 'preimenovala', delete: 'izbrisala', conflict: 'zavrnila' },
	kinds: { collection: 'zbirka', field: 'polje', 'system field': 'sistemsko polje', relation: 'relacija' },
	reasons: {
		'new-in-snapshot': 'novo v posnetku',
		'changed-in-snapshot': 'spremenjeno v posnetku',
		'gone-from-snapshot': 'odstranjeno iz posnetka, tukaj nespremenjeno od uveljavitve',
		'rename-approved': 'preimenovano, kot je bilo odobreno',
		uncommitted: 'brez commita: ni v nobenem tukaj uveljavljenem posnetku',
		'uncommitted-change': 'tukaj spremenjeno, brez commita',
		'deleted-here': 'tukaj izbrisano; posnetek to še ima',
		'no-base': 'drugače kot v posnetku; tukaj ni bil še nobeden uveljavljen, zato ostane',
		rollback: 'posnetek je starejši od nazadnje uveljavljenega ali mu je tuj: ničesar ne odvzame',
		'pointed-to': 'odstranjeno iz posnetka, a nanj kaže delo brez commita',
		'both-changed': 'tukaj in v posnetku različno spremenjeno',
		'both-made': 'tukaj in v posnetku različno ustvarjeno',
		'changed-here-gone-there': 'odstranjeno iz posnetka, a tukaj spremenjeno',
		'gone-here-changed-there': 'tukaj izbrisano, a v posnetku spremenjeno',
		'deletes-everything': 'posnetek nima zbirk: uveljavljen bi izbrisal vse',
	},
	sentences: {
		clean: () => 'Shema te instance je takšna, kot pravi posnetek.',
		conflicts: (what) => `Instanca in posnetek si nasprotujeta (${what}). Dokler se nekdo ne odloči, se nič ne uveljavi.`,
		uncommitted: (what) => `Ta instanca ima spremembe sheme brez commita (${what}). Ne gradi znova pred \`biplane schema snapshot\` in commitom.`,
		stale: (what) => `Posnetek je starejši od nazadnje uveljavljenega ali mu je tuj in mu nekaj manjka (${what}). Gradi z novejšim posnetkom.`,
		pending: (what) => `Posnetek ima spremembe, ki tukaj še niso uveljavljene (${what}).`,
	},
	losses: { table: 'izgubi tabelo', column: 'izgubi stolpec', narrowed: 'prireže vrednosti' },
};

export const textsIn = inLanguage<Texts>({ en, de, sl });

/** How things stand, in one sentence or two. */
export function sentenceOf(report: DriftReport, texts: Texts): string {
	const { sentences } = texts;
	if (!sentences || report.status === 'unknown') return report.sentence;
	const said = (['conflicts', 'uncommitted', 'stale', 'pending'] as const).flatMap((what) =>
		report[what].length > 0 ? [sentences[what](counted(report[what], texts))] : [],
	);
	return said.length > 0 ? said.join(' ') : sentences.clean('');
}

/** `Sammlung: 5, Feld: 1`: counts without plurals, of which Slovenian has four. */
function counted(parts: DriftPart[], { kinds }: Texts): string {
	const counts = Object.entries(kinds).map(([kind, word]) => ({ word, count: parts.filter((part) => part.kind === kind).length }));
	return counts.flatMap(({ word, count }) => (count > 0 ? [`${word}: ${count}`] : [])).join(', ');
}

/** Why, with the names that the plan's own sentence gives. */
export function reasonFor({ reason, sentence }: PlanChange, { reasons }: Texts): string {
	const translated = reasons[reason];
	if (!translated) return sentence;
	const named = ['pointed-to', 'changed-here-gone-there', 'gone-here-changed-there'].includes(reason);
	return named ? `${translated}: ${sentence.slice(sentence.lastIndexOf(': ') + 2)}` : translated;
}
