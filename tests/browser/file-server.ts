import { createReadStream } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';

const TYPES: Record<string, string> = {
	'.html': 'text/html; charset=utf-8',
	'.js': 'text/javascript; charset=utf-8',
	'.json': 'application/json',
	'.wasm': 'application/wasm',
};

/** Serves a folder on a free port of the loopback; `/` is an empty page. */
export async function serveFolder(folder: string): Promise<{ url: string; close: () => Promise<void> }> {
	const server: Server = createServer((request, response) => {
		const path = normalize(decodeURIComponent(new URL(request.url ?? '/', 'http://x').pathname));
		if (path === '/') return response.writeHead(200, { 'content-type': TYPES['.html']! }).end('<!doctype html><link rel="icon" href="data:,">');
		const file = createReadStream(join(folder, path));
		file.on('open', () => response.writeHead(200, { 'content-type': TYPES[extname(path)] ?? 'application/octet-stream' }));
		file.on('error', () => response.writeHead(404).end());
		file.pipe(response);
	});
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
	const close = (): Promise<void> =>
		new Promise((resolve) => {
			server.close(() => resolve());
			server.closeAllConnections();
		});
	return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}
