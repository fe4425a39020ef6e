/**
 * Decides which functions can be compiled. Such a function is not too large and is statically stacked: the height of its operand
 * stack before every instruction is known.
 *
 * A function is pure if neither it nor any function that it calls directly, at any depth, has a side effect. Compiled code can run a complete
 * call of such a function. Other functions have *leaves*: instructions that have a side effect, that call a function that is not pure, or
 * that have no compiled form. Compiled code of such a function runs in a frame of the interpreter. It leaves the frame before a leaf, and is
 * entered again after it. Code can execute some leaves itself (`isEffect` in `control-flow-graph.ts`).
 *
 * Function values are followed only this far: in a function that makes a value of a function that is not pure, no call of a function
 * value is pure, and no call of a function that calls function values.
 */
import { BUILTIN_CODE } from "../builtins/builtin-code.ts";
import { isTypedBuiltin } from "../builtins/typed-code.ts";
import { BUILTIN_BY_ID } from "../builtins/builtin-table.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { FnRefValue } from "../value/value.ts";
import type { Leaves } from "./control-flow-graph.ts";
import { liveBefore } from "./live-locals.ts";

const MAX_INSTRUCTIONS = 4_000;
const MAX_LOCALS = 200;
/** The limit on the arms of all `Match` instructions of a function. A match table counts once for each instruction that uses it. */
const MAX_MATCH_ARMS = 4_000;
/** The limit on the function's `inferenceSize`. */
const MAX_INFERENCE_SIZE = 400_000;

/** Instructions without a compiled form, which the host or another actor can observe, or which need the interpreter's frame. */
const NOT_COMPILED: ReadonlySet<number> = new Set(
  [
    OPCODES.LoadGlobal,
    OPCODES.StoreGlobal,
    OPCODES.CapCall,
    OPCODES.TryCapCall,
    OPCODES.EmitUi,
    OPCODES.SpawnActor,
    OPCODES.SendMsg,
    OPCODES.ReceiveMsg,
    OPCODES.ReceiveAs,
    OPCODES.ParMap,
    OPCODES.Par,
    OPCODES.Assert,
    OPCODES.GuardSeal,
    OPCODES.Debug,
    OPCODES.DebugMsg,
    OPCODES.Halt,
  ].map((row) => row.tag),
);

/** Facts about the functions of a program, by index. They decide which instructions are leaves. */
export interface Purity {
  readonly isPure: readonly boolean[];
  /** Whether the function, or one that it calls, calls function values. */
  readonly callsValues: readonly boolean[];
}

/** Returns the leaves of a function. Returns undefined if the function cannot be compiled. */
export function leavesOf(program: Program, fn: VerifiedFunction, { isPure, callsValues }: Purity): Leaves | undefined {
  if (!hasBoundedSize(fn)) return undefined;
  const { code } = fn;
  const makesImpure = functionsIn(program, fn, MAKES_FUNCTION).some((index) => isPure[index] !== true);
  const leaves = new Map<number, Uint8Array>();
  for (let pc = 0; pc * CODE_STRIDE < code.length; pc++) {
    const tag = code[pc * CODE_STRIDE];
    const callee = code[pc * CODE_STRIDE + 1] ?? 0;
    const isPureCall =
      tag === OPCODES.Call.tag
        ? isPure[callee] === true && !(makesImpure && callsValues[callee] === true)
        : !(makesImpure && tag === OPCODES.CallIndirect.tag);
    if (isPureCall && canCompile(fn, pc)) continue;
    // This is `string.inspect` in a loop. The code before it may be discarded and run again, so its values could be in memory twice, in
    // addition to the text.
    if (isInspect(fn, pc) && isInLoop(fn, pc)) return undefined;
    const live = liveBefore(fn, pc);
    if (live === undefined) return undefined;
    leaves.set(pc, live);
  }
  return leaves;
}

/**
 * Returns 1 for each local whose slot a snapshot holds if the frame is before the instruction at `pc`; undefined if it holds the slots of all
 * locals. Compiled code does not keep the slots of dead locals up to date, and a snapshot must not depend on the engine.
 */
export const localsInSnapshot = (fn: VerifiedFunction, pc: number): Uint8Array | undefined =>
  hasBoundedSize(fn) ? liveBefore(fn, pc) : undefined;

/**
 * Finds the pure functions. A pure function may still call a function value, such as a parameter, whose function is not pure. Compiled code
 * checks this when it makes the call.
 */
export function purityOf(program: Program): Purity {
  const { functions } = program;
  const callees = functions.map((fn) => functionsIn(program, fn, CALLS_FUNCTION));
  const callsValues = withCallers(
    functions.map((fn) => hasTag(fn, OPCODES.CallIndirect.tag)),
    callees,
  );
  /** The functions that must be pure for the function to be pure. */
  const needed = functions.map((fn, i) =>
    callsValues[i] === true ? [...(callees[i] ?? []), ...functionsIn(program, fn, MAKES_FUNCTION)] : (callees[i] ?? []),
  );
  const isImpure = withCallers(
    functions.map((fn) => !isEligible(fn)),
    needed,
  );
  return { isPure: isImpure.map((impure) => !impure), callsValues };
}

