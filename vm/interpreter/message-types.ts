/** The types that receivers give their messages: a message of another type is a trap. */
import { UNITS } from "../cost.ts";
import type { Run } from "./host-calls.ts";
import { oncePer } from "../lazy.ts";
import { findMismatch } from "../value/matches-type.ts";
import { MachineTrap, typeName, Work } from "../meter.ts";
import type { Module, TypeDef } from "../bytecode/module.ts";
import { textForm } from "../value/display.ts";
import { countNodes } from "../value/type-definitions.ts";
import { parseType, type Type, typeToString } from "../value/type.ts";
import { EnumValue, ErrValue, NoneValue, OkValue, RecordValue, SomeValue, type Value } from "../value/value.ts";

/** Stands for a part of a message whose type the receiver leaves open. */
export const ANY_TYPE = { kind: "param", name: "_" } as const satisfies Type;

const typesOf = oncePer<Module, Map<number, Type>>(() => new Map());

/** The type whose text is the constant; undefined where that is no String. Throws `value.type_syntax`. */
export function messageType(module: Module, constant: number): Type | undefined {
  const types = typesOf(module);
  const known = types.get(constant);
  if (known !== undefined) return known;
  const text = module.constants[constant];
  if (typeof text !== "string") return undefined;
  const type = parseType(text, new Set([ANY_TYPE.name]));
  types.set(constant, type);
  return type;
}

/** Traps where the message is not of the type whose text is the constant; charges a unit of work for each part of it and of their types. */
export function checkMessage({ program, meter }: Run, message: Value, constant: number): void {
  const { module } = program;
  const wanted = messageType(module, constant) ?? ANY_TYPE;
  const work = new Work(meter);
  const found = findMismatch(message, wanted, module.types, {
    parts: (count) => work.add(count * UNITS.slot),
    instance: (type) => work.add(countNodes(type) * UNITS.slot),
  });
  if (found === undefined) return;
  const name = nameOf(found.value, module.types);
  // The failure of an actor arrives as an Err: what it says must not be lost.
  const reason = message instanceof ErrValue && typeof message.value === "string" ? `: ${textForm(message)}` : "";
  const got = found.value === message ? `${name}${reason}` : `one that holds ${name} where ${typeToString(found.type)} belongs`;
  throw new MachineTrap("type_error", `type error: expected a message of type ${typeToString(wanted)}, got ${got}`);
}

/** The type of a value as far as the value says it. */
function nameOf(value: Value, types: readonly TypeDef[]): string {
  if (value instanceof RecordValue || value instanceof EnumValue) return types[value.typeId]?.name ?? typeName(value);
  if (value instanceof NoneValue || value instanceof SomeValue) return "Option";
  return value instanceof OkValue || value instanceof ErrValue ? "Result" : typeName(value);
}
