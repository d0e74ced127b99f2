// The tables of docs/schema-tools.md, each between two markers; the words around them are written by hand.
import { readFileSync, writeFileSync } from 'node:fs';
import type { Outcome } from './bench.ts';
import type { Report } from './run.ts';

export function writeTables(path: string, report: Report): void {
	const versions = [...new Set(report.tools.map(({ directus }) => directus))];
	const parts = {
		glance: glance(report, versions),
		details: versions.map((version) => table(report, version)).join('\n\n'),
	};
	let text = readFileSync(path, 'utf8');
	for (const [name, tables] of Object.entries(parts)) {
		const [start, end] = [`<!-- ${name}: written by npm run -s schema:compare -->`, `<!-- end of ${name} -->`];
		const [from, to] = [text.indexOf(start), text.indexOf(end)];
		if (from < 0 || to < from) throw new Error(`${path} has no place for ${name}`);
		text = `${text.slice(0, from)}${start}\n\n${tables}\n\n${text.slice(to)}`;
	}
	writeFileSync(path, text);
}

function outcomes(report: Report, id: number, name: string): Outcome[] | undefined {
	return report.results.find((one) => one.case === id && one.tool === name)?.outcomes;
}

/** Marks alone, of all tools. */
function glance(report: Report, versions: string[]): string {
	const tools = versions.flatMap((version) => report.tools.filter(({ directus }) => directus === version));
	const head = tools.map(({ title, directus }) => `${title.replace('Directus `', '`')} <sub>on ${directus.split('.')[0]}</sub>`);
	const rows = report.cases.map(({ id, title }) => {
		const marks = tools.map(({ name }) => {
			const all = outcomes(report, id, name)?.map(({ mark }) => mark) ?? ['not run'];
			return (new Set(all).size === 1 ? all.slice(0, 1) : all).map((mark) => (mark === 'lost' ? '**lost**' : mark)).join(', ');
		});
		return row([`${id}. ${title}`, ...marks]);
	});
	return [...heading(['case', ...head]), ...rows].join('\n');
}

function row(cells: string[]): string {
	return `| ${cells.join(' | ')} |`;
}

function heading(cells: string[]): string[] {
	return [row(cells), `|${cells.map(() => '---|').join('')}`];
}

function table(report: Report, directus: string): string {
	const tools = report.tools.filter((tool) => tool.directus === directus);
	const head = tools.map(({ title, version }) => (title.startsWith('Directus') ? title : `${title} ${version}`));
	const rows = report.cases.map(({ id, title }) => {
		const cells = tools.map(({ name }) => {
			return outcomes(report, id, name)?.map(({ part, mark, cell }) => `${part && `*${part}:* `}**${mark}.** ${cell}`).join('<br>') ?? 'not run';
		});
		return row([`${id}. ${title}`, ...cells]);
	});
	const runs = tools.map(({ title, version, commands, madeFor, run }) => {
		const boot = commands.boot ? `, at boot: \`${commands.boot}\`` : '';
		return `- **${title}** ${version}, for ${madeFor}. Files: \`${commands.export}\`; apply: \`${commands.apply}\`${boot}. Run on ${run}.`;
	});
	return [
		`### On Directus ${directus}`,
		'',
		...runs,
		'',
		`Node ${report.node.slice(1)}, ${report.postgres}.`,
		'',
		...heading(['case', ...head]),
		...rows,
	].join('\n');
}
