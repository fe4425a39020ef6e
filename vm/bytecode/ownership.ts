/**
 * The analysis of assignments to parts of variables, `xs[i] = v`. The target of such an assignment may own its value. Then nothing else
 * refers to the value, and it changes in place (see `value/owner.ts`). The ownership ends when something else may come to refer to the value
 * too. Only the bytecode decides which instructions end it, so this file finds them for both engines. In
 * `xs[i] = xs[j]`, with `xs` in local 0:
 *
 *     LoadLocal 1      i
 *     LoadLocal 0      xs. No role: the next instructions read only a part of it
 *     LoadLocal 2      j
 *     ListGet          OWNERSHIP.take: the stack now refers to the part too. If `xs` owns the part, the ownership ends
 *     Update 0 "[]" 2
 *
 * Ownership begins in one of two ways. An `Update` copies the values that the variable does not own, and the variable owns the copies.
 * Or the variable is set to a new value that nothing else refers to.
 */
import { BUILTINS, BUILTIN_BY_ID } from "../builtins/builtin-table.ts";
import { memoizeInObject, lazily } from "../lazy.ts";
import { parseType, type Type } from "../value/type.ts";
import { opcodeOf, OPCODES, type OpcodeRow } from "./opcodes.ts";
import { followOperands, type Origin, type VisitedInstruction } from "./operand-origins.ts";
import type { VerifiedFunction } from "./program.ts";
import { CODE_STRIDE } from "./stack-heights.ts";

/** The roles of instructions. An instruction that does nothing to an owner has the role `none`. */
export const OWNERSHIP = {
  none: 0,
  /** Loads a target. Something else may now refer to its value too, so the ownership ends. */
  release: 1,
  /** Reads a part of a value that a target may own. If the part is owned, its ownership ends. */
  take: 2,
  /** Sets a target to a value that was just made. The ownership begins. */
  begin: 3,
  /** Appends to a target that is then set to the result. The ownership stays. */
  push: 4,
} as const;

interface Ownership {
  /** The role of each instruction, as a value of `OWNERSHIP`. */
  readonly roles: Uint8Array;
  /** The locals that are targets of an `Update`. */
  readonly targets: ReadonlySet<number>;
}

const NONE: Ownership = { roles: new Uint8Array(), targets: new Set() };

/** Returns the roles in a function. In a dynamically stacked function, every load of a target releases, because operands cannot be followed. */
export const analyzeOwnership: (fn: VerifiedFunction) => Ownership = memoizeInObject((fn: VerifiedFunction) => {
  const targets = targetsOf(fn.code);
  return targets.size === 0 ? NONE : analyze(fn, targets);
});

/**
 * Returns the locals that grow by appends, as in `xs = list.push(xs, x)`, as `targets`. A parameter or the target of an `Update` is not among
 * them. Of the roles, two matter: `push` is such an append, and `release` a load after which something else may refer to the list too.
 */
export const analyzeListAppends: (fn: VerifiedFunction) => Ownership = memoizeInObject((fn: VerifiedFunction) => {
  const { code, def } = fn;
  if (!fn.staticallyStacked) return NONE;
  const targets = new Set<number>();
  // `CODE_STRIDE` is the number of words per instruction.
  for (let at = CODE_STRIDE; at < code.length; at += CODE_STRIDE) {
    const local = code[at + 1] ?? 0;
    if (code[at] !== OPCODES.StoreLocal.tag || local < def.arity) continue;
    const opcode = opcodeOf(code[at - CODE_STRIDE] ?? -1);
    if (opcode !== undefined && builtinName(opcode, code[at - CODE_STRIDE + 1] ?? 0) === "list.push") targets.add(local);
  }
  if (targets.size > 0) for (const updated of targetsOf(code)) targets.delete(updated);
  return targets.size === 0 ? NONE : analyze(fn, targets);
});

function targetsOf(code: Int32Array): ReadonlySet<number> {
  const targets = new Set<number>();
  // `CODE_STRIDE` is the number of words per instruction.
  for (let at = 0; at < code.length; at += CODE_STRIDE) if (code[at] === OPCODES.Update.tag) targets.add(code[at + 1] ?? 0);
  return targets;
}

/** `Origin.local` of a value that was just made and comes from no local. */
const NEW_VALUE = -1;

function analyze(fn: VerifiedFunction, targets: ReadonlySet<number>): Ownership {
  const { code } = fn;
  const roles = new Uint8Array(code.length / CODE_STRIDE);
  for (let pc = 0; pc < roles.length; pc++)
    if (code[pc * CODE_STRIDE] === OPCODES.LoadLocal.tag && targets.has(code[pc * CODE_STRIDE + 1] ?? 0)) roles[pc] = OWNERSHIP.release;
  if (!fn.staticallyStacked) return { roles, targets };
  followOperands(fn, (visited) => {
    const { pc, opcode, operand, popped, originOf, storesBefore } = visited;
    if (opcode.tag === OPCODES.StoreLocal.tag) {
      const origin = originOf(0);
      if (!targets.has(operand) || origin === undefined) return undefined;
      if (origin.local === NEW_VALUE) roles[pc] = OWNERSHIP.begin;
      else if (origin.local === operand && origin.storesBefore === storesBefore(operand) && origin.laterPcs[0] === pc - 1) {
        roles[origin.loadPc] = OWNERSHIP.none;
        roles[pc - 1] = OWNERSHIP.push;
      }
      return undefined;
    }
    if (opcode.tag === OPCODES.GetField.tag || opcode.tag === OPCODES.ListGet.tag) {
      const origin = targetOrigin(targets, visited, popped - 1);
      if (origin === undefined) return undefined;
      roles[origin.loadPc] = OWNERSHIP.none;
      roles[pc] = OWNERSHIP.take;
      return { local: origin.local, storesBefore: origin.storesBefore, loadPc: pc, laterPcs: [] };
    }
    const use = operandUse(opcode, operand);
    if (use === "new") return { local: NEW_VALUE, storesBefore: 0, loadPc: pc, laterPcs: [] };
    if (use === "push") {
      const origin = targetOrigin(targets, visited, 1);
      // The next store decides whether the push is an append to the local.
      if (origin === undefined || roles[origin.loadPc] !== OWNERSHIP.release) return undefined;
      origin.laterPcs.push(pc);
      return origin;
    }
    if (use === undefined) return undefined;
    for (let above = 0; above < popped; above++) {
      const origin = targetOrigin(targets, visited, above);
      if (origin === undefined) continue;
      roles[origin.loadPc] = OWNERSHIP.none;
      if (use === "part") roles[pc] = OWNERSHIP.take;
    }
    return undefined;
  });
  return { roles, targets };
}

