/**
 * Type inference. It finds the kind of every local and operand at the start of each basic block, and the kinds of the
 * parameters and results of all functions in a compilation unit. It is a forward data-flow analysis over the lattice
 * `never` < `safeInt`, `float`, `bool`, `string` < `any`. If the paths to a block give a value different kinds, it gets `any`.
 *
 * The kinds decide what the generator writes, for example for `a + b`. For two safe Ints it writes a JavaScript `+` and a
 * range check. For two Floats it writes only a `+` on unboxed numbers. For two values of kind `any` it writes checks of both
 * kinds, or a call to the runtime.
 */
import { BUILTIN_BY_ID, BUILTINS } from "../builtins/builtin-table.ts";
import { OPCODE_BY_TAG, OPCODES } from "../bytecode/opcodes.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { parseType } from "../value/type.ts";
import { FloatValue, type Value } from "../value/value.ts";
import type { ControlFlowGraph } from "./control-flow-graph.ts";

/**
 * `safeInt` is an Int in JavaScript's safe integer range; `any` includes all other Ints, which may be a `bigint`.
 * `never` means that inference has found no value yet. Compiled code holds a value of kind `float` as an unboxed number and
 * a value of any other kind in the interpreter's representation.
 */
export type ValueKind = "never" | "safeInt" | "float" | "bool" | "string" | "any";

/** Returns the lowest kind in the lattice that includes both kinds. */
export function join(a: ValueKind, b: ValueKind): ValueKind {
  if (a === b || b === "never") return a;
  return a === "never" ? b : "any";
}

export function kindOf(value: Value | undefined): ValueKind {
  if (typeof value === "number") return "safeInt";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  return value instanceof FloatValue ? "float" : "any";
}

/** Builtins whose Int result is always a safe Int. */
const SAFE_INT_BUILTINS: ReadonlySet<string> = new Set(["list.len", "string.len", "map.len", "string.compare"]);
const RESULT_KINDS: ReadonlyMap<string, ValueKind> = new Map([
  ["String", "string"],
  ["Bool", "bool"],
  ["Float", "float"],
]);
/** The kinds of the builtins' results, by id. */
const BUILTIN_KINDS: ReadonlyMap<number, ValueKind> = new Map(
  BUILTINS.map((b): [number, ValueKind] => {
    const type = parseType(b.type, new Set(b.typeParams));
    const result = type.kind === "fn" && type.result.kind === "primitive" ? type.result.name : "";
    return [b.id, SAFE_INT_BUILTINS.has(b.name) ? "safeInt" : (RESULT_KINDS.get(result) ?? "any")];
  }),
);

export function builtinKind(id: number): ValueKind {
  return BUILTIN_BY_ID.has(id) ? (BUILTIN_KINDS.get(id) ?? "any") : "any";
}

/**
 * Returns the kind of the result of `+ - * /` or `%`, given the opcode's tag and the operands' kinds. With guesses, an
 * operand of kind `any` is assumed to be a safe Int, and the result too; compiled code checks these guesses. Without guesses,
 * the result may be any Int.
 */
export function arithmeticKind(tag: number, a: ValueKind, b: ValueKind, withoutGuesses: boolean): ValueKind {
  if (a === "never" || b === "never") return "never";
  if (tag === OPCODES.FDiv.tag) return "float";
  const divides = tag === OPCODES.Div.tag || tag === OPCODES.Mod.tag;
  if (a === "safeInt" && b === "safeInt") return withoutGuesses && !divides ? "any" : "safeInt";
  if (tag !== OPCODES.Mod.tag && (a === "float" || b === "float")) return "float";
  if (tag === OPCODES.Add.tag && (a === "string" || b === "string")) return "string";
  const mayBeInt = (kind: ValueKind): boolean => kind === "safeInt" || kind === "any";
  return !withoutGuesses && mayBeInt(a) && mayBeInt(b) ? "safeInt" : "any";
}

export function concatKind(a: ValueKind, b: ValueKind): ValueKind {
  if (a === "never" || b === "never") return "never";
  return a === "string" || b === "string" ? "string" : "any";
}

