import type { LiveCrossing, LivePosition } from "./protocol.ts";

/** Something that a subscription brought. */
export type LiveData =
  | { event: "init"; data: LivePosition[] }
  | { event: "positions"; data: LivePosition[] }
  | { event: "crossings"; data: LiveCrossing[] };

/**
 * What waits for a reader that is slower than the hub: of each device the
 * latest position, and every crossing.
 */
export class Mailbox {
  #init = false;
  #positions = new Map<string, LivePosition>();
  #crossings: LiveCrossing[] = [];

  put(update: LiveData): void {
    if (update.event === "crossings") {
      this.#crossings.push(...update.data);
      return;
    }
    if (update.event === "init") {
      this.#init = true;
      this.#positions.clear();
    }
    for (const position of update.data) this.#positions.set(position.device, position);
  }

  take(): LiveData | undefined {
    if (this.#init || this.#positions.size > 0) {
      const event = this.#init ? "init" : "positions";
      const data = [...this.#positions.values()];
      this.#init = false;
      this.#positions.clear();
      return { event, data };
    }
    if (this.#crossings.length > 0) {
      const data = this.#crossings;
      this.#crossings = [];
      return { event: "crossings", data };
    }
    return undefined;
  }
}
