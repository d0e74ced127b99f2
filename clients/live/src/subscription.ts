import { Mailbox } from "./mailbox.ts";
import type { LiveData, Placed } from "./mailbox.ts";
import type { LiveError, LivePosition, Options, PositionField, Topic } from "./protocol.ts";

/** How a subscription shows its topic: see `Options` of the protocol. */
export interface SubscribeOptions<F extends PositionField = PositionField> extends Omit<Options, "fields"> {
  /** Of positions, besides `device` and `time`; left out: all. */
  fields?: readonly F[];
}

/** A position with these fields. */
export type PositionWith<F extends PositionField> = Pick<LivePosition, "device" | "time" | F>;

/** What a listener is called with. */
export type LiveUpdate<P = LivePosition> =
  | LiveData<P>
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

type Reader<P extends Placed> = { mailbox: Mailbox<P>; wake: () => void };

/**
 * One topic, for as long as it is not closed: over reconnections too. Each
 * connection starts it with `init` anew, and with what was missed since the last.
 */
export class Subscription<P extends Placed = LivePosition> implements AsyncIterable<LiveData<P>> {
  readonly uid: string;
  readonly topic: Topic;
  #listener: ((update: LiveUpdate<P>) => void) | undefined;
  #readers = new Set<Reader<P>>();
  #ended = false;
  #error: LiveSubscriptionError | undefined;
  #onClose: () => void;

  constructor(
    uid: string,
    topic: Topic,
    listener: ((update: LiveUpdate<P>) => void) | undefined,
    onClose: () => void,
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
    this.#onClose();
  }

  /** Leaving the loop closes the subscription. A slow reader gets fewer positions, and everything else. */
  [Symbol.asyncIterator](): AsyncIterator<LiveData<P>> {
    const reader: Reader<P> = { mailbox: new Mailbox<P>(), wake: () => {} };
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
  deliver(update: LiveUpdate<P>): void {
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