export function negationKind(a: ValueKind): ValueKind {
  return a === "safeInt" || a === "float" || a === "never" ? a : "any";
}

/** The kinds of a frame's locals and operands at one point of the code. The kinds of dead locals have no meaning. */
export interface FrameKinds {
  readonly locals: ValueKind[];
  readonly stack: ValueKind[];
}

/** A function compiled for one entry point and one set of kinds. It runs a whole call, or the rest of a call from a loop header on. */
export interface FunctionVersion {
  readonly fn: VerifiedFunction;
  /** The pc at which the version begins: 0 for a whole call, otherwise a loop header. */
  readonly start: number;
  readonly graph: ControlFlowGraph;
  /** For each block and each local, 1 if the local is live at the start of the block. */
  readonly live: readonly Uint8Array[];
  /** Whether the function is compiled without guesses about kinds, because one was wrong before. See `arithmeticKind`. */
  readonly withoutGuesses: boolean;
  /** The kinds at the entry point. In a whole call only parameters have a kind. At a loop header all locals and operands have one. */
  readonly entry: FrameKinds;
  result: ValueKind;
  /** The kinds at the start of each block; undefined for a block that inference has not reached. */
  blocks: (FrameKinds | undefined)[];
}

/** The part of a compilation unit that type inference needs. */
interface UnitKinds {
  readonly constants: readonly Value[];
  /** Returns the kind of a call's result, and joins the kinds of the arguments into those of the callee's parameters. */
  readonly call: (index: number, args: readonly ValueKind[]) => ValueKind;
}

/** Joins the kinds at the end of one block into those at the start of block `to`. If these change, queues block `to`. */
type FlowInto = (to: number, locals: readonly ValueKind[], stack: readonly ValueKind[]) => void;

/** Infers the version's `blocks` and `result`. Kinds only rise in the lattice, so a fixed point is reached after few passes. */
export function inferKinds(version: FunctionVersion, unit: UnitKinds): void {
  const { graph, entry } = version;
  version.blocks = graph.map((_, i) => (i === 0 ? { locals: entry.locals.slice(), stack: entry.stack.slice() } : undefined));
  const queue = [0];
  const isQueued = new Uint8Array(graph.length);
  const flowInto: FlowInto = (to, locals, stack) => {
    const blockKinds = version.blocks[to];
    if (blockKinds === undefined) version.blocks[to] = { locals: locals.slice(), stack: stack.slice() };
    else {
      const localsRose = raise(blockKinds.locals, locals, version.live[to]);
      const stackRose = raise(blockKinds.stack, stack);
      if (!localsRose && !stackRose) return;
    }
    if (isQueued[to] === 1) return;
    isQueued[to] = 1;
    queue.push(to);
  };
  for (let i = queue.pop(); i !== undefined; i = queue.pop()) {
    isQueued[i] = 0;
    inferBlock(version, i, unit, flowInto);
  }
}

/** Joins `newKinds` into `targetKinds`, except for dead locals. Returns whether a kind rose in the lattice. */
function raise(targetKinds: ValueKind[], newKinds: readonly ValueKind[], live?: Uint8Array): boolean {
  let hasChanged = false;
  for (let i = 0; i < targetKinds.length; i++) {
    if (live !== undefined && live[i] === 0) continue;
    const joinedKind = join(targetKinds[i] ?? "any", newKinds[i] ?? "any");
    if (joinedKind !== targetKinds[i]) {
      targetKinds[i] = joinedKind;
      hasChanged = true;
    }
  }
  return hasChanged;
}

