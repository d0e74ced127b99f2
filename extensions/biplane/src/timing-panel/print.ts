import { day } from '../shared/app/format.ts';
import type { RaceEvent } from '../shared/app/race-types.ts';
import type { Query } from './reader.ts';
import { PAPER } from './paper.ts';
import { placeName, type Results, type Row, type Split } from './results.ts';
import type { Texts } from './texts.ts';
import { gap, moment, NO_TIME, span, timeOfDay } from './times.ts';

/** Its class and its text. */
type Field = [kind: string, text: string];

/** Opens the results as a page of their own, for paper, and the browser's print dialog over it; whether the browser let it. */
export function printResults(event: RaceEvent, results: Results, query: Query, texts: Texts): boolean {
	// In a window of ours: its styles meet none of Directus's.
	const page = window.open('', '_blank');
	if (!page) return false;
	fill(page.document, event, results, query, texts);
	page.focus();
	page.print();
	return true;
}

function fill(page: Document, event: RaceEvent, results: Results, query: Query, texts: Texts): void {
	const make = maker(page);
	page.title = `${event.name} – ${texts.title}`;
	page.documentElement.lang = document.documentElement.lang || 'en';
	const style = page.createElement('style');
	style.textContent = PAPER;
	page.head.append(style);

	const { course } = results.meta;
	const about = [
		event.starts_at && day(Date.parse(event.starts_at)),
		`${texts.rankBy}: ${texts[query.rankBy]}`,
		query.category ?? texts.allCategories,
		`${texts.printed} ${moment(Date.now())} ${texts.utc}`,
	];
	const head = make('header', {}, [make('h1', {}, [event.name]), make('p', {}, [about.filter(Boolean).join(' · ')])]);
	const { rank, number, name, time, gap: behind } = texts.columns;
	const columns: Field[] = [
		['rank', rank],
		['number', number],
		['name', name],
		...categoryOf(query, texts.category),
		['time', time],
		['gap', behind],
		...course.map((point): Field => ['split', placeName(point)]),
	];
	const table = make('table', { style: `--splits: ${course.length}` }, [
		make('thead', {}, [make('tr', {}, columns.map(([kind, text]) => make('th', { scope: 'col', class: kind }, [text])))]),
		make('tbody', {}, results.data.map((row) => make('tr', {}, cellsOf(row, query, texts).map(([kind, text]) => make('td', { class: kind }, [text]))))),
	]);
	page.body.replaceChildren(make('main', {}, [head, table]));
}

/** None where all are of one. */
const categoryOf = ({ category }: Query, text: string | null): Field[] => (category === null ? [['category', text ?? '']] : []);

function cellsOf(row: Row, query: Query, texts: Texts): Field[] {
	const byClock = query.rankBy === 'clock';
	const last = row.splits[row.checkpoints_taken - 1];
	const out = row.status === 'dnf' || row.status === 'dns' || row.status === 'dsq';
	return [
		['rank', String(row.rank ?? NO_TIME)],
		['number', row.number],
		['name', `${row.name ?? ''}${out ? ` (${texts.status[row.status]})` : ''}`],
		...categoryOf(query, row.category),
		['time', byClock ? timeOfDay(last?.crossed_at ?? null) : span(row.elapsed_ms)],
		['gap', gap(row.gap_ms)],
		...row.splits.map((split): Field => [`split ${split.state}`, splitOf(split, byClock, texts)]),
	];
}

function splitOf(split: Split, byClock: boolean, { states }: Texts): string {
	switch (split.state) {
		case 'taken':
			return byClock || split.elapsed_ms === null ? timeOfDay(split.crossed_at) : span(split.elapsed_ms);
		case 'missing':
			return states.missing;
		case 'out_of_order':
			return states.outOfOrder;
		case 'ahead':
			return '';
	}
}

/** By text only: what people typed is never taken for markup. */
const maker =
	(page: Document) =>
	(tag: string, attributes: Record<string, string>, children: (Node | string)[]): HTMLElement => {
		const element = page.createElement(tag);
		for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
		element.append(...children);
		return element;
	};
