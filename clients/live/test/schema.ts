import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";

const file = new URL("../../../docs/live.schema.json", import.meta.url);
const { $defs } = JSON.parse(readFileSync(file, "utf8")) as { $defs: object };

const ajv = new Ajv2020({
  allErrors: true,
  // Rust's numbers: the schema has their bounds beside.
  formats: {
    uuid: /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/,
    "date-time": /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
    double: true,
    float: true,
    uint32: true,
  },
  allowUnionTypes: true,
});

const of = (name: string) => ajv.compile({ $ref: `#/$defs/${name}`, $defs });
const schemas = { client: of("ClientMessage"), hub: of("ServerMessage") };

/** Throws unless the protocol has such a message of that side. */
export function check<M>(side: keyof typeof schemas, message: M): M {
  const isValid = schemas[side];
  if (isValid(message)) return message;
  throw new Error(`${JSON.stringify(message)}: ${ajv.errorsText(isValid.errors)}`);
}
