/**
 * Decides which functions can be compiled. Such a function is not too large and is statically stacked: the height of its operand
 * stack before every instruction is known. Neither the function nor any function that it calls directly, at any depth, has a
 * side effect.
 */
import { BUILTIN_CODE } from "../builtins/builtin-code.ts";
import { isTypedBuiltin } from "../builtins/typed-code.ts";
import { BUILTIN_BY_ID } from "../builtins/builtin-table.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";

const MAX_INSTRUCTIONS = 4_000;
const MAX_LOCALS = 200;
/** The limit on the arms of all `Match` instructions of a function. A match table counts once for each instruction that uses it. */
const MAX_MATCH_ARMS = 4_000;
/** The limit on the function's `inferenceSize`. */
const MAX_INFERENCE_SIZE = 400_000;

/** Instructions that the host or another actor can observe, or that need the interpreter's frame. */
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

/**
 * Returns for each function of the program whether it can be compiled. A compilable function may still call a function value
 * whose function cannot be compiled. Compiled code checks this when it makes the call.
 */
export function compilableFunctions(program: Program): readonly boolean[] {
  const { functions } = program;
  const isFunctionEligible = functions.map(isEligible);
  const callers: number[][] = functions.map(() => []);
  functions.forEach((fn, i) => {
    if (isFunctionEligible[i] === true) for (const callee of new Set(callees(fn))) callers[callee]?.push(i);
  });
  const work = functions.flatMap((_, i) => (isFunctionEligible[i] === true ? [] : [i]));
  for (let excluded = work.pop(); excluded !== undefined; excluded = work.pop()) {
    for (const caller of callers[excluded] ?? []) {
      if (isFunctionEligible[caller] !== true) continue;
      isFunctionEligible[caller] = false;
      work.push(caller);
    }
  }
  return isFunctionEligible;
}

/** Returns whether the function itself can be compiled, regardless of the functions that it calls. */
function isEligible(fn: VerifiedFunction): boolean {
  const { code } = fn;
  // `CODE_STRIDE` is the number of words per instruction.
  if (!fn.staticallyStacked || code.length > MAX_INSTRUCTIONS * CODE_STRIDE || fn.def.locals > MAX_LOCALS) return false;
  if (inferenceSize(fn) > MAX_INFERENCE_SIZE) return false;
  let arms = 0;
  for (let at = 0; at < code.length; at += CODE_STRIDE) {
    const tag = code[at] ?? 0;
    const first = code[at + 1] ?? 0;
    if (NOT_COMPILED.has(tag)) return false;
    if (tag === OPCODES.Match.tag) arms += fn.def.matchTables[first]?.length ?? 0;
    if (arms > MAX_MATCH_ARMS) return false;
    if (tag === OPCODES.TailCall.tag && first !== fn.index) return false;
    // Only the interpreter runs the builtins that print or that need the actor. It also runs `string.inspect`, which makes its text before
    // it charges for it. If compiled code did that and was discarded, the value and its text would be in memory twice.
    const builtin = tag === OPCODES.Builtin.tag ? (BUILTIN_BY_ID.get(first)?.name ?? "") : undefined;
    if (builtin !== undefined && (builtin === "string.inspect" || (!BUILTIN_CODE.has(builtin) && !isTypedBuiltin(builtin)))) return false;
  }
  return true;
}

/** Returns the number of instructions times the number of stack slots, which limits the state of type inference. */
export function inferenceSize({ code, def, maxStack }: VerifiedFunction): number {
  return (code.length / CODE_STRIDE) * (def.locals + maxStack);
}

function callees({ code }: VerifiedFunction): readonly number[] {
  const calleeIndices: number[] = [];
  for (let at = 0; at < code.length; at += CODE_STRIDE) if (code[at] === OPCODES.Call.tag) calleeIndices.push(code[at + 1] ?? 0);
  return calleeIndices;
}
