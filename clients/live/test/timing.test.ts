import assert from "node:assert/strict";
import test from "node:test";
import { LONGEST_PAUSE, pauseBefore, renewalIn } from "../src/timing.ts";

test("pauses double, are spread by half, and have an end", () => {
  assert.deepEqual([1, 2, 3, 4].map((attempt) => pauseBefore(attempt, 1)), [500, 1000, 2000, 4000]);
  assert.equal(pauseBefore(1, 0), 250);
  for (const attempt of [8, 50, 1e9]) assert.equal(pauseBefore(attempt, 1), LONGEST_PAUSE);
});

test("a token is renewed before its end", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  assert.equal(renewalIn("2026-01-01T00:05:00.000Z", now), 270_000);
  assert.equal(renewalIn("2026-01-01T00:00:10.000Z", now), 8_000);
});

test("the end of a token that is as good as over is waited for: the hub gives notice", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  for (const end of ["2025-12-31T23:50:00.000Z", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:02.000Z"]) {
    assert.equal(renewalIn(end, now), null);
  }
  assert.equal(renewalIn("2026-01-01T00:00:02.500Z", now), 2_000);
});

test("a static token has no end, and one in the far future no timer that overflows", () => {
  assert.equal(renewalIn(undefined, 0), null);
  assert.equal(renewalIn("no date", 0), null);
  assert.equal(renewalIn("2100-01-01T00:00:00.000Z", 0), 2 ** 31 - 1);
});
