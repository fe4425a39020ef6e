/** Every instruction without side effects, on operands of every kind from every source: constants, locals, calls, lists. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { BUILTINS } from "../../../vm/builtins/builtin-table.ts";
import { isInstructionOnly } from "../../../vm/builtins/par-table.ts";
import { ListValue } from "../../../vm/value/list.ts";
import { MapValue } from "../../../vm/value/map.ts";
import { isOpName, opcode, type OpName, OPCODES } from "../../../vm/bytecode/opcodes.ts";
import { parseType } from "../../../vm/value/type.ts";
import { EnumValue, FloatValue, FnRefValue, I64_MIN, NONE, RecordValue, SomeValue, UNIT, type Value } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { scaledRuns, DEEP, someOf } from "../../cases.ts";
import { arbitraryChoices, type Choices, fixedSample } from "../../choices.ts";
import { CONSTANT_LIST, INDICES, type Kind, MODULE_TYPES, STEPS, UPDATE_PATHS } from "../bytecode-tables.ts";
import { countsOf, sameOnBoth } from "../engines.ts";
import { moduleOf, type TestFunction } from "../helpers.ts";

type Code = TestFunction["code"][number];

const EFFECTS: readonly string[] = [
  "LoadGlobal",
  "StoreGlobal",
  "SpawnActor",
  "SendMsg",
  "ReceiveMsg",
  "ReceiveAs",
  "Assert",
  "CapCall",
  "TryCapCall",
  "GuardSeal",
  "EmitUi",
  "Debug",
  "DebugMsg",
];
/** Instructions that `#update` makes, because their operands depend on each other. */
const WITH_OWN_GENERATOR: readonly OpName[] = ["Update"];
const OPS: readonly OpName[] = Object.keys(OPCODES)
  .filter(isOpName)
  .filter((op) => opcode(op).flow === undefined && !EFFECTS.includes(op) && !WITH_OWN_GENERATOR.includes(op));
const NATIVE_BUILTINS = BUILTINS.filter((b) => b.source === undefined && !isInstructionOnly(b) && !b.name.startsWith("debug")).map((b) => {
  const type = parseType(b.type, new Set(b.typeParams));
  return { id: b.id, count: (type.kind === "fn" ? type.params.length : 0) + (b.convertsJson ? 1 : 0) };
});

const CONSTANTS: readonly Value[] = CONSTANT_LIST.map((value) => (value instanceof FnRefValue ? new FnRefValue(value.index % 2) : value));
/** Function 1 returns its argument. */
const IDENTITY: TestFunction = { arity: 1, code: [["LoadLocal", 0], "Ret"] };
const PARAMETERS = 3;
const LOCALS = 5;
/** Index of the Int 0 among the constants. */
const ZERO = 0;

/** Writes a function around a few random instructions. */
class Around {
  readonly code: Code[] = [];
  readonly #choices: Choices;
  height = 0;

  constructor(choices: Choices) {
    this.#choices = choices;
  }

  /** Usually a constant of the wanted kind, else any constant or one of the numbers. */
  #constant(kind: Kind): Code {
    const wanted = this.#choices.below(4) === 0 ? [] : (INDICES.get(kind) ?? []);
    return ["PushConst", this.#choices.oneOf(wanted) ?? this.#choices.below(this.#choices.below(2) === 0 ? CONSTANTS.length : 24)];
  }

