/** Reads fields of decoded JSON and checks their types. `fieldName` is the name of the field for error messages, such as `end.steps`. */
import { BorunaError } from "../../vm/error.ts";
import { isJsonArray, isJsonObject, type JsonData } from "../../vm/json/json.ts";

export type JsonObject = ReadonlyMap<string, JsonData>;

/** Returns a JSON object with the given fields, in the same order. Omits undefined fields. */
export function jsonObject(fields: Readonly<Record<string, JsonData | undefined>>): JsonObject {
  const object = new Map<string, JsonData>();
  for (const [name, data] of Object.entries(fields)) if (data !== undefined) object.set(name, data);
  return object;
}

const throwFormError = (fieldName: string, expected: string): never => {
  throw new BorunaError("log.form", `${fieldName}: expected ${expected}`);
};

/** Returns the data, which must be an object. Like all functions below, throws `log.form` if the data has another type. */
export function objectOf(data: JsonData | undefined, fieldName: string): JsonObject {
  return data !== undefined && isJsonObject(data) ? data : throwFormError(fieldName, "an object");
}

export function arrayOf(data: JsonData | undefined, fieldName: string): readonly JsonData[] {
  return data !== undefined && isJsonArray(data) ? data : throwFormError(fieldName, "an array");
}

export function textOf(data: JsonData | undefined, fieldName: string): string {
  return typeof data === "string" ? data : throwFormError(fieldName, "a string");
}

/** Returns the data, which must be a whole number from 0 to 2^53 - 1. */
export function countOf(data: JsonData | undefined, fieldName: string): number {
  return typeof data === "number" && Number.isSafeInteger(data) && data >= 0 ? data : throwFormError(fieldName, "a whole number");
}

/** Returns the data, which must be true or false. */
export function flagOf(data: JsonData | undefined, fieldName: string): boolean {
  return typeof data === "boolean" ? data : throwFormError(fieldName, "true or false");
}

/** Returns the data, which must be a SHA-256: 64 lower-case hexadecimal digits. */
export function digestOf(data: JsonData | undefined, fieldName: string): string {
  return typeof data === "string" && /^[0-9a-f]{64}$/.test(data) ? data : throwFormError(fieldName, "64 lower-case hexadecimal digits");
}

/** Returns the data, which must be a SHA-256 with the prefix `sha256:`. */
export function prefixedDigestOf(data: JsonData | undefined, fieldName: string): string {
  return typeof data === "string" && /^sha256:[0-9a-f]{64}$/.test(data)
    ? data
    : throwFormError(fieldName, "sha256: and 64 lower-case hexadecimal digits");
}

/** Rejects unknown fields, because a field of a newer version may change the meaning of the known fields. */
export function onlyFields(object: JsonObject, knownFields: readonly string[], fieldName: string): void {
  for (const name of object.keys()) {
    if (!knownFields.includes(name)) {
      throw new BorunaError("log.form", `${fieldName}: unknown field ${JSON.stringify(name.slice(0, 80))}`, {
        hint: "The log may be of a newer version of boruna.",
      });
    }
  }
}
