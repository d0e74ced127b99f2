// What the hub's clock shows, as plain functions of what was measured.

/** The hub's clock, as seen from here. */
export interface HubClock {
  /** How far it is ahead of ours, in milliseconds. */
  offset_ms: number;
  /** How wrong that can be, in milliseconds: half of the round trip. */
  within_ms: number;
}

/**
 * From one question and its answer, in milliseconds: `time` was on the hub's
 * clock in the middle, as far as one can know.
 */
export function measured(asked: number, time: number, answered: number): HubClock | undefined {
  const within_ms = (answered - asked) / 2;
  // Our clock was set meanwhile, or the hub tells none.
  if (!(within_ms >= 0) || Number.isNaN(time)) return undefined;
  return { offset_ms: time - (asked + within_ms), within_ms };
}

/** The better of two: the sharper one, unless it can't be true any more. */
export function better(known: HubClock | undefined, fresh: HubClock): HubClock {
  if (known === undefined || fresh.within_ms <= known.within_ms) return fresh;
  const apart = Math.abs(fresh.offset_ms - known.offset_ms);
  return apart > fresh.within_ms + known.within_ms ? fresh : known;
}
