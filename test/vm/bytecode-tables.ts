/** Constants of every kind, and the instructions without effect with the kinds of operands that they want. */
import { BUILTIN_CODE } from "../../vm/builtins/builtin-code.ts";
import { BUILTINS } from "../../vm/builtins/builtin-table.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import type { TypeDef } from "../../vm/bytecode/module.ts";
import { isOpName, type OpName, OPCODES } from "../../vm/bytecode/opcodes.ts";
import { parseType, type Type } from "../../vm/value/type.ts";
import {
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  I64_MAX,
  I64_MIN,
  NONE,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  type Value,
} from "../../vm/value/value.ts";

export type Kind = "int" | "float" | "text" | "bool" | "list" | "map" | "record" | "enum" | "option" | "function" | "any";

const CONSTANTS: Readonly<Record<Exclude<Kind, "any" | "function">, readonly Value[]>> = {
  int: [
    0,
    1,
    2,
    3,
    -1,
    7,
    100,
    -5,
    Number.MAX_SAFE_INTEGER,
    -Number.MAX_SAFE_INTEGER,
    2n ** 53n,
    I64_MAX,
    I64_MIN,
    I64_MAX / 3n,
    3037000500,
  ],
  float: [0, -0, 1, 1.5, -2, 0.1, 1e300, Number.NaN, Number.POSITIVE_INFINITY].map((n) => new FloatValue(n)),
  text: ["", "a", "text ü", "12", "\uffff", "😀", "x".repeat(300)],
  bool: [true, false],
  list: [ListValue.EMPTY, ListValue.of([1, 2, 3]), ListValue.of(["a", "b"]), ListValue.of([new FloatValue(1), 2n ** 60n, "x", NONE])],
  map: [
    MapValue.EMPTY,
    MapValue.from([["a", 1]]),
    MapValue.from([
      ["a", new FloatValue(2)],
      ["ü", "y"],
    ]),
  ],
  record: [RecordValue.of(0, [1, "f"]), RecordValue.of(0, [new FloatValue(1.5), 5]), RecordValue.of(0, [])],
  enum: [new EnumValue(1, 0, UNIT), new EnumValue(1, 1, 5), new EnumValue(1, 2, new FloatValue(2)), new EnumValue(65_534, 1, 5)],
  option: [NONE, new SomeValue(1), new SomeValue(new FloatValue(3)), new OkValue("x"), new ErrValue(2), UNIT],
};
export const KINDS: readonly Kind[] = ["int", "float", "text", "bool", "list", "map", "record", "enum", "option", "function"];
/** The constants refer to this many functions. */
export const MAX_FUNCTIONS = 4;

/** Paths of the instruction `Update`, with the kinds of their indices. */
const PATHS: readonly (readonly [text: string, indices: readonly Kind[]])[] = [
  ["[]", ["int"]],
  ["[]", ["int"]],
  ["[]", ["text"]],
  ["[]+", ["int"]],
  ["[]++", ["text"]],
  ["[]-", ["any"]],
  ["[]*", ["int"]],
  [".0", []],
  [".1+", []],
  ["[][]", ["int", "int"]],
  [".0[]", ["int"]],
  ["[].0", ["text"]],
  [".9", []],
];

export const CONSTANT_LIST: readonly Value[] = [
  ...Object.values(CONSTANTS).flat(),
  ...Array.from({ length: MAX_FUNCTIONS }, (_, i) => new FnRefValue(i)),
  ...PATHS.map(([text]) => text),
];
/** The paths with the indices of their constants. */
export const UPDATE_PATHS: readonly { readonly constant: number; readonly indices: readonly Kind[] }[] = PATHS.map(([, indices], i) => ({
  constant: CONSTANT_LIST.length - PATHS.length + i,
  indices,
}));
export const UNIT_CONSTANT = CONSTANT_LIST.indexOf(UNIT);
/** Constants by their kind. */
export const INDICES: ReadonlyMap<Kind, readonly number[]> = (() => {
  const indices = new Map<Kind, readonly number[]>();
  let at = 0;
  for (const kind of KINDS) {
    const count = kind === "function" ? MAX_FUNCTIONS : kind === "any" ? 0 : CONSTANTS[kind].length;
    indices.set(
      kind,
      Array.from({ length: count }, (_, i) => at + i),
    );
    at += count;
  }
  return indices;
})();

