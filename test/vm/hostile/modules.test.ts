import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { BUILTINS } from "../../../vm/builtins/builtin-table.ts";
import { isInstructionOnly } from "../../../vm/builtins/par-table.ts";
import { decodeModule, encodeModule } from "../../../vm/bytecode/codec.ts";
import type { Limits } from "../../../vm/limits.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MapValue } from "../../../vm/value/map.ts";
import type { FunctionDef, Instruction, Module } from "../../../vm/bytecode/module.ts";
import { isOpName, opcode, type OperandKind, OPCODES } from "../../../vm/bytecode/opcodes.ts";
import { parseType } from "../../../vm/value/type.ts";
import {
  ActorIdValue,
  EnumValue,
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
} from "../../../vm/value/value.ts";
import { scaledRuns } from "../../cases.ts";
import { CONFORMANCE_ROOT } from "../../conformance.ts";
import { PROGRAMS } from "./programs.ts";
import { Choices, endOf } from "./hostile.ts";

/** The number of modules that are made in each of the four ways, such as by damaging bytes or by random code. */
const MODULES = scaledRuns(10_000);
/** The seed of the first module. `BORUNA_SEED` sets another one. */
const SEED = Number(process.env["BORUNA_SEED"] ?? 4);
const LIMITS: Partial<Limits> = { max_steps: 600, max_alloc_bytes: 1_000_000, max_call_depth: 40 };

const OPS = Object.keys(OPCODES).filter(isOpName);
const HEADER_BYTES = 10;

const folder = join(CONFORMANCE_ROOT, "bytecode");
const conformance = readdirSync(folder)
  .filter((name) => name.endsWith(".axbc"))
  .map((name) => decodeModule(new Uint8Array(readFileSync(join(folder, name)))));
const compiled = PROGRAMS.map((text) => compile({ name: "main.ax", text }).module);
const encoded = [...conformance, ...compiled].map((module) => encodeModule(module, { debug: false }));
const modules = encoded.map((bytes) => decodeModule(bytes));
/** Larger modules take most of the time and find nothing more. */
const smallest = encoded.toSorted((a, b) => a.length - b.length).slice(0, 16);
const payloads = smallest.map((bytes): unknown => JSON.parse(new TextDecoder().decode(bytes.subarray(HEADER_BYTES))));

/** How often each end occurred, by the way the modules were made. */
const tally = new Map<string, Map<string, number>>();

function countEnd(way: string, end: string): void {
  const ends = tally.get(way) ?? new Map<string, number>();
  ends.set(end, (ends.get(end) ?? 0) + 1);
  tally.set(way, ends);
}

