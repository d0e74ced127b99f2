// The tables of docs/schema-tools.md, between two markers; the words around them are written by hand.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Report } from './run.ts';

const [START, END] = ['<!-- tables: written by npm run -s schema:compare -->', '<!-- end of tables -->'];

export function writeTables(path: string, report: Report): void {
	const text = existsSync(path) ? readFileSync(path, 'utf8') : `# Schema tools, side by side\n\n${START}\n${END}\n`;
	const [before, after] = [text.slice(0, text.indexOf(START)), text.slice(text.indexOf(END) + END.length)];
	writeFileSync(path, `${before}${START}\n\n${tables(report)}\n\n${END}${after}`);
}

function tables(report: Report): string {
	const versions = [...new Set(report.tools.map(({ directus }) => directus))];
	const parts = [
		`Node ${report.node.slice(1)}, ${report.postgres}.`,
		...versions.map((version) => table(report, version)),
	];
	return parts.join('\n\n');
}

function table(report: Report, directus: string): string {
	const tools = report.tools.filter((tool) => tool.directus === directus);
	const head = tools.map(({ title, version }) => (title.startsWith('Directus') ? title : `${title} ${version}`));
	// Its column waits for its run.
	const reserved = directus.startsWith('11.') && !tools.some(({ name }) => name === 'biplane');
	if (reserved) head.push('Biplane');
	const rows = report.cases.map(({ id, title }) => {
		const cells = tools.map(({ name }) => {
			const result = report.results.find((one) => one.case === id && one.tool === name);
			return result?.outcomes.map(({ part, mark, cell }) => `${part && `*${part}:* `}**${mark}.** ${cell}`).join('<br>') ?? 'not run';
		});
		if (reserved) cells.push('not run yet');
		return `| ${[`${id}. ${title}`, ...cells].join(' | ')} |`;
	});
	const runs = tools.map(({ title, version, commands, madeFor, run }) => {
		const boot = commands.boot ? `, at boot: \`${commands.boot}\`` : '';
		return `- **${title}** ${version}, for ${madeFor}. Files: \`${commands.export}\`; apply: \`${commands.apply}\`${boot}. Run on ${run}.`;
	});
	return [
		`## On Directus ${directus}`,
		'',
		...runs,
		'',
		`| case | ${head.join(' | ')} |`,
		`|---|${head.map(() => '---').join('|')}|`,
		...rows,
	].join('\n');
}
