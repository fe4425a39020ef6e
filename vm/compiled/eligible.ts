/** Which functions can be compiled: regular ones, of bounded size, that cannot reach an effect by a direct call. */
import { BUILTIN_CODE } from "../builtins/builtin-code.ts";
import { BUILTIN_BY_ID } from "../builtins/builtin-table.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";

const MAX_INSTRUCTIONS = 4_000;
const MAX_LOCALS = 200;
/** Arms of all matches of a function: a table counts for each instruction that uses it. */
const MAX_ARMS = 4_000;
/** Instructions times locals and operands: what is known of each place takes that much. */
const MAX_PLACES = 400_000;

/** What the host or another actor could see, and what a frame of the interpreter has to be there for. */
const EFFECTS: ReadonlySet<number> = new Set(
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
    OPCODES.Assert,
    OPCODES.GuardSeal,
    OPCODES.Debug,
    OPCODES.DebugMsg,
    OPCODES.Halt,
  ].map((row) => row.tag),
);

/** One answer for each function of the program. A function value may still lead elsewhere: that shows when it is called. */
export function compilable(program: Program): readonly boolean[] {
  const { functions } = program;
  const yes = functions.map(isPlain);
  const callers: number[][] = functions.map(() => []);
  functions.forEach((fn, i) => {
    if (yes[i] === true) for (const callee of new Set(callees(fn))) callers[callee]?.push(i);
  });
  const work = functions.flatMap((_, i) => (yes[i] === true ? [] : [i]));
  for (let not = work.pop(); not !== undefined; not = work.pop()) {
    for (const caller of callers[not] ?? []) {
      if (yes[caller] !== true) continue;
      yes[caller] = false;
      work.push(caller);
    }
  }
  return yes;
}

function isPlain(fn: VerifiedFunction): boolean {
  const { code } = fn;
  if (!fn.staticallyStacked || code.length > MAX_INSTRUCTIONS * CODE_STRIDE || fn.def.locals > MAX_LOCALS) return false;
  if (placesOf(fn) > MAX_PLACES) return false;
  let arms = 0;
  for (let at = 0; at < code.length; at += CODE_STRIDE) {
    const tag = code[at] ?? 0;
    const first = code[at + 1] ?? 0;
    if (EFFECTS.has(tag)) return false;
    if (tag === OPCODES.Match.tag) arms += fn.def.matchTables[first]?.length ?? 0;
    if (arms > MAX_ARMS) return false;
    if (tag === OPCODES.TailCall.tag && first !== fn.index) return false;
    // The interpreter's own builtins print, or name the module's types.
    if (tag === OPCODES.Builtin.tag && !BUILTIN_CODE.has(BUILTIN_BY_ID.get(first)?.name ?? "")) return false;
  }
  return true;
}

/** How large what is known of a function's values gets while it is compiled. */
export function placesOf({ code, def, maxStack }: VerifiedFunction): number {
  return (code.length / CODE_STRIDE) * (def.locals + maxStack);
}

function callees({ code }: VerifiedFunction): readonly number[] {
  const found: number[] = [];
  for (let at = 0; at < code.length; at += CODE_STRIDE) if (code[at] === OPCODES.Call.tag) found.push(code[at + 1] ?? 0);
  return found;
}
