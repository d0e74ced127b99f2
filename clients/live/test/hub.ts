import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import type { WebSocket } from "ws";
import type { ClientMessage, ServerMessage } from "../src/index.ts";
import { check } from "./schema.ts";

/** A hub that says what a test tells it to; all that is said, on both sides, is checked by the schema. */
export class Hub {
  #server: WebSocketServer;
  #arrived = new Waiting<Guest>();

  static async open(): Promise<Hub> {
    const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
    await new Promise((resolve) => server.once("listening", resolve));
    return new Hub(server);
  }

  private constructor(server: WebSocketServer) {
    this.#server = server;
    server.on("connection", (socket) => this.#arrived.put(new Guest(socket)));
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/live`;
  }

  /** The next connection. */
  guest(): Promise<Guest> {
    return this.#arrived.next("a connection");
  }

  /** The next connection, let in. */
  async member(auth: Partial<Auth> = {}): Promise<Guest> {
    const guest = await this.guest();
    await guest.hears("auth");
    guest.letIn(auth);
    return guest;
  }

  async close(): Promise<void> {
    for (const socket of this.#server.clients) socket.terminate();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

type Auth = Extract<ServerMessage, { type: "auth" }>;
type Heard<T> = Extract<ClientMessage, { type: T }>;
/** Of each member of a union, without what the method adds. */
type Without<M, K extends string> = M extends unknown ? Omit<M, K> : never;
type Shown = Without<Extract<ServerMessage, { type: "subscription" }>, "type" | "uid">;

/** A client's connection, seen from the hub. */
export class Guest {
  #socket: WebSocket;
  #heard = new Waiting<ClientMessage>();
  readonly gone: Promise<void>;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on("message", (data) => this.#heard.put(check("client", JSON.parse(String(data)))));
    this.gone = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  /** The next message; fails if it is of another type. */
  async hears<T extends ClientMessage["type"]>(type: T): Promise<Heard<T>> {
    const message = await this.#heard.next(type);
    if (message.type !== type) throw new Error(`not ${type}: ${JSON.stringify(message)}`);
    return message as Heard<T>;
  }

  letIn(auth: Partial<Auth> = {}): void {
    this.says({ type: "auth", status: "ok", protocol: 1, ...auth });
  }

  says(message: ServerMessage): void {
    this.#socket.send(JSON.stringify(check("hub", message)));
  }

  shows(uid: string, shown: Shown): void {
    this.says({ type: "subscription", uid, ...shown } as ServerMessage);
  }

  closes(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }
}

/** What came and was not asked for yet. */
export class Waiting<T> {
  #items: T[] = [];
  #wake: (() => void) | undefined;

  put(item: T): void {
    this.#items.push(item);
    this.#wake?.();
  }

  async next(what: string, within = 10_000): Promise<T> {
    const deadline = Date.now() + within;
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) return item;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`did not come within ${within} ms: ${what}`);
      let timer: ReturnType<typeof setTimeout> | undefined;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
  }

  get isEmpty(): boolean {
    return this.#items.length === 0;
  }
}
