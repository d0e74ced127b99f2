import { better, measured } from "./clock.ts";
import type { HubClock } from "./clock.ts";
import { Progress } from "./progress.ts";
import type { Told } from "./progress.ts";
import type { ClientMessage, LiveError, Options, PositionField, ServerMessage, Topic } from "./protocol.ts";
import { Subscription } from "./subscription.ts";
import type { LiveUpdate, PositionWith, SubscribeOptions } from "./subscription.ts";
import { pauseBefore, renewalIn } from "./timing.ts";

/** A token, with what the endpoint `POST /biplane/live/token` says about it. */
export interface LiveToken {
  access_token: string;
  /** RFC 3339, or milliseconds; only the hub's word on it is used. */
  expires_at?: string | number;
  /** Where the hub is. */
  url?: string;
}

export interface ConnectOptions {
  /** `ws://` or `wss://`; may be left out when `token` brings it. */
  url?: string;
  /**
   * Asked at each connection, and again before the token ends. When it fails, or
   * gives `null` because nobody is logged in, it is asked again later.
   */
  token: () => Promise<string | LiveToken | null> | string | LiveToken | null;
}

/** Why a connection is not there: a code of the hub's, or what happened. */
export interface LiveReason {
  code: LiveError["code"] | "CLOSED" | "CONNECTION_LOST" | "TOKEN_UNAVAILABLE";
  message: string;
}

export type LiveState =
  | { name: "connecting" }
  /** `interval_ms`: this side reads slowly, and is told no more often. */
  | { name: "live"; interval_ms?: number }
  /** `retryAt`: milliseconds since the epoch, by this machine's clock. */
  | { name: "reconnecting"; attempt: number; retryAt: number; reason: LiveReason }
  | { name: "closed"; reason: LiveReason };

/** The protocol spoken here, of `crates/core/src/live.rs`. */
const PROTOCOL = 1;
/** From opening the socket to a confirmed token. */
const HANDSHAKE = 15_000;
/** The hub pings every 30 s; one that is silent for so long is gone. */
const SILENCE = 75_000;
/** A connection that lasted so long was a good one: the next pause is short again. */
const GOOD = 10_000;
/** A provider that still gives a token that has ended is not asked all the time. */
const SAME_TOKEN = 1_000;
/** Fresh tokens that may be refused in a row before it is a fact. */
const REFUSALS = 3;

type Active = {
  subscription: Subscription;
  /** As asked for at first. */
  options: Options;
  progress: Progress;
  /** Whether it was asked for from a cursor on. */
  resumes: boolean;
  /** Asked for on the present socket. */
  asked: boolean;
  retries: number;
  timer: Timer | undefined;
};
type Timer = ReturnType<typeof setTimeout>;

/** A connection to the hub that comes back by itself until it is closed. */
export class LiveConnection {
  #options: ConnectOptions;
  #state: LiveState = { name: "connecting" };
  #stateListeners = new Set<(state: LiveState) => void>();
  #subscriptions = new Map<string, Active>();
  #lastUid = 0;
  #socket: WebSocket | undefined;
  /** Counts sockets: what an older one, or a token asked for it, brings is void. */
  #generation = 0;
  #attempt = 0;
  #refusals = 0;
  #authenticated = false;
  #liveSince = 0;
  #error: LiveError | undefined;
  #clock: HubClock | undefined;
  /** When the token was sent that the hub has not answered yet. */
  #authSentAt: number | undefined;
  #timers = new Map<"retry" | "handshake" | "silence" | "renewal", Timer>();
  #online = () => this.#retryNow();

