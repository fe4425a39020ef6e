/**
 * Checks a model's answer against the JSON Schema that the program gives. The program is not trusted, so size and depth of the schema are
 * limited. A keyword that `mismatchOf` does not check is an error (docs/internals/adr/033-llm-call.md).
 */
import { BorunaError } from "../../vm/error.ts";
import { isJsonArray, isJsonObject, type JsonData } from "../../vm/json/json.ts";
import { readSchema, SCHEMA_LIMITS, type SchemaLimits } from "../../vm/json-schema/schema.ts";
import { CapabilityFailure } from "../handlers.ts";

/** A schema that was read. */
export interface AnswerSchema {
  /** Whether every object has `"additionalProperties": false` and requires all its properties. OpenAI's strict mode needs both. */
  readonly strict: boolean;
  /** Returns the first mismatch, such as `answer.mood: expected one of "good", "bad"`, or undefined. Throws `CapabilityFailure` if checking takes too long. */
  mismatchOf(answer: JsonData): string | undefined;
}

/** With these limits, checking an answer takes less than a second. */
export const ANSWER_SCHEMA_LIMITS: SchemaLimits = { ...SCHEMA_LIMITS, bytes: 65_536, depth: 32 };

/** Reads a schema. Throws `CapabilityFailure`, naming the place of a mistake. */
export function readAnswerSchema(data: JsonData): AnswerSchema {
  if (!isJsonObject(data)) throw new CapabilityFailure("options.schema: expected a schema, which is an object");
  const schema = asFailure(() => readSchema(data, { name: "options.schema", limits: ANSWER_SCHEMA_LIMITS, refuseUnknown: true }));
  return {
    strict: schema.schemas.every(isStrict),
    mismatchOf: (answer) => {
      const found = asFailure(() => schema.mismatchOf(answer, "answer"));
      return found === undefined ? undefined : `${found.path}: ${found.message}`;
    },
  };
}

/** Runs `body`. Turns an error about the program's schema into a `CapabilityFailure`. */
function asFailure<T>(body: () => T): T {
  try {
    return body();
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
    const message = error.kind === "schema.budget" ? "checking the model's answer against options.schema takes too long" : error.message;
    throw new CapabilityFailure(error.hint === undefined ? message : `${message}; ${error.hint}`);
  }
}

/** For a schema of objects: whether it requires all properties that it names, and allows no others. For any other schema: true. */
function isStrict(schema: ReadonlyMap<string, JsonData>): boolean {
  const type = schema.get("type") ?? null;
  const properties = schema.get("properties") ?? null;
  const isObject = type === "object" || (isJsonArray(type) && type.includes("object")) || isJsonObject(properties);
  if (!isObject) return true;
  const required = schema.get("required") ?? null;
  const names = isJsonObject(properties) ? [...properties.keys()] : [];
  return schema.get("additionalProperties") === false && names.every((name) => isJsonArray(required) && required.includes(name));
}
