import assert from "node:assert/strict";
import test from "node:test";
import { Progress } from "../src/progress.ts";
import type { Told } from "../src/progress.ts";
import { alert, crossing, retraction, uuid } from "./examples.ts";

const ID = uuid(7);
const crossings = (...data: ReturnType<typeof crossing>[]): Told => ({ event: "crossings", data });
const retractions = (id: string): Told => ({ event: "retractions", data: [retraction(id)] });

test("what comes twice is told once; what has changed is told again", () => {
  const progress = new Progress();
  assert.deepEqual(progress.news(crossings(crossing(ID))), crossings(crossing(ID)));
  assert.equal(progress.news(crossings(crossing(ID))), null);
  const changed = crossing(ID, { status: "outside_window" });
  const other = crossing(uuid(8));
  assert.deepEqual(progress.news(crossings(crossing(ID), other)), crossings(other));
  assert.deepEqual(progress.news(crossings(changed)), crossings(changed));
  assert.deepEqual(progress.news(crossings(crossing(ID))), crossings(crossing(ID)));
});

test("a crossing that is found again after its retraction is told again", () => {
  const progress = new Progress();
  for (const update of [crossings(crossing(ID)), retractions(ID), crossings(crossing(ID)), retractions(ID)]) {
    assert.deepEqual(progress.news(update), update);
    assert.equal(progress.news(update), null);
  }
});

test("an alert is no crossing, even of the same id", () => {
  const progress = new Progress();
  progress.news(crossings(crossing(ID)));
  const raised: Told = { event: "alerts", data: [alert(ID)] };
  const closed: Told = { event: "alerts", data: [alert(ID, "closed")] };
  assert.deepEqual(progress.news(raised), raised);
  assert.equal(progress.news(crossings(crossing(ID))), null);
  assert.deepEqual(progress.news(closed), closed);
});

test("positions and states are told whatever came before, and empty ones too", () => {
  const progress = new Progress();
  for (const event of ["init", "init", "positions", "replay", "status"] as const) {
    assert.deepEqual(progress.news({ event, data: [] }), { event, data: [] });
  }
});

test("the last 4,096 are remembered", () => {
  const progress = new Progress();
  for (let n = 0; n <= 4096; n++) progress.news(crossings(crossing(uuid(n))));
  assert.equal(progress.news(crossings(crossing(uuid(1)))), null);
  assert.notEqual(progress.news(crossings(crossing(uuid(0)))), null);
});

test("a cursor counts when something else has come: the connection may break off before", () => {
  const progress = new Progress();
  assert.equal(progress.cursor, undefined);
  progress.see("1-1");
  assert.equal(progress.cursor, "1-1", "better than none");
  progress.see("2-2");
  assert.equal(progress.cursor, "1-1");
  progress.see(undefined);
  progress.see("2-2");
  assert.equal(progress.cursor, "1-1");
  progress.settle();
  assert.equal(progress.cursor, "2-2");
});

test("what a broken connection had not settled is no place to go on from later", () => {
  const progress = new Progress();
  progress.see("1-1");
  progress.see("2-2");
  progress.breakOff();
  progress.settle();
  assert.equal(progress.cursor, "1-1", "nothing was told yet");
  progress.see("3-3");
  assert.equal(progress.cursor, "1-1");
  progress.see("4-4");
  assert.equal(progress.cursor, "3-3");
});

test("where the hub says to go on counts for what it had begun to tell", () => {
  const [told, waiting] = [new Progress(), new Progress()];
  for (const progress of [told, waiting]) progress.see("1-1");
  waiting.breakOff();
  for (const progress of [told, waiting]) progress.goOnFrom("5-5");
  assert.deepEqual([told.cursor, waiting.cursor], ["5-5", "1-1"]);
  told.forget();
  assert.equal(told.cursor, undefined);
});
