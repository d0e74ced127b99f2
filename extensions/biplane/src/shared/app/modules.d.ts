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

/** The little of topojson-client 3 that is used. */
declare module 'topojson-client' {
	export interface Packed {
		type: string;
		bbox?: [number, number, number, number];
	}
	export interface Topology {
		type: 'Topology';
		objects: Record<string, Packed & { geometries: Packed[] }>;
		arcs: number[][][];
	}
	export function feature(topology: Topology, object: Packed): GeoJSON.Feature;
}
/** Directus brings vue-i18n for extensions; the little of it that is used. */
declare module 'vue-i18n' {
	import type { Ref } from 'vue';
	export function useI18n(): { locale: Ref<string> };
}
