import type { LiveAlert, LiveCrossing, LivePosition, LiveStatus, Retraction } from "../src/index.ts";

/** UUIDs that can be told apart: `uuid(7)` ends with 7. */
export function uuid(n: number): string {
  return `00000000-0000-4000-8000-${String(n).padStart(12, "0")}`;
}

export const ORGANIZATION = uuid(100);
export const EVENT = uuid(101);
export const A = uuid(1);
export const B = uuid(2);

const TIME = "2020-09-12T11:40:00.000Z";

export function position(device: string, lon: number, more: Partial<LivePosition> = {}): LivePosition {
  return {
    device,
    time: TIME,
    lat: 46,
    lon,
    altitude_m: null,
    speed_kmh: null,
    course_deg: null,
    faulty: false,
    ...more,
  };
}

export function crossing(id: string, more: Partial<LiveCrossing> = {}): LiveCrossing {
  return {
    id,
    organization: ORGANIZATION,
    event: EVENT,
    entry: null,
    device: A,
    checkpoint: null,
    geofence: uuid(102),
    direction: "enter",
    crossed_at: TIME,
    status: "valid",
    ...more,
  };
}

export function retraction(id: string): Retraction {
  return { id, organization: ORGANIZATION, event: EVENT, device: A };
}

export function alert(id: string, status = "open"): LiveAlert {
  return {
    id,
    organization: ORGANIZATION,
    device: A,
    event: null,
    geofence: null,
    kind: "overspeed",
    severity: "warning",
    status,
    occurred_at: TIME,
    message: "Too fast.",
  };
}

export function status(device: string, connected: boolean): LiveStatus {
  return { device, connected, heard_at: TIME };
}