  constructor(options: ConnectOptions) {
    this.#options = options;
    (globalThis as Partial<EventTarget>).addEventListener?.("online", this.#online);
    void this.#open();
  }

  get state(): LiveState {
    return this.#state;
  }

  /** The hub's clock, measured when it lets us in; `undefined` before. */
  get clock(): HubClock | undefined {
    return this.#clock;
  }

  /** What the hub's clock shows, as far as it is known: milliseconds since the epoch. */
  now(): number {
    return Date.now() + (this.#clock?.offset_ms ?? 0);
  }

  /** Calls the listener now and at each change; returns what ends that. */
  onState(listener: (state: LiveState) => void): () => void {
    this.#stateListeners.add(listener);
    listener(this.#state);
    return () => this.#stateListeners.delete(listener);
  }

  /**
   * Shows a topic, from now on or from when the connection is there. Without a
   * listener, iterate over what is returned.
   */
  subscribe<F extends PositionField = PositionField>(
    topic: Topic,
    listener?: (update: LiveUpdate<PositionWith<F>>) => void,
    options?: SubscribeOptions<F>,
  ): Subscription<PositionWith<F>> {
    const uid = `s${++this.#lastUid}`;
    const subscription = new Subscription<PositionWith<F>>(uid, topic, listener, () =>
      this.#unsubscribe(uid),
    );
    if (this.#state.name === "closed") {
      subscription.end();
      return subscription;
    }
    const active: Active = {
      // The hub leaves out the fields that `options` does.
      subscription: subscription as unknown as Subscription,
      options: copied(options),
      progress: new Progress(),
      resumes: false,
      asked: false,
      retries: 0,
      timer: undefined,
    };
    this.#subscriptions.set(uid, active);
    this.#ask(active);
    return subscription;
  }

  /** Ends the connection and all subscriptions. */
  close(): void {
    this.#close({ code: "CLOSED", message: "closed by this side" });
  }

  async #open(): Promise<void> {
    const generation = ++this.#generation;
    this.#authenticated = false;
    this.#error = undefined;
    let token: LiveToken;
    let socket: WebSocket;
    try {
      token = await this.#token();
      if (generation !== this.#generation) return;
      const url = this.#options.url ?? token.url;
      if (url === undefined) throw new Error("neither connect() nor token() says where the hub is");
      socket = new WebSocket(url);
    } catch (error) {
      if (generation !== this.#generation) return;
      this.#retry({ code: "TOKEN_UNAVAILABLE", message: String(error) });
      return;
    }
    this.#socket = socket;
    this.#set("handshake", HANDSHAKE, () =>
      this.#lost(generation, "the hub did not let us in within 15 s"),
    );
    socket.onopen = () => this.#sendToken(token);
    socket.onmessage = ({ data }) => {
      if (generation !== this.#generation) return;
      this.#set("silence", SILENCE, () => this.#lost(generation, "the hub is silent"));
      this.#receive(data);
    };
    socket.onclose = ({ reason }) => this.#lost(generation, reason);
    // Node tells a connection that could not be made by this alone.
    socket.onerror = () => this.#lost(generation, "the hub can't be reached");
  }

  async #token(): Promise<LiveToken> {
    const token = await this.#options.token();
    if (token === null) throw new Error("token() gives none: nobody is logged in");
    return typeof token === "string" ? { access_token: token } : token;
  }

  #receive(data: unknown): void {
    let message: ServerMessage;
    try {
      message = JSON.parse(String(data)) as ServerMessage;
    } catch {
      return;
    }
    if (message.type !== "subscription") {
      for (const { progress } of this.#subscriptions.values()) progress.settle();
    }
    switch (message.type) {
      case "ping":
        return this.#send({ type: "pong" });
      case "auth": {
        const isAnswer = this.#authSentAt !== undefined;
        this.#setClock(message.time);
        if (message.status === "ok") return this.#accepted(message.expires_at);
        // One that is let in already keeps its token until the end, which the hub announces.
        if (!this.#authenticated) this.#error = message.error;
        else if (message.error?.code === "LIVE_TOKEN_EXPIRED") {
          this.#set("renewal", isAnswer ? SAME_TOKEN : 0, () => void this.#renew());
        }
        return;
      }
      case "subscription": {
        const active = this.#subscriptions.get(message.uid ?? "");
        if (active === undefined) return;
        if (message.event === "error") return this.#refused(active, message.data);
        if (message.cursor !== undefined) active.retries = 0;
        active.progress.see(message.cursor);
        return this.#deliver(active, message);
      }
      case "rate":
        if (this.#authenticated) this.#become({ name: "live", interval_ms: message.interval_ms });
        return;
      case "error":
        // Any other complaint is not the end.
        if (message.error.code === "LIVE_BEHIND") this.#behind(message.error, message.cursor);
        return;
      default:
    }
  }

  #accepted(expiresAt: string | undefined): void {
    this.#clear("handshake");
    this.#error = undefined;
    this.#refusals = 0;
    if (!this.#authenticated) {
      this.#authenticated = true;
      this.#liveSince = Date.now();
      this.#become({ name: "live" });
      // A listener may have closed it.
      if (!this.#authenticated) return;
    }
    const renewal = renewalIn(expiresAt, this.now());
    if (renewal === null) this.#clear("renewal");
    else this.#set("renewal", renewal, () => void this.#renew());
    for (const active of this.#subscriptions.values()) this.#ask(active);
  }

  async #renew(): Promise<void> {
    const generation = this.#generation;
    this.#clear("renewal");
    try {
      const token = await this.#token();
      if (generation === this.#generation) this.#sendToken(token);
    } catch {
      // The token in use goes on; the hub gives notice when it ends, and asks once more.
    }
  }

  #sendToken({ access_token }: LiveToken): void {
    this.#authSentAt ??= Date.now();
    this.#send({ type: "auth", access_token, protocol: PROTOCOL });
  }

  #setClock(time: string | undefined): void {
    const asked = this.#authSentAt;
    this.#authSentAt = undefined;
    if (asked === undefined || time === undefined) return;
    const fresh = measured(asked, Date.parse(time), Date.now());
    if (fresh !== undefined) this.#clock = better(this.#authenticated ? this.#clock : undefined, fresh);
  }

  /** From where it was; what its options want of the past only as long as there is no such place. */
  #ask(active: Active): void {
    const { subscription, options, progress } = active;
    const { uid, topic } = subscription;
    if (!this.#authenticated || active.asked || active.timer !== undefined) return;
    if (this.#subscriptions.get(uid) !== active) return;
    const resume = progress.cursor;
    const { replay_s, ...others } = options;
    active.asked = true;
    active.resumes = resume !== undefined;
    this.#send({
      type: "subscribe",
      uid,
      topic,
      ...(resume === undefined ? { options } : { options: others, resume }),
    });
  }

  #deliver({ subscription, progress }: Active, update: Told): void {
    const news = progress.news(update);
    if (news !== null) subscription.deliver(news);
  }

  #behind(error: LiveError, cursor: string | undefined): void {
    this.#error = error;
    if (cursor === undefined) return;
    for (const { progress } of this.#subscriptions.values()) progress.goOnFrom(cursor);
  }

  #refused(active: Active, error: LiveError): void {
    active.asked = false;
    active.progress.breakOff();
    const { subscription } = active;
    switch (error.code) {
      case "LIVE_DIRECTUS_AWAY":
      case "LIVE_DATABASE_AWAY":
        active.timer = setTimeout(
          () => {
            active.timer = undefined;
            this.#ask(active);
          },
          pauseBefore(++active.retries + 2, Math.random()),
        );
        return subscription.deliver({ event: "error", data: error, final: false });
      case "LIVE_CURSOR":
        if (!active.resumes) break;
        active.progress.forget();
        delete active.options.replay_s;
        subscription.deliver({ event: "missed", data: error });
        return this.#ask(active);
      case "LIVE_UNAUTHORIZED":
      case "LIVE_TOKEN_EXPIRED":
        // Asked again when a fresh token was accepted.
        return subscription.deliver({ event: "error", data: error, final: false });
      default:
    }
    this.#subscriptions.delete(subscription.uid);
    subscription.deliver({ event: "error", data: error, final: true });
  }

  #unsubscribe(uid: string): void {
    const active = this.#subscriptions.get(uid);
    if (active === undefined) return;
    this.#subscriptions.delete(uid);
    clearTimeout(active.timer);
    if (active.asked && this.#authenticated) this.#send({ type: "unsubscribe", uid });
  }

  #lost(generation: number, why: string): void {
    if (generation !== this.#generation) return;
    const refused = this.#error?.code === "LIVE_UNAUTHORIZED";
    const reason: LiveReason = this.#error ?? {
      code: why.startsWith("LIVE_") ? (why as LiveError["code"]) : "CONNECTION_LOST",
      message: why || "the connection was lost",
    };
    if (this.#authenticated && Date.now() - this.#liveSince >= GOOD) this.#attempt = 0;
    // Another protocol will not be spoken by trying again.
    if (reason.code === "LIVE_PROTOCOL") return this.#close(reason);
    if (refused && ++this.#refusals >= REFUSALS) return this.#close(reason);
    this.#retry(reason);
  }

  #retry(reason: LiveReason): void {
    this.#hangUp();
    const pause = pauseBefore(++this.#attempt, Math.random());
    this.#set("retry", pause, () => void this.#open());
    const retryAt = Date.now() + pause;
    this.#become({ name: "reconnecting", attempt: this.#attempt, retryAt, reason });
  }

  #retryNow(): void {
    if (!this.#timers.has("retry")) return;
    this.#clear("retry");
    void this.#open();
  }

  #close(reason: LiveReason): void {
    if (this.#state.name === "closed") return;
    this.#hangUp();
    (globalThis as Partial<EventTarget>).removeEventListener?.("online", this.#online);
    const subscriptions = [...this.#subscriptions.values()];
    this.#subscriptions.clear();
    this.#become({ name: "closed", reason });
    for (const { subscription, timer } of subscriptions) {
      clearTimeout(timer);
      subscription.end();
    }
  }

  /** Leaves the present socket, whatever it still brings. */
  #hangUp(): void {
    this.#generation++;
    this.#authenticated = false;
    this.#authSentAt = undefined;
    for (const name of [...this.#timers.keys()]) this.#clear(name);
    for (const active of this.#subscriptions.values()) {
      active.asked = false;
      active.progress.breakOff();
    }
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket !== undefined) {
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
      socket.close();
    }
  }

  #send(message: ClientMessage): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #become(state: LiveState): void {
    this.#state = state;
    for (const listener of [...this.#stateListeners]) listener(state);
  }

  #set(name: "retry" | "handshake" | "silence" | "renewal", after: number, then: () => void): void {
    this.#clear(name);
    const timer = setTimeout(() => {
      this.#timers.delete(name);
      then();
    }, after);
    this.#timers.set(name, timer);
  }

  #clear(name: "retry" | "handshake" | "silence" | "renewal"): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}

/** Not to be changed by whoever gave it. */
function copied<F extends PositionField>({ fields, ...others }: SubscribeOptions<F> = {}): Options {
  return fields === undefined ? others : { ...others, fields: [...fields] };
}
