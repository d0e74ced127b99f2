/** Directus brings vue-i18n for extensions; the little of it that is used. */
declare module 'vue-i18n' {
	import type { Ref } from 'vue';
	export function useI18n(): { locale: Ref<string> };
}
