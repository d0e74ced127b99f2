import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { connect } from "../src/index.ts";
import type { ConnectOptions, LiveConnection, LiveUpdate, SubscribeOptions } from "../src/index.ts";
import { A, B, EVENT, ORGANIZATION, alert, crossing, position, retraction, status, uuid } from "./examples.ts";
import { Hub, Waiting } from "./hub.ts";

const FIRST = uuid(7);
const SECOND = uuid(8);

/** A hub and a client of it, for one test. */
async function both(t: TestContext, options: Partial<ConnectOptions> = {}): Promise<{ hub: Hub; live: LiveConnection }> {
  const hub = await Hub.open();
  const live = connect({ url: hub.url, token: () => "token", ...options });
  t.after(async () => {
    live.close();
    await hub.close();
  });
  return { hub, live };
}

function listen(live: LiveConnection, options?: SubscribeOptions): Waiting<LiveUpdate> {
  const heard = new Waiting<LiveUpdate>();
  live.subscribe({ event: EVENT }, (update) => heard.put(update), options);
  return heard;
}

/** Until the connection says so. */
function state<N extends LiveConnection["state"]["name"]>(live: LiveConnection, name: N) {
  return new Promise<Extract<LiveConnection["state"], { name: N }>>((resolve) => {
    live.onState((state) => {
      if (state.name === name) resolve(state as Extract<LiveConnection["state"], { name: N }>);
    });
  });
}

describe("what is said", () => {
  test("a token with the protocol, and topics as they were asked for", async (t) => {
    const { hub, live } = await both(t);
    live.subscribe({ organization: ORGANIZATION }, () => {}, {
      fields: ["lat", "lon"],
      min_interval_ms: 1_000,
      replay_s: 60,
    });
    live.subscribe({ devices: [A, B] }, () => {});
    const guest = await hub.guest();
    assert.deepEqual(await guest.hears("auth"), { type: "auth", access_token: "token", protocol: 1 });
    guest.letIn();
    const options = { fields: ["lat", "lon"], min_interval_ms: 1_000, replay_s: 60 };
    assert.deepEqual(await guest.hears("subscribe"), {
      type: "subscribe",
      uid: "s1",
      topic: { organization: ORGANIZATION },
      options,
    });
    const second = await guest.hears("subscribe");
    assert.deepEqual([second.uid, second.topic, second.resume], ["s2", { devices: [A, B] }, undefined]);
  });

  test("a ping is answered, and a subscription that is closed is ended", async (t) => {
    const { hub, live } = await both(t);
    const guest = await hub.member();
    guest.says({ type: "ping" });
    await guest.hears("pong");
    const subscription = live.subscribe({ event: EVENT });
    await guest.hears("subscribe");
    subscription.close();
    assert.deepEqual(await guest.hears("unsubscribe"), { type: "unsubscribe", uid: "s1" });
  });
});

describe("what is heard", () => {
  test("every event, to the listener and to the loop, without what is the connection's", async (t) => {
    const { hub, live } = await both(t);
    const heard = new Waiting<LiveUpdate>();
    const subscription = live.subscribe({ event: EVENT }, (update) => heard.put(update));
    const loop = subscription[Symbol.asyncIterator]();
    const guest = await hub.member();
    await guest.hears("subscribe");
    const updates = [
      { event: "init", data: [position(A, 1)] },
      { event: "status", data: [status(A, true)] },
      { event: "replay", data: [position(A, 0)] },
      { event: "crossings", data: [crossing(FIRST)] },
      { event: "retractions", data: [retraction(FIRST)] },
      { event: "alerts", data: [alert(SECOND)] },
      { event: "positions", data: [position(A, 2)] },
    ] as const;
    for (const { event, data } of updates) {
      guest.shows("s1", { event, data: [...data], cursor: "1-1" } as never);
      assert.deepEqual(await heard.next(event), { event, data });
      assert.deepEqual(await loop.next(), { done: false, value: { event, data } });
    }
  });

  test("that the client reads slowly is told as state", async (t) => {
    const { hub, live } = await both(t);
    const guest = await hub.member();
    guest.says({ type: "rate", interval_ms: 2_000 });
    await state(live, "live");
    while (!("interval_ms" in live.state)) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.deepEqual(live.state, { name: "live", interval_ms: 2_000 });
  });
});

