/** Checks that a received message has the type that the receiver declares. */
import { UNITS } from "../cost.ts";
import type { Run } from "./host-calls.ts";
import { memoizeInObject, memoizePerObject } from "../lazy.ts";
import { findMismatch, type Pattern, patternOf, smallMatch } from "../value/matches-type.ts";
import { MachineTrap, typeName, WorkMeter } from "../meter.ts";
import type { Module, TypeDef } from "../bytecode/module.ts";
import type { Program } from "../bytecode/program.ts";
import { textForm } from "../value/display.ts";
import { countNodes, typeTable } from "../value/type-definitions.ts";
import { parseType, type Type, typeToString } from "../value/type.ts";
import { EnumValue, ErrValue, NoneValue, OkValue, RecordValue, SomeValue, type Value } from "../value/value.ts";

/** The type `_`, which every value has. */
export const ANY_TYPE = { kind: "param", name: "_" } as const satisfies Type;

const typesOf = memoizePerObject<Module, Map<number, Type>>(() => new Map());

/** Parses the type in a constant. Returns undefined if the constant is not a String. Throws `value.type_syntax`. */
export function messageType(module: Module, constant: number): Type | undefined {
  const types = typesOf(module);
  const parsedType = types.get(constant);
  if (parsedType !== undefined) return parsedType;
  const text = module.constants[constant];
  if (typeof text !== "string") return undefined;
  const type = parseType(text, new Set([ANY_TYPE.name]));
  types.set(constant, type);
  return type;
}

/** The patterns of the types in constants, by constant. */
const patternsOf = memoizeInObject<Program, (Pattern | undefined)[]>(() => []);

/**
 * Traps unless the message has the type in the constant. Charges one unit of work for each part of the message, and for
 * each part of the types that the check instantiates.
 */
export function checkMessage({ program, meter }: Run, message: Value, constant: number): void {
  const { module } = program;
  const pattern = (patternsOf(program)[constant] ??= patternOf(messageType(module, constant) ?? ANY_TYPE, typeTable(module.types)));
  const parts = smallMatch(message, pattern);
  if (!Number.isNaN(parts)) {
    meter.charge(parts * UNITS.slot);
    return;
  }
  const { type: expectedType } = pattern;
  const work = new WorkMeter(meter);
  const mismatch = findMismatch(message, expectedType, module.types, {
    parts: (count) => work.add(count * UNITS.slot),
    instance: (type) => work.add(countNodes(type) * UNITS.slot),
  });
  if (mismatch === undefined) return;
  const name = nameOf(mismatch.value, module.types);
  // The message may be the Err of a failed child. The trap message then includes the text of that Err.
  const reason = message instanceof ErrValue && typeof message.value === "string" ? `: ${textForm(message)}` : "";
  const got = mismatch.value === message ? `${name}${reason}` : `one that holds ${name} where ${typeToString(mismatch.type)} belongs`;
  throw new MachineTrap("type_error", `type error: expected a message of type ${typeToString(expectedType)}, got ${got}`);
}

/** Returns the name of a value's type, without type arguments. */
function nameOf(value: Value, types: readonly TypeDef[]): string {
  if (value instanceof RecordValue || value instanceof EnumValue) return types[value.typeId]?.name ?? typeName(value);
  if (value instanceof NoneValue || value instanceof SomeValue) return "Option";
  return value instanceof OkValue || value instanceof ErrValue ? "Result" : typeName(value);
}
