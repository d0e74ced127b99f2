/** Neighbours in the list far apart on the colour wheel (the golden angle), all dark enough to carry white text. */
export function hue(index: number): string {
	const degrees = (index * 137.508 + 210) % 360;
	const bright = degrees > 40 && degrees < 195;
	const saturation = bright ? 0.75 : 0.65;
	const lightness = ((bright ? 33 : 47) + (index % 2) * 5) / 100;
	const strength = saturation * Math.min(lightness, 1 - lightness);
	const channel = (place: number): string => {
		const k = (place + degrees / 30) % 12;
		const value = lightness - strength * Math.max(-1, Math.min(k - 3, 9 - k, 1));
		return Math.round(value * 255).toString(16).padStart(2, '0');
	};
	return `#${channel(0)}${channel(8)}${channel(4)}`;
}

/** `#rrggbb` or `#rgb` as a number; grey for what is neither. */
export function rgb(color: string): number {
	const [, digits] = /^#([0-9a-f]{3}|[0-9a-f]{6})$/i.exec(color) ?? [];
	if (!digits) return 0x808080;
	const long = digits.length === 3 ? [...digits].map((digit) => digit + digit).join('') : digits;
	return Number.parseInt(long, 16);
}

/** The same with each channel from 0 to 1. */
export function channels(color: string): [number, number, number] {
	const value = rgb(color);
	return [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}