export const MODULE_TYPES: readonly TypeDef[] = [
  {
    name: "R",
    kind: "record",
    fields: [
      { name: "a", type: "Int" },
      { name: "b", type: "String" },
    ],
  },
  {
    name: "E",
    kind: "enum",
    variants: [
      { name: "A", type: null },
      { name: "B", type: "Int" },
      { name: "C", type: "Float" },
    ],
  },
];

interface Step {
  readonly op: OpName;
  readonly takes: readonly Kind[];
  readonly gives: Kind;
  /** A builtin by its id. */
  readonly builtin?: number;
}

const step = (op: OpName, takes: readonly Kind[], gives: Kind): Step => ({ op, takes, gives });
const NUMBERS: readonly (readonly [Kind, Kind, Kind])[] = [
  ["int", "int", "int"],
  ["int", "int", "int"],
  ["float", "float", "float"],
  ["int", "float", "float"],
  ["float", "int", "float"],
];

const kindOfType = (type: Type): Kind => {
  if (type.kind === "primitive")
    return type.name === "Int"
      ? "int"
      : type.name === "Float"
        ? "float"
        : type.name === "String"
          ? "text"
          : type.name === "Bool"
            ? "bool"
            : "any";
  if (type.kind !== "named") return "any";
  return type.name === "List" ? "list" : type.name === "Map" ? "map" : type.name === "Option" || type.name === "Result" ? "option" : "any";
};

const BUILTIN_STEPS: readonly Step[] = BUILTINS.flatMap(({ id, name, type: text, typeParams }): Step[] => {
  const type = parseType(text, new Set(typeParams));
  if (type.kind !== "fn" || !BUILTIN_CODE.has(name)) return [];
  return [{ op: "Builtin", takes: type.params.map(kindOfType), gives: kindOfType(type.result), builtin: id }];
});
const LEGACY_STEPS: readonly Step[] = Object.entries(OPCODES).flatMap(([op, row]): Step[] => {
  if (!isOpName(op) || !("builtin" in row) || row.builtin === undefined || !BUILTIN_CODE.has(row.builtin)) return [];
  const decl = BUILTINS.find((b) => b.name === row.builtin);
  const type = decl === undefined ? undefined : parseType(decl.type, new Set(decl.typeParams));
  return type?.kind === "fn" ? [step(op, type.params.map(kindOfType), kindOfType(type.result))] : [];
});

const PLAIN_STEPS: readonly Step[] = [
  ...(["Add", "Sub", "Mul", "Div", "FDiv"] as const).flatMap((op) =>
    NUMBERS.map(([a, b, c]) => step(op, [a, b], op === "FDiv" ? "float" : c)),
  ),
  ...(["Add", "Sub", "Mul", "Mod"] as const).map((op) => step(op, ["int", "int"], "int")),
  step("Add", ["text", "text"], "text"),
  step("Neg", ["int"], "int"),
  step("Neg", ["float"], "float"),
  ...(["Lt", "Lte", "Gt", "Gte", "Eq", "Neq"] as const).flatMap((op) =>
    (["int", "int", "float", "text"] as const).map((kind) => step(op, [kind, kind], "bool")),
  ),
  ...(["Eq", "Neq"] as const).flatMap((op) => [
    step(op, ["any", "int"], "bool"),
    step(op, ["bool", "any"], "bool"),
    step(op, ["float", "int"], "bool"),
  ]),
  step("Not", ["any"], "bool"),
  step("And", ["any", "any"], "bool"),
  step("Or", ["any", "bool"], "bool"),
  step("Concat", ["text", "text"], "text"),
  step("Concat", ["list", "list"], "list"),
  step("GetField", ["record"], "any"),
  step("ListGet", ["list", "int"], "any"),
];
/** Instructions with the kinds of their operands; frequent instructions are repeated. */
export const STEPS: readonly Step[] = [...PLAIN_STEPS, ...PLAIN_STEPS, ...PLAIN_STEPS, ...LEGACY_STEPS, ...BUILTIN_STEPS];
