import assert from "node:assert/strict";
import test from "node:test";
import { better, measured } from "../src/clock.ts";

test("the hub's clock is read in the middle of the round trip", () => {
  assert.deepEqual(measured(1_000, 5_050, 1_100), { offset_ms: 4_000, within_ms: 50 });
  assert.deepEqual(measured(1_000, 1_000, 1_000), { offset_ms: 0, within_ms: 0 });
});

test("no clock is made of a time that is none, nor when ours was set back", () => {
  assert.equal(measured(0, Number.NaN, 10), undefined);
  assert.equal(measured(10, 5, 0), undefined);
});

test("the sharper measurement counts, unless it can't be true any more", () => {
  const sharp = { offset_ms: 100, within_ms: 5 };
  const vague = { offset_ms: 140, within_ms: 200 };
  assert.equal(better(undefined, vague), vague);
  assert.equal(better(vague, sharp), sharp);
  assert.equal(better(sharp, vague), sharp);
  const set = { offset_ms: -3_600_000, within_ms: 200 };
  assert.equal(better(sharp, set), set);
});
