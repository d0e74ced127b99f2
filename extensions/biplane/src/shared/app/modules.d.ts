declare module '*?packed' {
	/** The file, gzipped, in base64. */
	const base64: string;
	export default base64;
}

declare module '*.vue' {
	import type { definePanel } from '@directus/extensions-sdk';
	// Directus's own Vue may be another copy than ours: its types are the ones that count.
	const component: Parameters<typeof definePanel>[0]['component'];
	export default component;
}

/** Directus brings vue-i18n for extensions; the little of it that is used. */
declare module 'vue-i18n' {
	import type { Ref } from 'vue';
	export function useI18n(): { locale: Ref<string> };
}
