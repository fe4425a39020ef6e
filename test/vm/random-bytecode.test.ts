import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { BUILTINS } from "../../vm/builtins.ts";
import { decodeModule } from "../../vm/codec.ts";
import { BorunaError } from "../../vm/error.ts";
import { DEFAULT_LIMITS, type Limits } from "../../vm/limits.ts";
import { ListValue } from "../../vm/list.ts";
import { MapValue } from "../../vm/map.ts";
import type { FunctionDef, Instruction, Module } from "../../vm/module.ts";
import { isOpName, opcode, type OperandKind, OPCODES } from "../../vm/opcodes.ts";
import { TRAPS } from "../../vm/outcome.ts";
import type { MachineEnd } from "../../vm/program.ts";
import { runMachine } from "../../vm/system.ts";
import { parseType } from "../../vm/types.ts";
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
} from "../../vm/value.ts";
import { verifyModule } from "../../vm/verifier.ts";
import { CONFORMANCE_ROOT } from "../conformance.ts";
import { testHost } from "./helpers.ts";

const LIMITS: Limits = { ...DEFAULT_LIMITS, max_steps: 2_000, max_alloc_bytes: 16 * 1024 * 1024, max_call_depth: 200 };
const OPS = Object.keys(OPCODES).filter(isOpName);
const ALL_CAPABILITIES = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** Ends as an end or a typed error; anything else is a fault of ours. */
function survive(module: Module, args: readonly Value[] = []): MachineEnd | undefined {
  try {
    const program = verifyModule(module);
    const end = runMachine(program, testHost(), { limits: LIMITS, args });
    if ("then" in end) throw new Error("a promise without an asynchronous call");
    expect(end.steps).toBeLessThanOrEqual(LIMITS.max_steps);
    expect(end.allocBytes).toBeLessThanOrEqual(LIMITS.max_alloc_bytes);
    if (end.status === "trapped") {
      expect(Object.hasOwn(TRAPS, end.trap.kind)).toBe(true);
      expect(end.trap).not.toMatchObject({ kind: "internal" });
    }
    return end;
  } catch (error) {
    if (error instanceof BorunaError && error.kind !== "internal") return undefined;
    throw error;
  }
}

const constants: readonly Value[] = [
  0,
  1,
  -1,
  3,
  I64_MIN,
  I64_MAX,
  new FloatValue(1.5),
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
  new RecordValue(0, [1, "f"]),
  new EnumValue(1, 1, 5),
  new EnumValue(65_534, 1, 5),
  new FnRefValue(0),
  new FnRefValue(1),
  new FnRefValue(2),
  new ActorIdValue(0),
  new ActorIdValue(1),
  new ActorIdValue(2n ** 64n - 1n),
];

const HOSTED = BUILTINS.filter((b) => b.source === undefined);
const FUNCTIONS = 3;
const LOCALS = 4;

/** A plausible operand; `raw` decides which, and now and then it is out of range. */
function operand(kind: OperandKind, raw: number, length: number): number {
  if (raw % 997 === 996) return raw;
  switch (kind) {
    case "constant":
      return raw % constants.length;
    case "local":
      return raw % LOCALS;
    case "global":
    case "type":
    case "variant":
    case "field":
      return raw % 2;
    case "function":
      return raw % FUNCTIONS;
    case "jump":
      return raw % Math.max(1, length);
    case "match_table":
      return 0;
    case "capability":
      return raw % 11;
    case "builtin":
      return HOSTED[raw % HOSTED.length]?.id ?? 0;
    case "count":
      return raw % 4;
    case "contract_kind":
    case "wrap_kind":
      return raw % 2;
    case "clause":
      return raw % 5;
  }
}

const BUILTIN_ARITY: ReadonlyMap<number, number> = new Map(
  HOSTED.map((b) => {
    const type = parseType(b.type, new Set(b.typeParams));
    return [b.id, type.kind === "fn" ? type.params.length : 0];
  }),
);

const PUSH_CONST = OPS.indexOf("PushConst");

type RawOp = readonly [number, number, number, number];
/** Mostly instructions that push, so that operands are there. */
const rawOp: fc.Arbitrary<RawOp> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant(PUSH_CONST), fc.nat(10_000), fc.nat(10_000), fc.nat(10_000)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant(OPS.indexOf("LoadLocal")), fc.nat(10_000), fc.nat(10_000), fc.nat(10_000)) },
  { weight: 5, arbitrary: fc.tuple(fc.nat(OPS.length - 1), fc.nat(10_000), fc.nat(10_000), fc.nat(10_000)) },
);

function toInstruction([op, ...raw]: RawOp, length: number): Instruction {
  const name = OPS[op] ?? "Nop";
  const operands = opcode(name).operands.map((kind, i) => operand(kind, raw[i] ?? 0, length));
  if (name === "Builtin") operands[1] = BUILTIN_ARITY.get(operands[0] ?? 0) ?? 1;
  if (name === "MakeMap") operands[0] = (operands[0] ?? 0) & ~1;
  return { op: name, operands };
}