/** Returns the origin of an operand that was loaded from a target, or is a part of it. Undefined if the target was set since then. */
function targetOrigin(
  targets: ReadonlySet<number>,
  { originOf, storesBefore }: Readonly<VisitedInstruction>,
  above: number,
): Origin | undefined {
  const origin = originOf(above);
  if (origin === undefined || !targets.has(origin.local) || origin.storesBefore !== storesBefore(origin.local)) return undefined;
  return origin.laterPcs.length === 0 ? origin : undefined;
}

/**
 * What an instruction does with its operands:
 * - `value`: neither stores nor returns any of them;
 * - `part`: returns a part of one operand, perhaps in an Option;
 * - `new`: returns a value that nothing else refers to;
 * - `push`: is `list.push`.
 */
type OperandUse = "value" | "part" | "new" | "push";

/** Builtins whose result is always a new list, which shares no storage with other lists. */
const NEW_LISTS: ReadonlySet<string> = new Set([
  "list.repeat",
  "list.range",
  "list.reverse",
  "list.sort",
  "list.unique",
  "list.flatten",
  "map.keys",
  "map.values",
  "string.chars",
  "string.split",
]);
/** Builtins that make a new list of parts of their operand. */
const LISTS_OF_PARTS: ReadonlySet<string> = new Set(["map.keys", "map.values"]);
const NEW_VALUES: ReadonlySet<number> = new Set([OPCODES.MakeList, OPCODES.MakeMap, OPCODES.MakeRecord].map(({ tag }) => tag));
/** Their results are numbers, texts or Bools, which have no owner. */
const COMPUTE: ReadonlySet<number> = new Set(
  [
    OPCODES.Add,
    OPCODES.Sub,
    OPCODES.Mul,
    OPCODES.Div,
    OPCODES.Mod,
    OPCODES.FDiv,
    OPCODES.Neg,
    OPCODES.Lt,
    OPCODES.Lte,
    OPCODES.Gt,
    OPCODES.Gte,
    OPCODES.Not,
    OPCODES.And,
    OPCODES.Or,
  ].map(({ tag }) => tag),
);
const KEEP_NO_OPERAND: ReadonlySet<number> = new Set([OPCODES.Eq, OPCODES.Neq, OPCODES.Pop].map(({ tag }) => tag));

/** Returns what the instruction does with its operands; undefined if it may do anything. */
function operandUse(opcode: OpcodeRow, operand: number): OperandUse | undefined {
  if (NEW_VALUES.has(opcode.tag)) return "new";
  if (KEEP_NO_OPERAND.has(opcode.tag)) return "value";
  const name = builtinName(opcode, operand);
  return name === undefined ? undefined : builtinUses().get(name);
}

/** Returns the name of the builtin that an instruction calls; undefined for other instructions. `operand` is the first one in the code. */
export function builtinName(opcode: OpcodeRow, operand: number): string | undefined {
  return opcode.tag === OPCODES.Builtin.tag ? BUILTIN_BY_ID.get(operand)?.name : opcode.builtin;
}

/** Returns whether an instruction stores none of its operands. It may return parts of an operand, but not the value in an Option or a Result. */
export function keepsNoOperand(opcode: OpcodeRow, operand: number): boolean {
  const use = operandUse(opcode, operand);
  const name = builtinName(opcode, operand) ?? "";
  if (COMPUTE.has(opcode.tag) || LISTS_OF_PARTS.has(name)) return true;
  return use === "value" || (use === "part" && name !== "result.to_option");
}

/** Returns whether the result of a builtin is always a new list, which shares no storage with other lists. */
export const makesNewList = (name: string): boolean => NEW_LISTS.has(name);

const builtinUses = lazily(
  (): ReadonlyMap<string, OperandUse | undefined> =>
    new Map(
      BUILTINS.filter(({ source }) => source === undefined).map((b): readonly [string, OperandUse | undefined] => {
        if (b.name === "list.push") return [b.name, "push"];
        if (b.name === "map.at") return [b.name, "part"];
        if (NEW_LISTS.has(b.name)) return [b.name, "new"];
        const type = parseType(b.type, new Set(b.typeParams));
        return [b.name, type.kind === "fn" ? useOfResult(type.result) : undefined];
      }),
    ),
);

function useOfResult(result: Type): OperandUse | undefined {
  // A Json may be a list or a map.
  if (result.kind === "primitive" && result.name !== "Json") return "value";
  // An Option of a type parameter or a primitive type holds at most one part. An Option of another type could hold a new value with several
  // parts.
  const isPart =
    result.kind === "named" && result.name === "Option" && (result.args[0]?.kind === "param" || result.args[0]?.kind === "primitive");
  return isPart ? "part" : undefined;
}
