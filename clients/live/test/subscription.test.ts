import assert from "node:assert/strict";
import test from "node:test";
import { LiveSubscriptionError } from "../src/index.ts";
import type { LiveUpdate } from "../src/index.ts";
import { Subscription } from "../src/subscription.ts";
import { A, position } from "./examples.ts";

function open(listener?: (update: LiveUpdate) => void) {
  const closed: string[] = [];
  const subscription = new Subscription("s1", { devices: [A] }, listener, () => closed.push("s1"));
  return { subscription, closed };
}

test("an iterator gives what came before and after it was asked", async () => {
  const { subscription } = open();
  const iterator = subscription[Symbol.asyncIterator]();
  subscription.deliver({ event: "init", data: [] });
  assert.deepEqual(await iterator.next(), { done: false, value: { event: "init", data: [] } });
  const next = iterator.next();
  subscription.deliver({ event: "positions", data: [position(A, 1)] });
  assert.equal((await next).value.event, "positions");
});

test("leaving the loop closes the subscription", async () => {
  const { subscription, closed } = open();
  setTimeout(() => subscription.deliver({ event: "init", data: [] }));
  for await (const update of subscription) {
    assert.equal(update.event, "init");
    break;
  }
  assert.deepEqual(closed, ["s1"]);
});

test("closing finishes the loop", async () => {
  const { subscription } = open();
  setTimeout(() => subscription.close());
  for await (const _ of subscription) assert.fail("nothing came");
});

test("a final error is thrown to the loop and told to the listener", async () => {
  const heard: LiveUpdate[] = [];
  const { subscription } = open((update) => heard.push(update));
  const error = { code: "LIVE_FORBIDDEN", message: "no" } as const;
  setTimeout(() => subscription.deliver({ event: "error", data: error, final: true }));
  await assert.rejects(
    async () => {
      for await (const _ of subscription) assert.fail("nothing came");
    },
    (thrown) => thrown instanceof LiveSubscriptionError && thrown.code === "LIVE_FORBIDDEN",
  );
  assert.deepEqual(heard, [{ event: "error", data: error, final: true }]);
});

test("an error that is not final leaves the loop waiting", async () => {
  const { subscription } = open();
  const next = subscription[Symbol.asyncIterator]().next();
  const data = { code: "LIVE_DIRECTUS_AWAY", message: "later" } as const;
  subscription.deliver({ event: "error", data, final: false });
  subscription.deliver({ event: "init", data: [] });
  assert.equal((await next).value.event, "init");
});

test("nothing is heard after closing", () => {
  const heard: LiveUpdate[] = [];
  const { subscription } = open((update) => heard.push(update));
  subscription.close();
  subscription.deliver({ event: "init", data: [] });
  assert.deepEqual(heard, []);
});
