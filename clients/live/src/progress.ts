import type { Cursor, SubscriptionEvent } from "./protocol.ts";

/** What a subscription is told. */
export type Told = Exclude<SubscriptionEvent, { event: "error" }>;

/** So many crossings and alerts are remembered. */
const REMEMBERED = 4_096;

/** How far a subscription has been told: where to go on, and what may be told twice then. */
export class Progress {
  /** The last cursor of a connection that is over, or all of whose messages have come. */
  #settled: Cursor | undefined;
  /** The last one that came; more messages with it may follow. */
  #latest: Cursor | undefined;
  /** Whether a cursor has come since it was asked for. */
  #isUnderWay = false;
  /** What was told last of each crossing and alert; oldest first. */
  #told = new Map<string, string>();

  /** What to give back as `resume`. */
  get cursor(): Cursor | undefined {
    return this.#settled ?? this.#latest;
  }

  /** No more comes until the subscription is asked for again, from `cursor` on. */
  breakOff(): void {
    this.#latest = this.cursor;
    this.#isUnderWay = false;
  }

  /**
   * A message came. All that the hub sends at a time carries the same cursor,
   * crossings after positions; when the connection breaks off in between, going
   * on from it would miss those. So it counts when something else has come.
   */
  see(cursor: Cursor | undefined): void {
    if (cursor === undefined) return;
    this.#isUnderWay = true;
    if (cursor === this.#latest) return;
    this.#settled = this.#latest;
    this.#latest = cursor;
  }

  /** Something came that is of no subscription: what was sent before it is complete. */
  settle(): void {
    if (this.#isUnderWay) this.#settled = this.#latest;
  }

  /** The hub said where to go on. A subscription that it had not begun to tell goes on from its own. */
  goOnFrom(cursor: Cursor): void {
    if (this.#isUnderWay) this.#settled = this.#latest = cursor;
  }

  /** The hub can't go on from there. */
  forget(): void {
    this.#settled = this.#latest = undefined;
    this.#isUnderWay = false;
    this.#told.clear();
  }

  /**
   * An update without what was told already; `null` when nothing is left of it.
   *
   * Only what was told last of an id makes it a repetition: a crossing that was
   * retracted and is found again has the id and the content that it had.
   */
  news({ event, data }: Told): Told | null {
    if (event !== "crossings" && event !== "retractions" && event !== "alerts") return { event, data } as Told;
    const about = event === "alerts" ? "alert" : "crossing";
    const news = (data as { id: string }[]).filter((one) => this.#isNews(about, event, one));
    return news.length > 0 ? ({ event, data: news } as Told) : null;
  }

  #isNews(about: string, event: string, item: { id: string }): boolean {
    const key = `${about} ${item.id}`;
    const text = `${event} ${JSON.stringify(item)}`;
    if (this.#told.get(key) === text) return false;
    // To the end of the queue.
    this.#told.delete(key);
    this.#told.set(key, text);
    if (this.#told.size > REMEMBERED) {
      const [oldest] = this.#told.keys();
      this.#told.delete(oldest!);
    }
    return true;
  }
}
