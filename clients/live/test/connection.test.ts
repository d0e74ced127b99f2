import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import test from "node:test";
import { connect } from "../src/index.ts";
import type { LiveState } from "../src/index.ts";
import { A } from "./examples.ts";

/** An address where nobody listens. */
async function nowhere(): Promise<string> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `ws://127.0.0.1:${port}/live`;
}

async function until(seen: LiveState[], name: LiveState["name"]): Promise<LiveState> {
  for (;;) {
    const state = seen.find((state) => state.name === name);
    if (state !== undefined) return state;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("a hub that is not there is tried again, with a fresh token each time", async () => {
  let tokens = 0;
  const live = connect({ url: await nowhere(), token: () => `token ${++tokens}` });
  const seen: LiveState[] = [];
  live.onState((state) => seen.push(state));
  assert.deepEqual(seen, [{ name: "connecting" }]);
  const state = await until(seen, "reconnecting");
  assert.ok(state.name === "reconnecting" && state.attempt === 1);
  assert.equal(state.reason.code, "CONNECTION_LOST");
  while (tokens < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  live.close();
  assert.equal(live.state.name, "closed");
});

test("a token that can't be had is asked for again, and its error is told", async () => {
  const live = connect({ token: () => Promise.reject(new Error("logged out")) });
  const seen: LiveState[] = [];
  live.onState((state) => seen.push(state));
  const state = await until(seen, "reconnecting");
  assert.ok(state.name === "reconnecting");
  assert.deepEqual(state.reason, { code: "TOKEN_UNAVAILABLE", message: "Error: logged out" });
  live.close();
});

test("closing finishes every loop, those that begin later too", async () => {
  const live = connect({ url: await nowhere(), token: () => "token" });
  setTimeout(() => live.close(), 20);
  for await (const _ of live.subscribe({ devices: [A] })) assert.fail("nothing came");
  for await (const _ of live.subscribe({ devices: [A] })) assert.fail("nothing came");
  assert.deepEqual(live.state, {
    name: "closed",
    reason: { code: "CLOSED", message: "closed by this side" },
  });
});