  push(kind: Kind): void {
    const local = PARAMETERS + this.#choices.below(LOCALS - PARAMETERS);
    switch (this.#choices.below(8)) {
      case 0:
        this.code.push(this.#constant(kind), ["StoreLocal", local], ["LoadLocal", local]);
        break;
      case 1:
        this.code.push(["LoadLocal", local]);
        break;
      case 2:
        this.code.push(["LoadLocal", this.#choices.below(PARAMETERS)]);
        break;
      case 3:
        this.code.push(this.#constant(kind), ["MakeList", 1], ["PushConst", ZERO], "ListGet");
        break;
      case 4: {
        // The kind depends on the last parameter at run time.
        const at = this.code.length;
        this.code.push(["LoadLocal", PARAMETERS - 1], ["JmpIf", at + 4], this.#constant(kind), ["Jmp", at + 5], this.#constant(kind));
        break;
      }
      case 5:
        this.code.push(this.#constant(kind), ["Call", 1, 1]);
        break;
      case 6:
        if (this.height > 0) {
          this.code.push("Dup");
          break;
        }
        this.code.push(this.#constant(kind));
        break;
      default:
        this.code.push(this.#constant(kind));
    }
    this.height += 1;
  }

  /** An `Update` of a local that usually holds a value of the wanted kind. */
  #update(): void {
    const local = PARAMETERS + this.#choices.below(LOCALS - PARAMETERS);
    if (this.#choices.below(3) > 0)
      this.code.push(this.#constant(this.#choices.oneOf(["list", "map", "record"]) ?? "list"), ["StoreLocal", local]);
    const { constant, indices } = this.#choices.oneOf(UPDATE_PATHS) ?? { constant: 0, indices: [] };
    for (const kind of [...indices, "any" as const]) this.push(kind);
    this.code.push(["Update", local, constant, indices.length + 1], ["LoadLocal", local]);
    this.height -= indices.length;
  }

  instruction(): void {
    if (this.#choices.below(6) === 0) return this.#update();
    const step = this.#choices.below(2) === 0 ? undefined : this.#choices.oneOf(STEPS);
    const op = step?.op ?? this.#choices.oneOf(OPS) ?? "Nop";
    const row = opcode(op);
    const hosted = this.#choices.oneOf(NATIVE_BUILTINS) ?? { id: 0, count: 1 };
    const builtin = step?.builtin === undefined ? hosted : { id: step.builtin, count: step.takes.length };
    const n = this.#choices.below(4);
    const operands = row.operands.map((kind): number => {
      switch (kind) {
        case "constant":
          return this.#choices.below(CONSTANTS.length);
        case "local":
          return this.#choices.below(LOCALS);
        case "function":
          return 1;
        case "count":
          return op === "Builtin" ? builtin.count : op === "MakeMap" ? 2 * n : op === "MakeClosure" ? n % 2 : n;
        case "builtin":
          return builtin.id;
        case "type":
        case "variant":
          return 1;
        default:
          return n % 3;
      }
    });
    const count = row.popsCount === true ? (operands[row.operands.indexOf("count")] ?? 0) : 0;
    const taken = row.pops + count;
    for (let i = this.#choices.below(3) === 0 ? Math.min(this.height, taken) : 0; i < taken; i++) this.push(step?.takes[i] ?? "any");
    this.code.push([op, ...operands]);
    this.height += row.pushes - row.pops - count;
  }

  finish(): void {
    const way = this.#choices.below(4);
    if (this.height === 0 || way === 0) this.code.push(["LoadLocal", LOCALS - 1], ["MakeList", this.height + 1], "Ret");
    else if (way === 1) this.code.push(["JmpIf", this.code.length + 3], ["PushConst", ZERO], "Ret", ["LoadLocal", 0], "Ret");
    else if (way === 2) this.code.push("Not", "Ret");
    else this.code.push(["MakeList", this.height], "Ret");
  }
}

function moduleOfChoices(choices: Choices): { readonly module: ReturnType<typeof moduleOf>; readonly args: readonly (readonly Value[])[] } {
  const around = new Around(choices);
  for (let i = 1 + choices.below(3); i > 0; i--) around.instruction();
  around.finish();
  const { code } = around;
  const module = moduleOf([{ arity: PARAMETERS, locals: LOCALS, code }, IDENTITY], CONSTANTS, { types: MODULE_TYPES, tasks: 1 });
  const args = Array.from({ length: 3 }, () => Array.from({ length: PARAMETERS }, () => choices.oneOf(CONSTANTS) ?? UNIT));
  return { module, args };
}

test("one to three instructions on any operands", () => {
  fc.assert(
    fc.property(arbitraryChoices(90), (choices) => {
      const { module, args } = moduleOfChoices(choices);
      const program = verifyModule(module);
      for (const each of args) sameOnBoth(program, { args: each, limits: { max_alloc_bytes: 10_000_000 } });
    }),
    { numRuns: scaledRuns(1_200) },
  );
});

test.runIf(DEEP)("the generator makes code that the compiled engine runs to the end, and code that it gives up", () => {
  const counts = fixedSample(arbitraryChoices(90), 100).map((choices) => {
    const { module, args } = moduleOfChoices(choices);
    const program = verifyModule(module);
    for (const each of args) sameOnBoth(program, { args: each, limits: { max_alloc_bytes: 10_000_000 } });
    return countsOf(program);
  });
  expect(counts.some(({ entered, deoptimized }) => entered > deoptimized)).toBe(true);
  expect(counts.some(({ deoptimized }) => deoptimized > 0)).toBe(true);
});

const SOME_OF_EACH: readonly Value[] = [
  0,
  3,
  Number.MAX_SAFE_INTEGER,
  2n ** 53n,
  I64_MIN,
  new FloatValue(1),
  new FloatValue(-0),
  new FloatValue(Number.NaN),
  "",
  "b",
  true,
  false,
  ListValue.of([7, new FloatValue(8)]),
  MapValue.from([["b", 1]]),
  RecordValue.of(0, [new FloatValue(1)]),
  new EnumValue(1, 1, 5),
  new SomeValue(1),
  NONE,
  UNIT,
  new FnRefValue(1),
];
const simpleOperands = (op: OpName): readonly number[] =>
  opcode(op).operands.map((kind) => (kind === "function" || kind === "type" || kind === "variant" ? 1 : 0));
const withPops = (pops: number): readonly OpName[] =>
  OPS.filter((op) => opcode(op).pops === pops && opcode(op).popsCount !== true && opcode(op).pushes === 1);

test.each(withPops(2))("%s of every two kinds, as constants and as parameters", (op) => {
  const tail: readonly Code[] = [[op, ...simpleOperands(op)], "Ret"];
  const parameters = verifyModule(
    moduleOf([{ arity: 2, code: [["LoadLocal", 0], ["LoadLocal", 1], ...tail] }, IDENTITY], [], { types: MODULE_TYPES, tasks: 1 }),
  );
  for (const [i, a] of SOME_OF_EACH.entries()) {
    // `npm test` takes each kind with itself and with one other.
    for (const b of someOf([...SOME_OF_EACH.slice(i), ...SOME_OF_EACH.slice(0, i)])) {
      const known: TestFunction = { code: [["PushConst", 0], ["PushConst", 1], ...tail] };
      const expected = sameOnBoth(verifyModule(moduleOf([known, IDENTITY], [a, b], { types: MODULE_TYPES, tasks: 1 })));
      const found = sameOnBoth(parameters, { args: [a, b] });
      expect(found).toEqual(expected);
    }
  }
});

test.each(withPops(1))("%s of every kind, as a constant and as a parameter", (op) => {
  const tail: readonly Code[] = [[op, ...simpleOperands(op)], "Ret"];
  const parameter = verifyModule(
    moduleOf([{ arity: 1, code: [["LoadLocal", 0], ...tail] }, IDENTITY], [], { types: MODULE_TYPES, tasks: 1 }),
  );
  for (const value of [...SOME_OF_EACH, ...CONSTANTS]) {
    sameOnBoth(verifyModule(moduleOf([{ code: [["PushConst", 0], ...tail] }, IDENTITY], [value], { types: MODULE_TYPES, tasks: 1 })));
    sameOnBoth(parameter, { args: [value] });
  }
});
