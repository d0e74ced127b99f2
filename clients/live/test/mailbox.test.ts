import assert from "node:assert/strict";
import test from "node:test";
import { Mailbox } from "../src/mailbox.ts";
import { crossing, position } from "./examples.ts";

test("of each device the latest position waits", () => {
  const mailbox = new Mailbox();
  mailbox.put({ event: "positions", data: [position("a", 1), position("b", 2)] });
  mailbox.put({ event: "positions", data: [position("a", 3)] });
  assert.deepEqual(mailbox.take(), { event: "positions", data: [position("a", 3), position("b", 2)] });
  assert.equal(mailbox.take(), undefined);
});

test("an init replaces what waited, and takes up what follows", () => {
  const mailbox = new Mailbox();
  mailbox.put({ event: "positions", data: [position("gone", 1)] });
  mailbox.put({ event: "init", data: [position("a", 2)] });
  mailbox.put({ event: "positions", data: [position("a", 3)] });
  assert.deepEqual(mailbox.take(), { event: "init", data: [position("a", 3)] });
  mailbox.put({ event: "positions", data: [position("a", 4)] });
  assert.equal(mailbox.take()?.event, "positions");
});

test("an empty init is told too", () => {
  const mailbox = new Mailbox();
  mailbox.put({ event: "init", data: [] });
  assert.deepEqual(mailbox.take(), { event: "init", data: [] });
});

test("no crossing is left out", () => {
  const mailbox = new Mailbox();
  for (let n = 0; n < 1000; n++) mailbox.put({ event: "crossings", data: [crossing(String(n))] });
  const taken = mailbox.take();
  assert.equal(taken?.event, "crossings");
  assert.deepEqual(taken?.data.length, 1000);
  assert.equal(mailbox.take(), undefined);
});
