import type { LiveCrossing, LivePosition } from "../src/index.ts";

export function position(device: string, lon: number): LivePosition {
  return {
    device,
    time: "2020-09-12T11:40:00.000Z",
    lat: 46,
    lon,
    altitude_m: null,
    speed_kmh: null,
    course_deg: null,
    faulty: false,
  };
}

export function crossing(id: string): LiveCrossing {
  return {
    id,
    organization: "o",
    event: "e",
    entry: null,
    device: "a",
    checkpoint: null,
    geofence: "g",
    direction: "enter",
    crossed_at: "2020-09-12T11:40:00.000Z",
  };
}
