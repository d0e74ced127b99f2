declare module '*.wasm?packed' {
	/** The module, gzipped, in base64: see build/packed.js. */
	const base64: string;
	export default base64;
}
