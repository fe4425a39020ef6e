/** Checks the value of a run against the output schema of the run's caller. */
import { BorunaError } from "../vm/error.ts";
import type { JsonSchema, SchemaMismatch } from "../vm/json-schema/schema.ts";
import { valueToTypedJson } from "../vm/json/typed-json.ts";
import type { TypeDef } from "../vm/bytecode/module.ts";
import type { Type } from "../vm/value/type.ts";
import type { Value } from "../vm/value/value.ts";

/** The first part of a path into the program's value. */
const VALUE = "value";

/** The end of a run whose value does not match. */
export interface OutputError {
  readonly kind: "output_mismatch";
  readonly message: string;
  /** Where the value does not match, such as `value.items[3].price`. */
  readonly path: string;
  readonly stack: readonly never[];
  readonly step: number;
}

interface Ended {
  readonly value?: Value;
  readonly resultType?: Type;
  /** The steps of the run. An error reports the last one. */
  readonly steps: number;
}

/**
 * Returns why the value of a run does not match the schema, or undefined. The schema sees the value as typed JSON, with exact Ints. A
 * value that takes too many steps to check does not match. Throws the errors of `valueToTypedJson`.
 */
export function outputError({ value, resultType, steps }: Ended, schema: JsonSchema, types: readonly TypeDef[]): OutputError | undefined {
  if (value === undefined) return undefined;
  const found = mismatchOf(schema, valueToTypedJson(value, resultType, types));
  if (found === undefined) return undefined;
  return { kind: "output_mismatch", message: `${found.path}: ${found.message}`, path: found.path, stack: [], step: steps };
}

function mismatchOf(schema: JsonSchema, data: Parameters<JsonSchema["mismatchOf"]>[0]): SchemaMismatch | undefined {
  try {
    return schema.mismatchOf(data, VALUE);
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind !== "schema.budget") throw error;
    return { path: VALUE, message: error.message };
  }
}