/** Returns which functions have a property, or need a function that has it. */
function withCallers(hasIt: boolean[], needed: readonly (readonly number[])[]): readonly boolean[] {
  const callers: number[][] = hasIt.map(() => []);
  needed.forEach((indices, i) => {
    for (const index of indices) callers[index]?.push(i);
  });
  const work = hasIt.flatMap((has, i) => (has ? [i] : []));
  for (let next = work.pop(); next !== undefined; next = work.pop()) {
    for (const caller of callers[next] ?? []) {
      if (hasIt[caller] === true) continue;
      hasIt[caller] = true;
      work.push(caller);
    }
  }
  return hasIt;
}

/** Returns whether the function itself can be compiled, regardless of the functions that it calls. */
function isEligible(fn: VerifiedFunction): boolean {
  for (let pc = 0; pc * CODE_STRIDE < fn.code.length; pc++) if (!canCompile(fn, pc)) return false;
  return hasBoundedSize(fn);
}

function hasBoundedSize(fn: VerifiedFunction): boolean {
  const { code } = fn;
  // `CODE_STRIDE` is the number of words per instruction.
  if (!fn.staticallyStacked || code.length > MAX_INSTRUCTIONS * CODE_STRIDE || fn.def.locals > MAX_LOCALS) return false;
  if (inferenceSize(fn) > MAX_INFERENCE_SIZE) return false;
  let arms = 0;
  for (let at = 0; at < code.length; at += CODE_STRIDE)
    if (code[at] === OPCODES.Match.tag) arms += fn.def.matchTables[code[at + 1] ?? 0]?.length ?? 0;
  return arms <= MAX_MATCH_ARMS;
}

/** Returns whether there is a compiled form of an instruction, if it is not a direct call. */
function canCompile({ code, index }: VerifiedFunction, pc: number): boolean {
  const tag = code[pc * CODE_STRIDE] ?? 0;
  const first = code[pc * CODE_STRIDE + 1] ?? 0;
  if (NOT_COMPILED.has(tag)) return false;
  if (tag === OPCODES.TailCall.tag) return first === index;
  if (tag !== OPCODES.Builtin.tag) return true;
  // Only the interpreter runs the builtins that print. It also runs `string.inspect`, which makes its text before
  // it charges for it. If compiled code did that and was discarded, the value and its text would be in memory twice.
  const builtin = BUILTIN_BY_ID.get(first)?.name ?? "";
  if (builtin === "self") return code[pc * CODE_STRIDE + 2] === 0;
  return builtin !== "string.inspect" && (BUILTIN_CODE.has(builtin) || isTypedBuiltin(builtin));
}

function isInspect({ code }: VerifiedFunction, pc: number): boolean {
  const id = code[pc * CODE_STRIDE + 1] ?? 0;
  return code[pc * CODE_STRIDE] === OPCODES.Builtin.tag && BUILTIN_BY_ID.get(id)?.name === "string.inspect";
}

/** Returns whether the instruction at `pc` or a later one can continue at or before `pc`. */
function isInLoop({ code, index, def }: VerifiedFunction, pc: number): boolean {
  for (let at = pc * CODE_STRIDE; at < code.length; at += CODE_STRIDE) {
    const tag = code[at] ?? 0;
    const first = code[at + 1] ?? 0;
    if (JUMPS.has(tag) && first <= pc) return true;
    if (tag === OPCODES.TailCall.tag && first === index) return true;
    if (tag === OPCODES.Match.tag && def.matchTables[first]?.some(({ target }) => target <= pc) === true) return true;
  }
  return false;
}

/** Returns the number of instructions times the number of stack slots, which limits the state of type inference. */
export function inferenceSize({ code, def, maxStack }: VerifiedFunction): number {
  return (code.length / CODE_STRIDE) * (def.locals + maxStack);
}

const JUMPS: ReadonlySet<number> = new Set([OPCODES.Jmp.tag, OPCODES.JmpIf.tag, OPCODES.JmpIfNot.tag]);
const CALLS_FUNCTION: ReadonlySet<number> = new Set([OPCODES.Call.tag]);
const MAKES_FUNCTION: ReadonlySet<number> = new Set([OPCODES.MakeClosure.tag, OPCODES.PushConst.tag]);

/** Returns the functions that instructions with these tags name, or that are among their constants. */
function functionsIn({ module }: Program, { code }: VerifiedFunction, tags: ReadonlySet<number>): readonly number[] {
  const indices = new Set<number>();
  for (let at = 0; at < code.length; at += CODE_STRIDE) {
    const tag = code[at] ?? 0;
    if (!tags.has(tag)) continue;
    const operand = code[at + 1] ?? 0;
    const constant = tag === OPCODES.PushConst.tag ? module.constants[operand] : undefined;
    if (tag !== OPCODES.PushConst.tag) indices.add(operand);
    else if (constant instanceof FnRefValue) indices.add(constant.index);
  }
  return [...indices];
}

function hasTag({ code }: VerifiedFunction, tag: number): boolean {
  for (let at = 0; at < code.length; at += CODE_STRIDE) if (code[at] === tag) return true;
  return false;
}
