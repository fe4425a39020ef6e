/** `--arg name=VALUE`, `--inputs FILE`, and limits. */
import type { ReplayLimits } from "../replay/bounds.ts";
import { readBounded } from "../replay/files.ts";
import { decodeUtf8, ioError } from "../replay/files.ts";
import { BorunaError } from "../vm/error.ts";
import { isJsonObject, type JsonData, parseJson } from "../vm/json.ts";
import { LIMITS, type LimitField, type Limits } from "../vm/limits.ts";
import type { Signature } from "../vm/module.ts";
import { parseType, type Type } from "../vm/types.ts";

const MAX_INPUT_BYTES = 16 * 1024 * 1024;

/** A String is taken as it stands; every other type is read as JSON. */
function valueOf(text: string, type: Type | undefined, name: string): JsonData {
  if (type === undefined || (type.kind === "primitive" && type.name === "String")) return text;
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError("usage", `--arg ${name}: ${error.message}`, {
      hint: `the value is read as JSON; it must be of the type the program gives for ${name}`,
    });
  }
}

/** By parameter name. Throws `usage`. */
export function parseArguments(given: readonly string[], signature: Signature | undefined): ReadonlyMap<string, JsonData> {
  const args = new Map<string, JsonData>();
  for (const text of given) {
    const at = text.indexOf("=");
    const name = text.slice(0, at);
    if (at <= 0) throw new BorunaError("usage", `--arg ${text}: expected name=VALUE`, { hint: "for example: --arg folder=./texts" });
    if (args.has(name)) throw new BorunaError("usage", `--arg ${name} is given twice`);
    const type = signature?.params.find((p) => p.name === name)?.type;
    args.set(name, valueOf(text.slice(at + 1), type === undefined ? undefined : parseType(type), name));
  }
  return args;
}

/** A JSON object whose members are the inputs of `step_input`. Throws `io_error`, `json.*`, `usage`. */
export function readInputs(path: string): ReadonlyMap<string, JsonData> {
  let text: string;
  try {
    text = decodeUtf8(readBounded(path, MAX_INPUT_BYTES), path);
  } catch (error) {
    const known = ioError(error, "read", path);
    throw new BorunaError("io_error", known.message, { place: { file: path }, cause: known });
  }
  const data = parseInputs(text, path);
  if (!isJsonObject(data)) throw new BorunaError("usage", `${path}: expected a JSON object of inputs by name`, { place: { file: path } });
  return data;
}

function parseInputs(text: string, path: string): JsonData {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError(error.kind, error.message, {
      place: { ...error.place, file: path },
      hint: error.hint ?? 'for example: { "name": "value" }',
      cause: error,
    });
  }
}

/** A limit given as a flag; nothing where it is not given. Throws `usage`. */
export function limit(flag: string, field: LimitField, text: string | undefined): Partial<Limits> {
  if (text === undefined) return {};
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || value > LIMITS[field].max)
    throw new BorunaError("usage", `${flag} ${text}: expected a whole number of ${LIMITS[field].unit}`);
  return { [field]: value };
}

export interface ReplayLimitFlags {
  readonly maxSteps?: string;
  readonly maxAllocBytes?: string;
  readonly maxWallMs?: string;
}

/** What `replay` and `verify --replay` may take. Throws `usage`. */
export function replayLimits(flags: ReplayLimitFlags): ReplayLimits {
  return {
    ...limit("--max-steps", "max_steps", flags.maxSteps),
    ...limit("--max-alloc-bytes", "max_alloc_bytes", flags.maxAllocBytes),
    ...limit("--max-wall-ms", "max_wall_ms", flags.maxWallMs),
  };
}
