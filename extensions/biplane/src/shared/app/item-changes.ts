import type { AxiosInstance } from 'axios';

/** Directus pings every 30 s; a socket that is silent for so long is gone (ms). */
const SILENCE_MS = 75_000;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Tells when somebody changes rows of a collection through Directus, by its own WebSocket, which takes the
 * session of the page. `live` says whether it does: without it the owner asks by itself.
 */
export class ItemChanges {
	/** Whether changes are told. */
	live = false;
	private readonly collection: string;
	private readonly changed: () => void;
	private socket: WebSocket | undefined;
	private retry: ReturnType<typeof setTimeout> | undefined;
	private silence: ReturnType<typeof setTimeout> | undefined;
	private pause = FIRST_PAUSE_MS;
	private closed = false;

	constructor(api: AxiosInstance, collection: string, changed: () => void) {
		this.collection = collection;
		this.changed = changed;
		// A server without the socket would answer each attempt with an error in the browser's console.
		api.get('/server/info').then(
			({ data }) => data.data?.websocket?.rest && this.open(api.defaults.baseURL ?? '/'),
			() => undefined,
		);
	}

	close(): void {
		this.closed = true;
		clearTimeout(this.retry);
		this.hangUp();
	}

	private open(base: string): void {
		if (this.closed) return;
		const address = new URL('websocket', new URL(base.endsWith('/') ? base : `${base}/`, location.href));
		address.protocol = address.protocol.replace('http', 'ws');
		const socket = (this.socket = new WebSocket(address));
		const lost = (): void => {
			this.hangUp();
			if (this.closed) return;
			this.retry = setTimeout(() => this.open(base), this.pause * (0.5 + Math.random() / 2));
			this.pause = Math.min(LONGEST_PAUSE_MS, this.pause * 2);
		};
		const listenOrLeave = (): void => {
			clearTimeout(this.silence);
			this.silence = setTimeout(lost, SILENCE_MS);
		};
		listenOrLeave();
		socket.onopen = () => socket.send(JSON.stringify({ type: 'subscribe', collection: this.collection, query: { fields: ['id'], limit: 1 } }));
		socket.onclose = lost;
		socket.onmessage = ({ data }) => {
			listenOrLeave();
			const message = JSON.parse(String(data)) as { type: string; event?: string; status?: string };
			if (message.type === 'ping') socket.send('{"type":"pong"}');
			// The session has ended; the page's next request renews it, and the next attempt has the new one.
			if (message.type === 'auth' && message.status === 'error') return lost();
			if (message.type !== 'subscription' || !message.event) return;
			this.live = true;
			this.pause = FIRST_PAUSE_MS;
			// The first of each connection, too: what changed before it was not told.
			this.changed();
		};
	}

	private hangUp(): void {
		this.live = false;
		clearTimeout(this.silence);
		const { socket } = this;
		this.socket = undefined;
		if (!socket) return;
		socket.onopen = socket.onmessage = socket.onclose = null;
		socket.close();
	}
}