/** Puts constants before an instruction that wants more operands than there are, as far as one can see in straight code. */
function withOperands(raws: readonly RawOp[]): RawOp[] {
  const out: RawOp[] = [];
  let height = 0;
  for (const raw of raws) {
    const { op, operands } = toInstruction(raw, 1);
    const row = opcode(op);
    const pops = row.pops + (row.popsCount === true ? (operands[row.operands.indexOf("count")] ?? 0) : 0);
    // Half of them Ints, which most instructions can do something with.
    for (; height < pops; height++) out.push([PUSH_CONST, (raw[3] + height) % 2 === 0 ? (raw[2] + height) % 4 : raw[2] + 7 * height, 0, 0]);
    out.push(raw);
    height += row.pushes - pops;
  }
  return out;
}

const rawFunction = fc.record({
  raws: fc.array(rawOp, { maxLength: 24 }),
  arity: fc.nat(LOCALS),
  arms: fc.array(fc.tuple(fc.integer({ min: -5, max: 3 }), fc.nat(30)), { maxLength: 4 }),
  capable: fc.boolean(),
});

const randomModule: fc.Arbitrary<Module> = fc.array(rawFunction, { minLength: FUNCTIONS, maxLength: FUNCTIONS }).map((functions) => ({
  name: "random",
  constants,
  globals: ["g", "h"],
  types: [
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
      ],
    },
  ],
  functions: functions.map(({ raws, arity, arms, capable }, index): FunctionDef => {
    const code = withOperands(raws);
    return {
      name: `f${index}`,
      arity,
      locals: LOCALS,
      code: code.map((raw) => toInstruction(raw, code.length)),
      capabilities: capable ? ALL_CAPABILITIES : [],
      intent: null,
      matchTables: [code.length === 0 ? [] : arms.map(([tag, target]) => ({ tag, target: target % code.length }))],
    };
  }),
  entry: 0,
}));

test("7,000 random modules end in a value, a trap or a typed error", () => {
  const ends = new Map<string, number>();
  fc.assert(
    fc.property(randomModule, fc.nat(constants.length - 1), (module, arg) => {
      const end = survive(module, [constants[arg] ?? UNIT]);
      const key = end === undefined ? "refused" : end.status === "completed" ? "completed" : end.trap.kind;
      ends.set(key, (ends.get(key) ?? 0) + 1);
    }),
    { numRuns: 7_000 },
  );
  // The generator is of use only while much of what it makes runs.
  expect(ends.get("completed") ?? 0).toBeGreaterThan(500);
  expect(ends.get("refused") ?? 0).toBeLessThan(3_500);
  expect(ends.size).toBeGreaterThan(6);
}, 120_000);

const folder = join(CONFORMANCE_ROOT, "bytecode");
const originals = readdirSync(folder)
  .filter((name) => name.endsWith(".axbc"))
  .map((name) => new Uint8Array(readFileSync(join(folder, name))));

test("2,000 conformance modules with bytes changed in the file end so too", () => {
  fc.assert(
    fc.property(
      fc.nat(originals.length - 1),
      fc.array(fc.tuple(fc.nat(10_000), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.option(fc.nat(2_000)),
      (which, changes, cut) => {
        const bytes = (originals[which] ?? new Uint8Array()).slice();
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        try {
          survive(decodeModule(cut === null ? bytes : bytes.subarray(0, cut)));
        } catch (error) {
          if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
        }
      },
    ),
    { numRuns: 2_000 },
  );
}, 120_000);

test("2,000 conformance modules with instructions changed end so too", () => {
  const modules = originals.map((bytes) => decodeModule(bytes));
  fc.assert(
    fc.property(
      fc.nat(modules.length - 1),
      fc.array(fc.tuple(fc.nat(), fc.nat(), rawOp, fc.boolean()), { minLength: 1, maxLength: 4 }),
      (which, changes) => {
        const module = modules[which];
        if (module === undefined) return;
        const functions = module.functions.map((fn) => ({ ...fn, code: fn.code.slice() }));
        for (const [fnAt, at, raw, keepOp] of changes) {
          const fn = functions[fnAt % functions.length];
          if (fn === undefined || fn.code.length === 0) continue;
          const place = at % fn.code.length;
          const old = fn.code[place];
          fn.code[place] =
            keepOp && old !== undefined
              ? { op: old.op, operands: old.operands.map((x, i) => Math.max(0, x + ((raw[i + 1] ?? 0) % 5) - 2)) }
              : toInstruction(raw, fn.code.length);
        }
        survive({ ...module, functions });
      },
    ),
    { numRuns: 2_000 },
  );
}, 120_000);
