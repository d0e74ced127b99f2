// The relay that one would write first: positions from Redis to the WebSockets that asked for their
// devices, as they come. It asks nobody who may see what.
import { Redis } from 'ioredis';
import { WebSocketServer } from 'ws';

const redis = new Redis(process.env.REDIS_URL);
const watchers = new Map();

new WebSocketServer({ host: '127.0.0.1', port: Number(process.env.PORT) }).on('connection', (socket) => {
	const seen = [];
	socket.on('message', (text) => {
		for (const device of JSON.parse(text).devices) {
			const sockets = watchers.get(device) ?? new Set();
			watchers.set(device, sockets.add(socket));
			seen.push(device);
		}
		socket.send('"ready"');
	});
	socket.on('close', () => seen.forEach((device) => watchers.get(device)?.delete(socket)));
});

const streams = Array.from({ length: 16 }, (_, partition) => `live:{p${String(partition).padStart(2, '0')}}`);
const last = new Map(streams.map((stream) => [stream, '$']));
for (const stream of streams) {
	const [newest] = await redis.xrevrange(stream, '+', '-', 'COUNT', 1);
	last.set(stream, newest?.[0] ?? '0-0');
}
for (;;) {
	const read = await redis.xread('COUNT', 2000, 'BLOCK', 1000, 'STREAMS', ...streams, ...streams.map((stream) => last.get(stream)));
	for (const [stream, entries] of read ?? []) {
		for (const [id, [, item]] of entries) {
			last.set(stream, id);
			const { position } = JSON.parse(item);
			const text = JSON.stringify(position);
			for (const socket of watchers.get(position.device) ?? []) socket.send(text);
		}
	}
}
