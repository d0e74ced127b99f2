import { LiveConnection } from "./connection.ts";
import type { ConnectOptions } from "./connection.ts";

/** Connects to the live channel, and stays connected until `close()`. */
export function connect(options: ConnectOptions): LiveConnection {
  return new LiveConnection(options);
}

export type { HubClock } from "./clock.ts";
export type { ConnectOptions, LiveConnection, LiveReason, LiveState, LiveToken } from "./connection.ts";
export type { LiveData } from "./mailbox.ts";
export type { LiveUpdate, PositionWith, SubscribeOptions, Subscription } from "./subscription.ts";
export { LiveSubscriptionError } from "./subscription.ts";
export type * from "./protocol.ts";
