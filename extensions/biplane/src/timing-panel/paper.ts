/** A4 across, with page numbers where the browser can (Chromium from 131 on). */
export const PAPER = `
@page {
	size: A4 landscape;
	margin: 12mm 10mm 14mm;
	@bottom-right { content: counter(page) " / " counter(pages); font: 8pt system-ui, sans-serif; }
}
* { box-sizing: border-box; }
body { margin: 0; color: #000; background: #fff; font: 8.5pt/1.35 system-ui, sans-serif; }
main { padding: 8mm; }
h1 { margin: 0; font-size: 15pt; }
header p { margin: 1mm 0 4mm; color: #333; }
/* A page without a doctype: its tables take no type from what they stand in. */
table { inline-size: 100%; color: inherit; font: inherit; border-collapse: collapse; font-variant-numeric: tabular-nums; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th, td { padding: 0.7mm 1mm; text-align: end; white-space: nowrap; border-block-end: 0.2mm solid #bbb; }
th { border-block-end: 0.4mm solid #000; white-space: normal; vertical-align: bottom; }
th.name, td.name, th.category, td.category { text-align: start; white-space: normal; }
td.rank, td.time { font-weight: 700; }
/* Many checkpoints want smaller type. */
th.split, td.split { font-size: clamp(5.4pt, calc(11pt - var(--splits) * 0.42pt), 8.5pt); }
td.missing, td.out_of_order { font-style: italic; text-decoration: underline; }
@media print { main { padding: 0; } }
`;