describe("coming back", () => {
  test("it goes on from the cursor, without what it had been told, and asks for no replay", async (t) => {
    const { hub, live } = await both(t);
    const heard = listen(live, { replay_s: 60, min_interval_ms: 500 });
    let guest = await hub.member();
    assert.equal((await guest.hears("subscribe")).options?.replay_s, 60);
    guest.shows("s1", { event: "init", data: [], cursor: "5-50" });
    guest.shows("s1", { event: "crossings", data: [crossing(FIRST)], cursor: "6-60" });
    guest.says({ type: "ping" });
    await guest.hears("pong");
    guest.closes(1012, "the hub stops");

    guest = await hub.member();
    const again = await guest.hears("subscribe");
    assert.deepEqual(again, {
      type: "subscribe",
      uid: "s1",
      topic: { event: EVENT },
      options: { min_interval_ms: 500 },
      resume: "6-60",
    });
    guest.shows("s1", { event: "init", data: [position(A, 1)] });
    guest.shows("s1", { event: "crossings", data: [crossing(FIRST)], cursor: "7-70" });
    guest.shows("s1", { event: "retractions", data: [retraction(FIRST)], cursor: "7-70" });
    assert.deepEqual(await heard.next("init"), { event: "init", data: [] });
    assert.deepEqual(await heard.next("a crossing"), { event: "crossings", data: [crossing(FIRST)] });
    assert.equal((await heard.next("the second init")).event, "init");
    assert.deepEqual(await heard.next("a retraction"), { event: "retractions", data: [retraction(FIRST)] });
    assert.ok(heard.isEmpty);
  });

  test("messages that break off in between are asked for again", async (t) => {
    const { hub, live } = await both(t);
    const heard = listen(live);
    let guest = await hub.member();
    await guest.hears("subscribe");
    guest.shows("s1", { event: "init", data: [], cursor: "5-50" });
    // Crossings with this cursor were to follow.
    guest.shows("s1", { event: "positions", data: [position(A, 1)], cursor: "6-60" });
    await heard.next("init");
    await heard.next("positions");
    guest.closes(1012, "the hub stops");
    guest = await hub.member();
    assert.equal((await guest.hears("subscribe")).resume, "5-50");
  });

  test("a slow reader goes on from where the hub closed it", async (t) => {
    const { hub, live } = await both(t);
    listen(live);
    let guest = await hub.member();
    await guest.hears("subscribe");
    guest.shows("s1", { event: "init", data: [], cursor: "5-50" });
    const error = { code: "LIVE_BEHIND", message: "you read too slowly" } as const;
    guest.says({ type: "error", status: "error", error, cursor: "9-90" });
    guest.closes(4408, "LIVE_BEHIND");
    assert.deepEqual((await state(live, "reconnecting")).reason, error);
    guest = await hub.member();
    assert.equal((await guest.hears("subscribe")).resume, "9-90");
  });

  test("who was away too long is told that something is missing, and starts anew", async (t) => {
    const { hub, live } = await both(t);
    const heard = listen(live, { replay_s: 60 });
    let guest = await hub.member();
    await guest.hears("subscribe");
    guest.shows("s1", { event: "crossings", data: [crossing(FIRST)], cursor: "5-50" });
    await heard.next("a crossing");
    guest.closes(1012, "the hub stops");
    guest = await hub.member();
    assert.equal((await guest.hears("subscribe")).resume, "5-50");
    guest.shows("s1", { event: "init", data: [position(A, 1)] });
    const error = { code: "LIVE_CURSOR", message: "read it through Directus" } as const;
    guest.shows("s1", { event: "error", data: error });
    const anew = await guest.hears("subscribe");
    assert.deepEqual([anew.resume, anew.options], [undefined, {}]);
    guest.shows("s1", { event: "init", data: [position(A, 2)], cursor: "8-80" });
    // Whoever read through Directus is told what comes now, even if it was told once.
    guest.shows("s1", { event: "crossings", data: [crossing(FIRST)], cursor: "8-80" });
    assert.equal((await heard.next("init")).event, "init");
    assert.deepEqual(await heard.next("missed"), { event: "missed", data: error });
    assert.deepEqual(await heard.next("init"), { event: "init", data: [position(A, 2)] });
    assert.equal((await heard.next("crossings")).event, "crossings");
    // Now there is nothing that it could not go on from.
    guest.shows("s1", { event: "error", data: error });
    assert.deepEqual(await heard.next("error"), { event: "error", data: error, final: true });
  });

  test("a database that is away is asked again, from the same cursor", async (t) => {
    const { hub, live } = await both(t);
    const heard = listen(live);
    let guest = await hub.member();
    await guest.hears("subscribe");
    guest.shows("s1", { event: "init", data: [], cursor: "5-50" });
    await heard.next("init");
    guest.closes(1012, "the hub stops");
    guest = await hub.member();
    await guest.hears("subscribe");
    const data = { code: "LIVE_DATABASE_AWAY", message: "come again" } as const;
    guest.shows("s1", { event: "error", data });
    assert.deepEqual(await heard.next("the error"), { event: "error", data, final: false });
    assert.equal((await guest.hears("subscribe")).resume, "5-50");
  });
});

