/** Parses `--arg name=VALUE`, `--inputs FILE` and limits. */
import type { ReplayLimits } from "../replay/replay-limits.ts";
import { readBounded } from "../replay/log/files.ts";
import { toIoError } from "../replay/log/files.ts";
import { decodeUtf8 } from "../replay/log/utf8-text.ts";
import { BorunaError } from "../vm/error.ts";
import { isJsonObject, type JsonData, parseJson } from "../vm/json/json.ts";
import { LIMITS, type LimitField, type Limits } from "../vm/limits.ts";
import type { Module, TypeDef } from "../vm/bytecode/module.ts";
import { readSchema } from "../vm/json-schema/schema.ts";
import { valueFromTypedJson } from "../vm/json/typed-json.ts";
import { parseType, type Type, typeToString } from "../vm/value/type.ts";
import { replaceLoneSurrogates } from "../vm/value/value.ts";
import { exampleOf } from "./argument-example.ts";

const MAX_INPUT_BYTES = 16 * 1024 * 1024;

/**
 * Parses the text of one argument: plain text for a String, JSON for any other type. `-0` keeps its sign in a Float
 * and inside Json; as an Int it is 0. Throws `usage`.
 */
function parseArgument(text: string, type: Type | undefined, name: string, types: readonly TypeDef[]): JsonData {
  if (type === undefined || (type.kind === "primitive" && type.name === "String")) return text;
  const isInt = type.kind === "primitive" && type.name === "Int";
  try {
    const data = parseJson(text, { readMinusZeroAs: isInt ? "int" : "float" });
    valueFromTypedJson(data, type, types, name);
    return data;
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw argumentError(error, text, type, name, types);
  }
}

const MAX_SHOWN_CHARS = 80;

const shorten = (text: string): string =>
  text.length > MAX_SHOWN_CHARS ? `${replaceLoneSurrogates(text.slice(0, MAX_SHOWN_CHARS))}…` : text;

function argumentError(error: BorunaError, text: string, type: Type, name: string, types: readonly TypeDef[]): BorunaError {
  const typeText = shorten(typeToString(type));
  const problem = error.kind.startsWith("json.") ? `expected ${typeText}, and this is not JSON: ${error.message}` : error.message;
  const example = exampleOf(type, types);
  const argument = `${name}=${example ?? ""}`;
  const hint = `for example: --arg ${/^[\w.=]+$/.test(argument) ? argument : `'${argument}'`}`;
  return new BorunaError("usage", `--arg ${name}=${shorten(text)}: ${problem}`, {
    hint: example === undefined ? undefined : hint,
    cause: error,
  });
}

/** Parses `--arg` values into a map from parameter name to value. Throws `usage`. */
export function parseArguments(argTexts: readonly string[], module: Pick<Module, "signature" | "types">): ReadonlyMap<string, JsonData> {
  const args = new Map<string, JsonData>();
  for (const text of argTexts) {
    const equalsIndex = text.indexOf("=");
    const name = text.slice(0, equalsIndex);
    if (equalsIndex <= 0)
      throw new BorunaError("usage", `--arg ${text}: expected name=VALUE`, { hint: "for example: --arg folder=./texts" });
    if (args.has(name)) throw new BorunaError("usage", `--arg ${name} is given twice`);
    const type = module.signature?.params.find((p) => p.name === name)?.type;
    args.set(name, parseArgument(text.slice(equalsIndex + 1), type === undefined ? undefined : parseType(type), name, module.types));
  }
  return args;
}

/** Reads a JSON object whose members are the answers to `step_input`, by name. Throws `io_error`, `json.*`, `usage`. */
export function readInputs(path: string): ReadonlyMap<string, JsonData> {
  const data = readJsonFile(path, 'for example: { "name": "value" }');
  if (!isJsonObject(data)) throw new BorunaError("usage", `${path}: expected a JSON object of inputs by name`, { place: { file: path } });
  return data;
}

/** Reads the file of `--output-schema`, and checks that it is a JSON Schema. Throws `io_error`, `json.*`, `schema.*`. */
export function readOutputSchema(path: string | undefined): JsonData | undefined {
  if (path === undefined) return undefined;
  const data = readJsonFile(path, 'for example: { "type": "integer" }');
  try {
    readSchema(data);
    return data;
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError(error.kind, error.message, { place: { file: path }, hint: error.hint, cause: error });
  }
}

function readJsonFile(path: string, example: string): JsonData {
  let text: string;
  try {
    text = decodeUtf8(readBounded(path, MAX_INPUT_BYTES), path);
  } catch (error) {
    const ioError = toIoError(error, "read", path);
    throw new BorunaError("io_error", ioError.message, { place: { file: path }, cause: ioError });
  }
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError(error.kind, error.message, { place: { ...error.place, file: path }, hint: error.hint ?? example, cause: error });
  }
}

/** Parses the value of a limit flag. Returns an empty object if the flag is absent. Throws `usage`. */
export function limitFromFlag(flag: string, field: LimitField, text: string | undefined): Partial<Limits> {
  if (text === undefined) return {};
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || value > LIMITS[field].max)
    throw new BorunaError("usage", `${flag} ${text}: expected a whole number of ${LIMITS[field].unit}`);
  return { [field]: value };
}

/** Parses `--max-parallel-calls`. Throws `usage`. */
export function maxParallelCallsFromFlag(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d+$/.test(text) ? Number(text) : 0;
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new BorunaError("usage", `--max-parallel-calls ${text}: expected a whole number from 1`);
}

export interface ReplayLimitFlags {
  readonly maxSteps?: string;
  readonly maxAllocBytes?: string;
  readonly maxWallMs?: string;
}

/** Parses the limit flags of the commands that replay a log. Throws `usage`. */
export function replayLimits(flags: ReplayLimitFlags): ReplayLimits {
  return {
    ...limitFromFlag("--max-steps", "max_steps", flags.maxSteps),
    ...limitFromFlag("--max-alloc-bytes", "max_alloc_bytes", flags.maxAllocBytes),
    ...limitFromFlag("--max-wall-ms", "max_wall_ms", flags.maxWallMs),
  };
}