/** Makes modules and runs them. A failure names its seed; `BORUNA_CASES=0 BORUNA_SEED=…` then runs that module alone. */
function hammer(way: string, make: (choices: Choices) => () => Module, args: readonly Value[] = []): void {
  for (let i = 0; i < MODULES; i++) {
    const seed = SEED + i;
    try {
      countEnd(way, endOf(make(new Choices(seed)), LIMITS, args));
    } catch (error) {
      throw new Error(`${way}, BORUNA_SEED=${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
}

const DIGITS = [..."0123456789"].map((digit) => digit.charCodeAt(0));
const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57;

test("files with bytes changed, cut and put in", () => {
  hammer("bytes", (choices) => {
    const bytes = choices.oneOf(smallest).slice();
    for (let left = 1 + choices.below(4); left > 0; left--) {
      let at = choices.below(bytes.length);
      // Half of the changes replace a number by another, so that many of the files are still modules.
      if (choices.chance(70)) {
        while (at < bytes.length && !isDigit(bytes[at])) at += 1;
        bytes[at] = choices.oneOf(DIGITS);
      } else if (choices.chance(30)) bytes[at] = choices.below(256);
      else bytes.copyWithin(at, choices.below(bytes.length), choices.below(bytes.length));
    }
    const kept = choices.chance(5) ? bytes.subarray(0, choices.below(bytes.length + 1)) : bytes;
    return () => decodeModule(kept);
  });
});

type Container = unknown[] | Record<string, unknown>;

function isContainer(node: unknown): node is Container {
  return typeof node === "object" && node !== null;
}

/** Every array and object in the JSON, the outermost first. */
function containers(root: unknown): Container[] {
  const found: Container[] = isContainer(root) ? [root] : [];
  for (const node of found) for (const child of Object.values(node)) if (isContainer(child)) found.push(child);
  return found;
}

const KEYS = ["__proto__", "constructor", "toString", "name", "version", "Int", "String", "tag", "target", "0"] as const;

/** Returns JSON that is probably wrong at its place in a module. */
function junk(choices: Choices): unknown {
  let nested: unknown = "Unit";
  switch (choices.below(9)) {
    case 0:
      return choices.oneOf([null, true, "", "Ret", "None", "Unit", [], {}]);
    case 1:
      return choices.oneOf([-1, 0.5, 1e300, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53]);
    case 2:
      for (let depth = choices.below(400); depth > 0; depth--) nested = choices.chance(50) ? [nested] : { Some: nested };
      return nested;
    case 3:
      return Array.from({ length: choices.below(50) }, () => choices.below(10));
    case 4:
      return { [choices.oneOf(OPS)]: choices.below(5) };
    case 5:
      return { [choices.oneOf(OPS)]: [choices.below(5), choices.below(5)] };
    case 6:
      return choices.oneOf(OPS);
    case 7:
      return { [choices.oneOf(KEYS)]: choices.below(5) };
    default:
      return choices.below(40);
  }
}

/** Changes one member or element of the JSON. */
function damage(node: Container, choices: Choices): void {
  if (Array.isArray(node)) {
    const at = choices.below(node.length + 1);
    const old: unknown = node[at];
    if (typeof old === "number" && choices.chance(70)) node[at] = old + choices.below(5) - 2;
    else if (choices.chance(30)) node.splice(at, 1);
    else if (choices.chance(50)) node.splice(at, 0, node[choices.below(node.length + 1)] ?? junk(choices));
    else node[at] = junk(choices);
    return;
  }
  const keys = Object.keys(node);
  const key = keys.length === 0 || choices.chance(3) ? choices.oneOf(KEYS) : choices.oneOf(keys);
  const old = node[key];
  const value = typeof old === "number" && choices.chance(70) ? old + choices.below(7) - 3 : junk(choices);
  if (choices.chance(4)) delete node[key];
  else Object.defineProperty(node, key, { value, enumerable: true, configurable: true, writable: true });
}

test("payloads with members changed, left out and put in", () => {
  hammer("payload", (choices) => {
    const payload: unknown = structuredClone(choices.oneOf(payloads));
    const inside = containers(payload);
    // Most of a module is code, so the outer members are chosen more often.
    for (let changes = 1 + choices.below(3); changes > 0; changes--)
      damage(choices.chance(20) ? choices.oneOf(inside.slice(0, 40)) : choices.oneOf(inside), choices);
    const bytes = new TextEncoder().encode(JSON.stringify(payload));
    return () => decodeModule(bytes);
  });
});

const constants: readonly Value[] = [
  0,
  1,
  2,
  3,
  -1,
  I64_MIN,
  I64_MAX,
  Number.MAX_SAFE_INTEGER,
  new FloatValue(1.5),
  new FloatValue(-0),
  new FloatValue(Number.NaN),
  "",
  "text ü",
  "12",
  "x".repeat(300),
  true,
  false,
  UNIT,
  NONE,
  new SomeValue(1),
  new OkValue("x"),
  ListValue.of([1, 2, 3]),
  ListValue.of(["a", "b"]),
  MapValue.from([["a", 1]]),
  RecordValue.of(0, [1, "f"]),
  new EnumValue(1, 1, 5),
  new EnumValue(65_534, 1, 5),
  new FnRefValue(0),
  new FnRefValue(1),
  new FnRefValue(2),
  new ActorIdValue(1),
];

const NATIVE_BUILTINS = BUILTINS.filter((b) => b.source === undefined && !isInstructionOnly(b));
const BUILTIN_ARITY: ReadonlyMap<number, number> = new Map(
  NATIVE_BUILTINS.map((b) => {
    const type = parseType(b.type, new Set(b.typeParams));
    return [b.id, type.kind === "fn" ? type.params.length : 0];
  }),
);

/** The sizes that bound the operands in a module. */
interface Sizes {
  readonly constants: number;
  readonly locals: number;
  readonly globals: number;
  readonly functions: number;
  readonly types: number;
  readonly tables: number;
  readonly length: number;
}

/** A plausible operand, sometimes one that is out of range. */
function operand(kind: OperandKind, sizes: Sizes, choices: Choices): number {
  if (choices.below(400) === 0) return choices.oneOf([256, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]);
  const below = (size: number): number => choices.below(Math.max(1, size));
  switch (kind) {
    case "constant":
    case "type_text":
    case "update_path":
      return below(sizes.constants);
    case "local":
      return below(sizes.locals);
    case "global":
      return below(sizes.globals);
    case "function":
      return below(sizes.functions);
    case "jump":
      return below(sizes.length + 1);
    case "match_table":
      return below(sizes.tables);
    case "type":
      return below(sizes.types);
    case "variant":
    case "field":
    case "contract_kind":
    case "clause":
      return below(2);
    case "wrap_kind":
      return below(3);
    case "capability":
      return below(11);
    case "builtin":
      return choices.oneOf(NATIVE_BUILTINS).id;
    case "count":
      return below(4);
  }
}

function instruction(choices: Choices, sizes: Sizes): Instruction {
  const op = choices.oneOf(OPS);
  const operands = opcode(op).operands.map((kind) => operand(kind, sizes, choices));
  if (op === "Builtin") operands[1] = BUILTIN_ARITY.get(operands[0] ?? 0) ?? 1;
  if (op === "MakeMap") operands[0] = 2 * Math.floor((operands[0] ?? 0) / 2);
  return { op, operands };
}

const sizesOf = (module: Module, fn: FunctionDef): Sizes => ({
  constants: module.constants.length,
  locals: fn.locals,
  globals: module.globals.length,
  functions: module.functions.length,
  types: module.types.length,
  tables: fn.matchTables.length,
  length: fn.code.length,
});

function mutateCode(code: Instruction[], sizes: Sizes, choices: Choices): void {
  const at = choices.below(code.length);
  const other = choices.below(code.length);
  const old = code[at];
  if (old === undefined) return;
  switch (choices.below(6)) {
    case 0:
      code[at] = instruction(choices, sizes);
      return;
    case 1:
    case 2: {
      const kinds = opcode(old.op).operands;
      const which = choices.below(Math.max(1, kinds.length));
      const near = (x: number): number => Math.max(0, x + choices.below(5) - 2);
      code[at] = {
        op: old.op,
        operands: old.operands.map((x, i) =>
          i !== which ? x : choices.chance(50) ? near(x) : operand(kinds[i] ?? "count", sizes, choices),
        ),
      };
      return;
    }
    case 3:
      code[at] = code[other] ?? old;
      code[other] = old;
      return;
    case 4:
      // The code keeps its length, so that the jumps still make sense.
      code[at] = { op: choices.oneOf(["Nop", "Pop", "Dup"]), operands: [] };
      return;
    default:
      code.splice(at, 1, old, instruction(choices, sizes));
  }
}

test("programs with instructions changed", () => {
  hammer("instructions", (choices) => {
    const module = choices.oneOf(modules);
    const functions = module.functions.slice();
    for (let left = 1 + choices.below(3); left > 0; left--) {
      const which = choices.below(functions.length);
      const fn = functions[which];
      if (fn === undefined || fn.code.length === 0) continue;
      const code = fn.code.slice();
      mutateCode(code, sizesOf(module, fn), choices);
      const matchTables = choices.chance(90)
        ? fn.matchTables
        : fn.matchTables.map((arms) =>
            arms.map((arm) => (choices.chance(50) ? arm : { tag: choices.below(6) - 5, target: choices.below(code.length + 1) })),
          );
      functions[which] = { ...fn, code, matchTables };
    }
    return () => ({ ...module, functions });
  });
});

const LOCALS = 4;
const PURE = OPS.filter(
  (op) =>
    ![
      "Halt",
      "Assert",
      "GuardSeal",
      "Debug",
      "DebugMsg",
      "EmitUi",
      "SpawnActor",
      "SendMsg",
      "ReceiveMsg",
      "ReceiveAs",
      "CapCall",
      "TryCapCall",
      "LoadGlobal",
      "StoreGlobal",
    ].includes(op),
);

/**
 * Code whose stack heights agree: branches go to instructions with the same height. So most functions are statically
 * stacked, and half of them have no effect and can be compiled.
 */
function staticallyStackedCode(choices: Choices, sizes: Sizes, pure: boolean): Instruction[] {
  const code: Instruction[] = [];
  /** The instructions at height 0, and the jumps that still need such a target. */
  const level: number[] = [0];
  const waiting: number[] = [];
  let height = 0;
  const put = (op: Instruction["op"], ...operands: number[]): void => {
    code.push({ op, operands });
    const row = opcode(op);
    const counted = row.popsCount === true ? (operands[row.operands.indexOf("count")] ?? 0) : 0;
    height += row.pushes - row.pops - counted;
  };
  const want = (count: number): void => {
    while (height < count) {
      if (choices.chance(35)) put("LoadLocal", choices.below(LOCALS));
      else put("PushConst", choices.chance(60) ? choices.below(6) : choices.below(sizes.constants));
    }
  };
  for (let left = 3 + choices.below(14); left > 0; left--) {
    if (height === 0) {
      level.push(code.length);
      while (waiting.length > 0) {
        const at = waiting.pop() ?? 0;
        code[at] = { op: code[at]?.op ?? "Jmp", operands: [code.length] };
      }
      if (choices.chance(30)) {
        const forward = choices.chance(60);
        put("LoadLocal", choices.below(LOCALS));
        if (forward) waiting.push(code.length);
        put(choices.chance(50) ? "JmpIf" : "JmpIfNot", forward ? 0 : choices.oneOf(level));
        continue;
      }
      if (choices.chance(6)) {
        put("Jmp", choices.oneOf(level));
        continue;
      }
    }
    const { op, operands } = instruction(choices, sizes);
    const row = opcode(op);
    if (row.flow !== undefined || (pure && !PURE.includes(op))) continue;
    const counted = row.popsCount === true ? (operands[row.operands.indexOf("count")] ?? 0) : 0;
    if (op === "TailCall" || counted < 0 || counted > 100) continue;
    want(row.pops + counted);
    put(op, ...operands);
    if (height > 0 && choices.chance(50)) put("StoreLocal", choices.below(LOCALS));
  }
  while (height > 0) put("StoreLocal", choices.below(LOCALS));
  for (const at of waiting) code[at] = { op: code[at]?.op ?? "Jmp", operands: [code.length] };
  put("LoadLocal", choices.below(LOCALS));
  put("Ret");
  return code;
}

function wildCode(choices: Choices, sizes: Sizes): Instruction[] {
  return Array.from({ length: choices.below(16) }, () =>
    choices.chance(35) ? { op: "PushConst" as const, operands: [choices.below(sizes.constants)] } : instruction(choices, sizes),
  );
}

function randomModule(choices: Choices): Module {
  const count = 1 + choices.below(3);
  const functions = Array.from({ length: count }, (_, index): FunctionDef => {
    const tables = choices.below(3);
    const sizes: Sizes = { constants: constants.length, locals: LOCALS, globals: 1, functions: count, types: 2, tables, length: 16 };
    const code = choices.chance(75) ? staticallyStackedCode(choices, sizes, choices.chance(70)) : wildCode(choices, sizes);
    const arms = (): { tag: number; target: number }[] =>
      Array.from({ length: choices.below(4) }, () => ({ tag: choices.below(8) - 5, target: choices.below(code.length + 1) }));
    return {
      name: `f${index}`,
      arity: choices.below(LOCALS + 1),
      locals: LOCALS,
      code,
      capabilities: choices.chance(50) ? [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] : [],
      intent: null,
      matchTables: Array.from({ length: tables }, arms),
    };
  });
  return {
    name: "random",
    constants: [...constants.slice(0, -4), ...Array.from({ length: 4 }, () => new FnRefValue(choices.below(count)))],
    globals: ["g"],
    types: [
      { name: "R", kind: "record", fields: [{ name: "a", type: "Int" }] },
      {
        name: "E",
        kind: "enum",
        variants: [
          { name: "A", type: null },
          { name: "B", type: "Int" },
        ],
      },
    ],
    functions,
    entry: choices.below(count),
  };
}

test("modules made at random", () => {
  hammer(
    "random",
    (choices) => {
      const module = randomModule(choices);
      return () => module;
    },
    [3, "arg", new FloatValue(0.5), ListValue.of([1])],
  );
});

afterAll(() => {
  // The generators are useful only if some of their modules complete and some trap. Other seeds, or few modules, need not show that.
  if (MODULES < 1_000 || process.env["BORUNA_SEED"] !== undefined) return;
  for (const [way, ends] of tally) {
    for (const end of ["completed", "type_error", "step_limit"]) expect([...ends.keys()], way).toContain(end);
  }
});
