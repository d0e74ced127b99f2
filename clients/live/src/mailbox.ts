import type { LiveAlert, LiveCrossing, LiveError, LivePosition, LiveStatus, Retraction } from "./protocol.ts";

/** Something that a subscription brought; `P`: its positions, with the fields asked for. */
export type LiveData<P = LivePosition> =
  | { event: "init"; data: P[] }
  | { event: "replay"; data: P[] }
  | { event: "positions"; data: P[] }
  | { event: "crossings"; data: LiveCrossing[] }
  | { event: "retractions"; data: Retraction[] }
  | { event: "alerts"; data: LiveAlert[] }
  | { event: "status"; data: LiveStatus[] }
  /** This client's own: the hub can't tell what happened meanwhile. Read it through Directus; `init` follows. */
  | { event: "missed"; data: LiveError };

/** What of a position this needs to know. */
export type Placed = Pick<LivePosition, "device" | "time">;

/**
 * What waits for a reader that is slower than the hub: of each device the
 * latest position and state, and everything else, in order.
 */
export class Mailbox<P extends Placed = LivePosition> {
  /** What comes before everything else: up to and with a `missed`. */
  #first: LiveData<P>[] = [];
  #init = false;
  #positions = new Map<string, P>();
  #ordered: LiveData<P>[] = [];
  #statuses = new Map<string, LiveStatus>();

  put(update: LiveData<P>): void {
    switch (update.event) {
      case "init":
        this.#startAnew(true);
        return this.#move(update.data);
      case "positions":
        return this.#move(update.data);
      case "status":
        for (const status of update.data) this.#statuses.set(status.device, status);
        return;
      case "missed":
        // Whoever reads through Directus now must not be told older things afterwards.
        this.#first.push(...this.#ordered, update);
        this.#ordered = [];
        return this.#startAnew(false);
      default:
        return this.#append(update);
    }
  }

  take(): LiveData<P> | undefined {
    const first = this.#first.shift();
    if (first !== undefined) return first;
    if (this.#init) {
      this.#init = false;
      return { event: "init", data: emptied(this.#positions) };
    }
    // Positions never cease: they would keep back what must not be missed.
    const next = this.#ordered.shift();
    if (next !== undefined) return next;
    if (this.#statuses.size > 0) return { event: "status", data: emptied(this.#statuses) };
    if (this.#positions.size > 0) return { event: "positions", data: emptied(this.#positions) };
    return undefined;
  }

  #startAnew(init: boolean): void {
    this.#init = init;
    this.#positions.clear();
    this.#statuses.clear();
  }

  #move(positions: P[]): void {
    for (const position of positions) this.#positions.set(position.device, position);
  }

  /** A crossing and its retraction must not change places: only neighbours of a kind are put together. */
  #append(update: Exclude<LiveData<P>, { event: "missed" }>): void {
    const last = this.#ordered.at(-1);
    const data: unknown[] = update.data;
    if (last?.event === update.event) for (const one of data) (last.data as unknown[]).push(one);
    // A copy, for the listener has the array.
    else this.#ordered.push({ event: update.event, data: [...data] } as LiveData<P>);
  }
}

function emptied<V>(waiting: Map<string, V>): V[] {
  const data = [...waiting.values()];
  waiting.clear();
  return data;
}
