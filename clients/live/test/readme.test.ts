import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { check } from "./schema.ts";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
const said = (mark: string) =>
  readme
    .split("\n")
    .filter((line) => line.startsWith(`${mark} {`))
    .map((line) => JSON.parse(line.slice(2)) as { type: string; event?: string });

test("what the README says of the protocol is what the schema says", () => {
  for (const message of said(">")) check("client", message);
  for (const message of said("<")) check("hub", message);
});

test("the README has every message and every event", () => {
  const types = (mark: string) => [...new Set(said(mark).map(({ type }) => type))].sort();
  assert.deepEqual(types(">"), ["auth", "ping", "pong", "subscribe", "unsubscribe"]);
  assert.deepEqual(types("<"), ["auth", "error", "ping", "pong", "rate", "subscription"]);
  const events = new Set(said("<").flatMap(({ event }) => event ?? []));
  const all = ["alerts", "crossings", "error", "init", "positions", "replay", "retractions", "status"];
  assert.deepEqual([...events].sort(), all);
});

test("a message that the protocol does not have is refused", () => {
  assert.throws(() => check("client", { type: "launch" }));
  assert.throws(() => check("client", { type: "subscribe", uid: "a", topic: { event: "none" } }));
  assert.throws(() => check("hub", { type: "subscription", uid: "a", event: "crossings", data: [{}] }));
});
