import { Mailbox } from "./mailbox.ts";
import type { LiveData } from "./mailbox.ts";
import type { LiveError, Topic } from "./protocol.ts";

/** What a listener is called with. */
export type LiveUpdate =
  | LiveData
  /** Not final: it is being tried again. */
  | { event: "error"; data: LiveError; final: boolean };

/** A subscription that could not be made, or has ended. */
export class LiveSubscriptionError extends Error {
  readonly code: LiveError["code"];

  constructor(error: LiveError) {
    super(error.message);
    this.name = "LiveSubscriptionError";
    this.code = error.code;
  }
}

type Reader = { mailbox: Mailbox; wake: () => void };

/**
 * One topic, for as long as it is not closed: over reconnections too. Each
 * connection starts it with `init` anew.
 */
export class Subscription implements AsyncIterable<LiveData> {
  readonly uid: string;
  readonly topic: Topic;
  #listener: ((update: LiveUpdate) => void) | undefined;
  #readers = new Set<Reader>();
  #ended = false;
  #error: LiveSubscriptionError | undefined;
  #onClose: (subscription: Subscription) => void;

  constructor(
    uid: string,
    topic: Topic,
    listener: ((update: LiveUpdate) => void) | undefined,
    onClose: (subscription: Subscription) => void,
  ) {
    this.uid = uid;
    this.topic = topic;
    this.#listener = listener;
    this.#onClose = onClose;
  }

  /** Ends it; its iterators finish. */
  close(): void {
    if (this.#ended) return;
    this.end();
    this.#onClose(this);
  }

  /** Leaving the loop closes the subscription. A slow reader gets fewer positions, and every crossing. */
  [Symbol.asyncIterator](): AsyncIterator<LiveData> {
    const reader: Reader = { mailbox: new Mailbox(), wake: () => {} };
    this.#readers.add(reader);
    return {
      next: async () => {
        for (;;) {
          const value = reader.mailbox.take();
          if (value !== undefined) return { done: false, value };
          if (this.#error !== undefined) throw this.#error;
          if (this.#ended) return { done: true, value: undefined };
          await new Promise<void>((resolve) => {
            reader.wake = resolve;
          });
        }
      },
      return: async () => {
        this.#readers.delete(reader);
        this.close();
        return { done: true, value: undefined };
      },
    };
  }

  /** For the connection: something came. */
  deliver(update: LiveUpdate): void {
    if (this.#ended) return;
    if (update.event !== "error") {
      for (const reader of this.#readers) reader.mailbox.put(update);
    } else if (update.final) {
      this.#error = new LiveSubscriptionError(update.data);
    }
    try {
      this.#listener?.(update);
    } catch (error) {
      // The listener's own; it must not stop the others.
      queueMicrotask(() => {
        throw error;
      });
    }
    if (update.event === "error" && update.final) this.end();
    else this.#wake();
  }

  /** For the connection: no more will come. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  #wake(): void {
    for (const reader of this.#readers) reader.wake();
  }
}