describe("tokens and clocks", () => {
  test("nobody who is logged in is no token, and asked for again", async (t) => {
    let asked = 0;
    const { hub, live } = await both(t, { token: async () => (++asked > 1 ? "token" : null) });
    const { reason } = await state(live, "reconnecting");
    assert.equal(reason.code, "TOKEN_UNAVAILABLE");
    assert.match(reason.message, /nobody is logged in/);
    await hub.member();
    await state(live, "live");
  });

  test("a hub of another protocol is not asked again", async (t) => {
    const { hub, live } = await both(t);
    const guest = await hub.guest();
    await guest.hears("auth");
    const error = { code: "LIVE_PROTOCOL", message: "this hub speaks protocol 2, not 1" } as const;
    guest.says({ type: "auth", status: "error", error });
    guest.closes(4400, "LIVE_PROTOCOL");
    assert.deepEqual((await state(live, "closed")).reason, error);
  });

  test("a provider that still gives the token that has ended is asked again, not all the time", async (t) => {
    const { hub } = await both(t);
    const guest = await hub.member();
    const error = { code: "LIVE_TOKEN_EXPIRED", message: "the token has ended" } as const;
    guest.says({ type: "auth", status: "error", error });
    await guest.hears("auth");
    guest.says({ type: "auth", status: "error", error });
    const before = Date.now();
    await guest.hears("auth");
    assert.ok(Date.now() - before > 900);
  });

  test("a listener may close the connection when it is there", async (t) => {
    const { hub, live } = await both(t);
    live.subscribe({ event: EVENT });
    live.onState(({ name }) => {
      if (name === "live") live.close();
    });
    const guest = await hub.member();
    await guest.gone;
    assert.equal(live.state.name, "closed");
  });

  test("the hub's clock is known, and a token renewed by it, whatever ours shows", async (t) => {
    const { hub, live } = await both(t);
    assert.equal(live.clock, undefined);
    const guest = await hub.guest();
    await guest.hears("auth");
    // The hub lives an hour ahead: by our clock this token would have an hour and three seconds.
    const time = Date.now() + 3_600_000;
    const iso = (ms: number) => new Date(ms).toISOString();
    guest.letIn({ time: iso(time), expires_at: iso(time + 3_000) });
    await state(live, "live");
    assert.ok(Math.abs(live.clock!.offset_ms - 3_600_000) <= live.clock!.within_ms + 50);
    assert.ok(Math.abs(live.now() - Date.now() - 3_600_000) < 1_000);
    const before = Date.now();
    await guest.hears("auth");
    assert.ok(Date.now() - before < 3_000);
  });
});
