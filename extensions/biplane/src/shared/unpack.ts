/** The bytes of an import with `?packed` (base64 of gzip). */
async function unpack(base64: string): Promise<Response> {
	const binary = atob(base64);
	const bytes = new Uint8Array(binary.length);
	for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
	return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip')));
}

export const unpackText = async (base64: string): Promise<string> => (await unpack(base64)).text();

export const unpackJson = async <T>(base64: string): Promise<T> => (await unpack(base64)).json() as Promise<T>;