function inferBlock(version: FunctionVersion, index: number, unit: UnitKinds, flowInto: FlowInto): void {
  const block = version.graph[index];
  const entry = version.blocks[index];
  if (block === undefined || entry === undefined) return;
  const locals = entry.locals.slice();
  const stack = entry.stack.slice();
  const { exit } = block;
  // The switch below reads the operands of a final `Ret` or `TailCall`.
  const end = exit.kind === "tail" || exit.kind === "return" ? Math.max(block.start, block.end - 1) : block.end;
  for (let pc = block.start; pc < end; pc++) inferInstruction(version, pc, { locals, stack }, unit);
  switch (exit.kind) {
    case "return":
      version.result = join(version.result, block.start === block.end ? "any" : (stack.at(-1) ?? "any"));
      return;
    case "jump":
      return flowInto(exit.to, locals, stack);
    case "branch":
      flowInto(exit.ifTrue, locals, stack);
      return flowInto(exit.ifFalse, locals, stack);
    case "match":
      for (const arm of exit.arms) flowInto(arm.to, locals, stack);
      return;
    case "tail": {
      const count = version.fn.code[(block.end - 1) * CODE_STRIDE + 2] ?? 0;
      const args = stack.slice(stack.length - count);
      const { arity } = version.fn.def;
      flowInto(
        exit.to,
        locals.map((_, i) => (i < Math.min(count, arity) ? (args[i] ?? "any") : "any")),
        [],
      );
    }
  }
}

/** Changes the kinds as one instruction does that is not control flow. */
function inferInstruction(version: FunctionVersion, pc: number, { locals, stack }: FrameKinds, unit: UnitKinds): void {
  const { code } = version.fn;
  // `CODE_STRIDE` is the number of words per instruction.
  const at = pc * CODE_STRIDE;
  const [tag, first, second] = [code[at] ?? 0, code[at + 1] ?? 0, code[at + 2] ?? 0];
  const pop = (): ValueKind => stack.pop() ?? "any";
  const popMany = (count: number): readonly ValueKind[] => stack.splice(stack.length - count, count);
  switch (tag) {
    case OPCODES.PushConst.tag:
      stack.push(kindOf(unit.constants[first]));
      return;
    case OPCODES.LoadLocal.tag:
      stack.push(locals[first] ?? "any");
      return;
    case OPCODES.StoreLocal.tag:
      locals[first] = pop();
      return;
    case OPCODES.Update.tag:
      popMany(code[at + 3] ?? 0);
      locals[first] = "any";
      return;
    case OPCODES.Add.tag:
    case OPCODES.Sub.tag:
    case OPCODES.Mul.tag:
    case OPCODES.Div.tag:
    case OPCODES.Mod.tag:
    case OPCODES.FDiv.tag: {
      const b = pop();
      stack.push(arithmeticKind(tag, pop(), b, version.withoutGuesses));
      return;
    }
    case OPCODES.Concat.tag: {
      const b = pop();
      stack.push(concatKind(pop(), b));
      return;
    }
    case OPCODES.Neg.tag:
      stack.push(negationKind(pop()));
      return;
    case OPCODES.Eq.tag:
    case OPCODES.Neq.tag:
    case OPCODES.Lt.tag:
    case OPCODES.Lte.tag:
    case OPCODES.Gt.tag:
    case OPCODES.Gte.tag:
    case OPCODES.And.tag:
    case OPCODES.Or.tag:
      popMany(2);
      stack.push("bool");
      return;
    case OPCODES.Not.tag:
      pop();
      stack.push("bool");
      return;
    case OPCODES.JsonKind.tag:
      pop();
      stack.push("safeInt");
      return;
    case OPCODES.Dup.tag:
      stack.push(stack.at(-1) ?? "any");
      return;
    case OPCODES.Call.tag:
      stack.push(unit.call(first, popMany(second)));
      return;
    case OPCODES.Builtin.tag:
      popMany(second);
      stack.push(builtinKind(first));
      return;
    default:
      inferByTable(tag, first, second, stack);
  }
}

const BUILTIN_IDS: ReadonlyMap<string, number> = new Map(BUILTINS.map((b) => [b.name, b.id]));

/** Pops and pushes as many kinds as the opcode table says. A pushed kind is that of the opcode's builtin, otherwise `any`. */
function inferByTable(tag: number, first: number, second: number, stack: ValueKind[]): void {
  const row = OPCODE_BY_TAG.get(tag);
  if (row === undefined) return;
  const count = row.popsCount !== true ? 0 : row.operands[0] === "count" ? first : second;
  stack.length -= row.pops + count;
  const id = row.builtin === undefined ? undefined : BUILTIN_IDS.get(row.builtin);
  for (let i = 0; i < row.pushes; i++) stack.push(id === undefined ? "any" : builtinKind(id));
}
