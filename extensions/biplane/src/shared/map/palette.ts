import { onMounted, onUnmounted, shallowRef, type Ref } from 'vue';

/** The map's colours. Two sets, since a map needs more of them than a theme has. */
export interface Palette {
	dark: boolean;
	sea: string;
	land: string;
	coast: string;
	border: string;
	grid: string;
	gridLabel: string;
	place: string;
	placeHalo: string;
	mark: string;
	label: string;
	labelHalo: string;
	role: Record<'start' | 'turnpoint' | 'finish' | 'zone', string>;
}

export const LIGHT: Palette = {
	dark: false,
	sea: '#cfdfee',
	land: '#f5f4ef',
	coast: '#9db6cd',
	border: '#b3a9b8',
	grid: '#d9dde0',
	gridLabel: '#8b98a5',
	place: '#737f8a',
	placeHalo: '#f5f4ef',
	mark: '#ffffff',
	label: '#17212b',
	labelHalo: '#ffffff',
	role: { start: '#1a8f5a', turnpoint: '#2f6fde', finish: '#c4314b', zone: '#8a6d1f' },
};

const DARK: Palette = {
	dark: true,
	sea: '#0c1722',
	land: '#1a2530',
	coast: '#3d566e',
	border: '#5a5566',
	grid: '#25323e',
	gridLabel: '#63758a',
	place: '#8496a8',
	placeHalo: '#1a2530',
	mark: '#0c1722',
	label: '#f2f6fa',
	labelHalo: '#0c1722',
	role: { start: '#3ecf8e', turnpoint: '#6ea1ff', finish: '#ff6b81', zone: '#d9b44a' },
};

/** The palette that fits what Directus shows now, by the brightness of its background. */
function current(element: Element): Palette {
	const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
	const background = getComputedStyle(element).getPropertyValue('--theme--background').trim();
	if (!probe || !background) return LIGHT;
	probe.fillStyle = background;
	probe.fillRect(0, 0, 1, 1);
	const [r, g, b] = probe.getImageData(0, 0, 1, 1).data;
	return 0.2126 * r! + 0.7152 * g! + 0.0722 * b! < 110 ? DARK : LIGHT;
}

/** Follows Directus's theme, whoever changes it: the user's setting or the system at dusk. */
export function usePalette(): Ref<Palette> {
	const palette = shallowRef(LIGHT);
	const update = (): void => {
		palette.value = current(document.body);
	};
	const later = (): void => void setTimeout(update, 50);
	const observer = new MutationObserver(later);
	const system = matchMedia('(prefers-color-scheme: dark)');
	onMounted(() => {
		update();
		observer.observe(document.documentElement, { attributes: true, attributeFilter: ['class', 'style'] });
		observer.observe(document.body, { attributes: true, attributeFilter: ['class', 'style'] });
		// The theme's variables live in a style element of Directus's.
		observer.observe(document.head, { childList: true, subtree: true, characterData: true });
		system.addEventListener('change', later);
	});
	onUnmounted(() => {
		observer.disconnect();
		system.removeEventListener('change', later);
	});
	return palette;
}
