import assert from "node:assert/strict";
import test from "node:test";
import { Mailbox } from "../src/mailbox.ts";
import { A, B, alert, crossing, position, retraction, status, uuid } from "./examples.ts";

test("of each device the latest position waits", () => {
  const mailbox = new Mailbox();
  mailbox.put({ event: "positions", data: [position(A, 1), position(B, 2)] });
  mailbox.put({ event: "positions", data: [position(A, 3)] });
  assert.deepEqual(mailbox.take(), { event: "positions", data: [position(A, 3), position(B, 2)] });
  assert.equal(mailbox.take(), undefined);
});

test("an init replaces what waited, and takes up what follows", () => {
  const mailbox = new Mailbox();
  mailbox.put({ event: "positions", data: [position(uuid(9), 1)] });
  mailbox.put({ event: "init", data: [position(A, 2)] });
  mailbox.put({ event: "positions", data: [position(A, 3)] });
  assert.deepEqual(mailbox.take(), { event: "init", data: [position(A, 3)] });
  mailbox.put({ event: "positions", data: [position(A, 4)] });
  assert.equal(mailbox.take()?.event, "positions");
});

test("an empty init is told too", () => {
  const mailbox = new Mailbox();
  mailbox.put({ event: "init", data: [] });
  assert.deepEqual(mailbox.take(), { event: "init", data: [] });
});

test("no crossing is left out", () => {
  const mailbox = new Mailbox();
  for (let n = 0; n < 1000; n++) mailbox.put({ event: "crossings", data: [crossing(uuid(n))] });
  const taken = mailbox.take();
  assert.equal(taken?.event, "crossings");
  assert.deepEqual(taken?.data.length, 1000);
  assert.equal(mailbox.take(), undefined);
});

test("events are told before positions, which never cease", () => {
  const mailbox = new Mailbox();
  mailbox.put({ event: "positions", data: [position(A, 1)] });
  mailbox.put({ event: "crossings", data: [crossing(uuid(7))] });
  mailbox.put({ event: "positions", data: [position(A, 2)] });
  assert.equal(mailbox.take()?.event, "crossings");
  assert.deepEqual(mailbox.take(), { event: "positions", data: [position(A, 2)] });
});

test("a crossing and its retraction keep their order; neighbours of a kind come together", () => {
  const mailbox = new Mailbox();
  mailbox.put({ event: "crossings", data: [crossing(uuid(7))] });
  mailbox.put({ event: "crossings", data: [crossing(uuid(8))] });
  mailbox.put({ event: "retractions", data: [retraction(uuid(7))] });
  mailbox.put({ event: "alerts", data: [alert(uuid(9))] });
  mailbox.put({ event: "crossings", data: [crossing(uuid(7))] });
  assert.deepEqual(mailbox.take(), { event: "crossings", data: [crossing(uuid(7)), crossing(uuid(8))] });
  assert.deepEqual(mailbox.take(), { event: "retractions", data: [retraction(uuid(7))] });
  assert.deepEqual(mailbox.take(), { event: "alerts", data: [alert(uuid(9))] });
  assert.deepEqual(mailbox.take(), { event: "crossings", data: [crossing(uuid(7))] });
  assert.equal(mailbox.take(), undefined);
});

test("what was put in stays as it was: the listener has it too", () => {
  const mailbox = new Mailbox();
  const data = [crossing(uuid(7))];
  mailbox.put({ event: "crossings", data });
  mailbox.put({ event: "crossings", data: [crossing(uuid(8))] });
  assert.equal(data.length, 1);
});

test("of each device the latest state waits", () => {
  const mailbox = new Mailbox();
  mailbox.put({ event: "status", data: [status(A, true), status(B, false)] });
  mailbox.put({ event: "status", data: [status(A, false)] });
  assert.deepEqual(mailbox.take(), { event: "status", data: [status(A, false), status(B, false)] });
  assert.equal(mailbox.take(), undefined);
});

test("a miss comes after what was told before it, and before the new init", () => {
  const mailbox = new Mailbox();
  const missed = { event: "missed", data: { code: "LIVE_CURSOR", message: "too long away" } } as const;
  mailbox.put({ event: "positions", data: [position(A, 1)] });
  mailbox.put({ event: "crossings", data: [crossing(uuid(7))] });
  mailbox.put(missed);
  mailbox.put({ event: "init", data: [position(A, 2)] });
  mailbox.put({ event: "alerts", data: [alert(uuid(9))] });
  assert.equal(mailbox.take()?.event, "crossings");
  assert.deepEqual(mailbox.take(), missed);
  assert.deepEqual(mailbox.take(), { event: "init", data: [position(A, 2)] });
  assert.equal(mailbox.take()?.event, "alerts");
  assert.equal(mailbox.take(), undefined);
});
