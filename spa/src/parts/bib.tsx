/** A competitor's number on the competitor's colour. */
export const Bib = ({ number, color }: { number: string; color: string }) => (
	<span className="bib" style={{ background: color, color: ink(color) }}>
		{number}
	</span>
);

/** White, or black where white could not be read. */
function ink(color: string): string {
	const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})/i.exec(color);
	// Colours that we choose carry white.
	if (!hex) return '#fff';
	const [r, g, b] = hex.slice(1).map((part) => {
		const share = Number.parseInt(part, 16) / 255;
		return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
	});
	return 0.2126 * r! + 0.7152 * g! + 0.0722 * b! > 0.179 ? '#000' : '#fff';
}
