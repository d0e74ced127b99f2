import type { ChannelState } from '../channel-state.ts';

// The SDK has a client for this socket, too; it gives up after some attempts, does not notice a connection that went
// silent, and tells nobody how it is. The badge has to be right.

/** Directus pings every 30 s; one that is silent for so long is gone (ms). */
const SILENCE_MS = 75_000;
const LONGEST_PAUSE_MS = 30_000;

export interface Change {
	event: 'init' | 'create' | 'update' | 'delete';
	/** The rows as the query asked for them; of deleted ones the keys. */
	data: unknown[];
}

interface Subscription {
	collection: string;
	query: object;
	listener: (change: Change) => void;
}

/** Directus's own WebSocket: who has changed what, as far as the user may see it. */
export class BusinessChannel {
	private readonly url: string;
	private readonly token: () => Promise<string | null>;
	private socket: WebSocket | null = null;
	private readonly subscriptions = new Map<string, Subscription>();
	private readonly watchers = new Set<(state: ChannelState) => void>();
	private current: ChannelState = { name: 'connecting' };
	private attempt = 0;
	private lastUid = 0;
	private retry: ReturnType<typeof setTimeout> | undefined;
	private silence: ReturnType<typeof setTimeout> | undefined;
	private closed = false;

	constructor(directus: string, token: () => Promise<string | null>) {
		this.url = `${directus.replace(/^http/, 'ws')}/websocket`;
		this.token = token;
		globalThis.addEventListener('online', this.hurry);
		void this.open();
	}

	/** Called at once and at each change. */
	onState(watcher: (state: ChannelState) => void): () => void {
		this.watchers.add(watcher);
		watcher(this.current);
		return () => this.watchers.delete(watcher);
	}

	/** Over reconnections, each of which begins with `init`. */
	subscribe(collection: string, query: object, listener: (change: Change) => void): () => void {
		const uid = `b${++this.lastUid}`;
		this.subscriptions.set(uid, { collection, query, listener });
		if (this.current.name === 'live') this.request(uid);
		return () => {
			this.subscriptions.delete(uid);
			if (this.current.name === 'live') this.send({ type: 'unsubscribe', uid });
		};
	}

	close(): void {
		this.closed = true;
		globalThis.removeEventListener('online', this.hurry);
		clearTimeout(this.retry);
		this.hangUp();
		this.watchers.clear();
	}

	private async open(): Promise<void> {
		const token = await this.token().catch(() => null);
		if (this.closed) return;
		if (!token) return this.lost('Directus does not answer, or the session has ended.');
		const socket = new WebSocket(this.url);
		this.socket = socket;
		this.listenOrLeave();
		socket.onopen = () => this.send({ type: 'auth', access_token: token });
		socket.onmessage = ({ data }) => {
			this.listenOrLeave();
			this.receive(JSON.parse(String(data)) as Message);
		};
		socket.onclose = () => this.lost('The connection was lost; trying again.');
	}

	private receive(message: Message): void {
		switch (message.type) {
			case 'ping':
				return this.send({ type: 'pong' });
			case 'auth':
				if (message.status === 'ok') return this.accepted();
				if (message.error?.code === 'TOKEN_EXPIRED') return void this.renew();
				return this.lost(message.error?.message ?? 'Directus refused the session.');
			case 'subscription':
				if (message.event !== undefined && message.uid !== undefined) {
					this.subscriptions.get(message.uid)?.listener({ event: message.event, data: message.data ?? [] });
				}
				return;
			default:
				// A collection that this user may not read is refused: then there is nothing to follow.
		}
	}

	private accepted(): void {
		const fresh = this.current.name !== 'live';
		this.attempt = 0;
		this.become({ name: 'live' });
		// A renewed token keeps the subscriptions.
		if (fresh) for (const uid of this.subscriptions.keys()) this.request(uid);
	}

	private async renew(): Promise<void> {
		const token = await this.token().catch(() => null);
		if (token) this.send({ type: 'auth', access_token: token });
	}

	private request(uid: string): void {
		const { collection, query } = this.subscriptions.get(uid)!;
		this.send({ type: 'subscribe', collection, query, uid });
	}

	private send(message: object): void {
		if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
	}

	private lost(reason: string): void {
		if (this.closed) return;
		this.hangUp();
		const pause = Math.min(LONGEST_PAUSE_MS, 500 * 2 ** this.attempt++) * (0.5 + Math.random() / 2);
		clearTimeout(this.retry);
		this.retry = setTimeout(() => void this.open(), pause);
		this.become({ name: 'reconnecting', reason });
	}

	private hangUp(): void {
		clearTimeout(this.silence);
		const { socket } = this;
		this.socket = null;
		if (socket) {
			socket.onopen = socket.onmessage = socket.onclose = null;
			socket.close();
		}
	}

	private listenOrLeave(): void {
		clearTimeout(this.silence);
		this.silence = setTimeout(() => this.lost('Directus is silent; trying again.'), SILENCE_MS);
	}

	private hurry = (): void => {
		if (this.socket) return;
		clearTimeout(this.retry);
		void this.open();
	};

	private become(state: ChannelState): void {
		this.current = state;
		for (const watcher of [...this.watchers]) watcher(state);
	}
}

interface Message {
	type: string;
	status?: 'ok' | 'error';
	error?: { code: string; message: string };
	uid?: string;
	event?: Change['event'];
	data?: unknown[];
}
