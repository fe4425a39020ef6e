/** Reads the arguments of requests. A client may send anything: every function throws `usage` for a field of the wrong type. */
import { BorunaError } from "../vm/error.ts";

export type Arguments = ReadonlyMap<string, unknown>;

/** The longest text in a request, in UTF-16 code units. */
const MAX_TEXT_UNITS = 1024 * 1024;
/** Maximum number of elements of a list in a request. */
const MAX_LIST_ITEMS = 10_000;

/** Returns the own fields of an object. For any other value, returns no fields. */
export function argumentsOf(rawArguments: unknown): Arguments {
  return new Map(
    typeof rawArguments === "object" && rawArguments !== null && !Array.isArray(rawArguments) ? Object.entries(rawArguments) : [],
  );
}

export function textOf(args: Arguments, name: string): string {
  return optionalText(args, name) ?? fail(name, "a text");
}

export function optionalText(args: Arguments, name: string): string | undefined {
  const value = args.get(name) ?? undefined;
  if (value === undefined || (typeof value === "string" && value.length <= MAX_TEXT_UNITS)) return value;
  return fail(name, `a text of at most ${MAX_TEXT_UNITS} characters`);
}

export function countOf(args: Arguments, name: string): number {
  return optionalCount(args, name) ?? fail(name, "a whole number from 0");
}

export function optionalCount(args: Arguments, name: string): number | undefined {
  const value = args.get(name) ?? undefined;
  if (value === undefined || (typeof value === "number" && Number.isSafeInteger(value) && value >= 0)) return value;
  return fail(name, "a whole number from 0");
}

export function optionalFlag(args: Arguments, name: string): boolean | undefined {
  const value = args.get(name) ?? undefined;
  return value === undefined || typeof value === "boolean" ? value : fail(name, "true or false");
}

/** Returns the objects of a list. Returns an empty list if the field is absent. */
export function objectsOf(args: Arguments, name: string): readonly Arguments[] {
  const value = args.get(name) ?? [];
  return Array.isArray(value) && value.length <= MAX_LIST_ITEMS
    ? value.map(argumentsOf)
    : fail(name, `a list of at most ${MAX_LIST_ITEMS} objects`);
}

function fail(name: string, expected: string): never {
  throw new BorunaError("usage", `${name} must be ${expected}`);
}
