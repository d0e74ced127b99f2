// What the compiler has to know, checked by `npm run typecheck`; nothing runs.

import type { LiveConnection, LivePosition, LiveUpdate } from "../src/index.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_T extends true>() => {};

export async function narrowed(live: LiveConnection): Promise<void> {
  const fields = live.subscribe(
    { devices: ["…"] },
    (update) => {
      if (update.event !== "positions") return;
      const [first] = update.data;
      first?.device.at(0);
      first?.lat.toFixed();
      // @ts-expect-error not asked for
      first?.speed_kmh;
    },
    { fields: ["lat", "lon"] },
  );
  for await (const update of fields) {
    if (update.event !== "init") continue;
    type Keys = keyof (typeof update.data)[number];
    holds<Same<Keys, "device" | "time" | "lat" | "lon">>();
  }
  live.subscribe({ event: "…" }, (update: LiveUpdate) => update);
  for await (const update of live.subscribe({ organization: "…" })) {
    if (update.event === "replay") holds<Same<keyof (typeof update.data)[number], keyof LivePosition>>();
  }
  // @ts-expect-error no field of positions
  live.subscribe({ devices: ["…"] }, () => {}, { fields: ["imei"] });
}
