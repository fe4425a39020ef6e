/** Readers for the fields of decoded JSON: strict about types, with errors that name the field. `what` is that name, such as `end.steps`. */
import { BorunaError } from "../../vm/error.ts";
import { isJsonArray, isJsonObject, type JsonData } from "../../vm/json/json.ts";

export type JsonObject = ReadonlyMap<string, JsonData>;

/** A JSON object with the given fields in order; undefined fields are left out. */
export function jsonObject(fields: Readonly<Record<string, JsonData | undefined>>): JsonObject {
  const object = new Map<string, JsonData>();
  for (const [name, data] of Object.entries(fields)) if (data !== undefined) object.set(name, data);
  return object;
}

const wrong = (what: string, expected: string): never => {
  throw new BorunaError("log.form", `${what}: expected ${expected}`);
};

/** This reader and those below throw `log.form`. */
export function objectOf(data: JsonData | undefined, what: string): JsonObject {
  return data !== undefined && isJsonObject(data) ? data : wrong(what, "an object");
}

export function arrayOf(data: JsonData | undefined, what: string): readonly JsonData[] {
  return data !== undefined && isJsonArray(data) ? data : wrong(what, "an array");
}

export function textOf(data: JsonData | undefined, what: string): string {
  return typeof data === "string" ? data : wrong(what, "a string");
}

/** A whole number from 0 to 2^53 - 1. */
export function countOf(data: JsonData | undefined, what: string): number {
  return typeof data === "number" && Number.isSafeInteger(data) && data >= 0 ? data : wrong(what, "a whole number");
}

export function flagOf(data: JsonData | undefined, what: string): boolean {
  return typeof data === "boolean" ? data : wrong(what, "true or false");
}

/** A SHA-256: 64 lower-case hexadecimal digits. */
export function digestOf(data: JsonData | undefined, what: string): string {
  return typeof data === "string" && /^[0-9a-f]{64}$/.test(data) ? data : wrong(what, "64 lower-case hexadecimal digits");
}

/** A SHA-256 with the prefix `sha256:`. */
export function prefixedDigestOf(data: JsonData | undefined, what: string): string {
  return typeof data === "string" && /^sha256:[0-9a-f]{64}$/.test(data)
    ? data
    : wrong(what, "sha256: and 64 lower-case hexadecimal digits");
}

/** Refuses unknown fields: one from a newer version may change what the known ones mean. */
export function onlyFields(object: JsonObject, known: readonly string[], what: string): void {
  for (const name of object.keys()) {
    if (!known.includes(name)) {
      throw new BorunaError("log.form", `${what}: unknown field ${JSON.stringify(name.slice(0, 80))}`, {
        hint: "The log may be of a newer version of boruna.",
      });
    }
  }
}
