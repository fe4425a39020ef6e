/** What a handler may give back: checked before the log and the program see it. */
import { BorunaError } from "../vm/error.ts";
import { MapValue } from "../vm/map.ts";
import { matchesType } from "../vm/matches-type.ts";
import type { TypeDef } from "../vm/module.ts";
import { checkPortable, childrenOf, isCompound } from "../vm/portable.ts";
import { type Type, typeToString } from "../vm/types.ts";
import { I64_MAX, I64_MIN, type Value, wellFormed } from "../vm/value.ts";

/** What follows "the handler answered"; undefined when all is well. Bounded by `MACHINE_LIMITS`. */
export function answerProblem(value: Value, type: Type, types: readonly TypeDef[]): string | undefined {
  // A handler is host code: what TypeScript says of it need not hold.
  if (value === undefined || value === null || (typeof value === "object" && !("tag" in value)))
    return `something else than ${typeToString(type)}`;
  try {
    checkPortable(value);
    if (!matchesType(value, type, types)) return `something else than ${typeToString(type)}`;
  } catch (error) {
    if (error instanceof BorunaError) return error.kind === "value.not_portable" ? "a closure" : "a value that is too large";
    throw error;
  }
  return scalarProblem(value);
}

/** Ints in their one form, text well formed: what the machine relies on (`value.ts`). */
function scalarProblem(value: Value): string | undefined {
  const pending: Value[] = [value];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (typeof part === "string" && wellFormed(part) !== part) return "text with a lone surrogate";
    if (typeof part === "number" && (!Number.isSafeInteger(part) || Object.is(part, -0)))
      return "a number that is not an Int; a Float is a FloatValue";
    if (typeof part === "bigint" && (part < I64_MIN || part > I64_MAX || Number.isSafeInteger(Number(part))))
      return "a bigint that is not an Int in its one form";
    if (!isCompound(part)) continue;
    if (part instanceof MapValue) for (const key of part.keys()) if (wellFormed(key) !== key) return "text with a lone surrogate";
    for (const child of childrenOf(part)) pending.push(child);
  }
  return undefined;
}

const MAX_MESSAGE_UNITS = 4_096;

/** Well formed and not too long: the message goes into the log, and under `try` into the program. */
export function cleanMessage(message: string): string {
  return wellFormed(message.length > MAX_MESSAGE_UNITS ? `${message.slice(0, MAX_MESSAGE_UNITS)}…` : message);
}
