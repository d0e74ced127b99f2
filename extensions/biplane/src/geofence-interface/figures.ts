const number = (value: number, digits: number, locale: string): string =>
	new Intl.NumberFormat(locale, { maximumFractionDigits: digits, minimumFractionDigits: digits }).format(value);

/** `1,234.5 m`, `12.345 km`. */
export function length(metres: number, locale: string): string {
	return metres < 10_000 ? `${number(metres, metres < 1000 ? 1 : 0, locale)} m` : `${number(metres / 1000, 2, locale)} km`;
}

/** `1,234 m²`, `12.345 km²`. */
export function area(squareMetres: number, locale: string): string {
	return squareMetres < 100_000 ? `${number(squareMetres, 0, locale)} m²` : `${number(squareMetres / 1e6, squareMetres < 1e8 ? 3 : 0, locale)} km²`;
}
