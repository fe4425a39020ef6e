/** Which functions can be compiled: regular ones, of bounded size, that cannot reach an effect by a direct call. */
import { BUILTIN_CODE } from "../builtin-code.ts";
import { BUILTIN_BY_ID } from "../builtins.ts";
import { OPCODES } from "../opcodes.ts";
import type { Program, VerifiedFunction } from "../program.ts";
import { CODE_STRIDE } from "../stack-heights.ts";

const MAX_INSTRUCTIONS = 4_000;
const MAX_LOCALS = 200;

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
    OPCODES.Assert,
    OPCODES.GuardSeal,
    OPCODES.Debug,
    OPCODES.DebugMsg,
    OPCODES.Halt,
  ].map((row) => row.tag),
);

/** One answer for each function of the program. A function value may still lead elsewhere: that shows when it is called. */
export function compilable(program: Program): readonly boolean[] {
  const yes = program.functions.map(isPlain);
  for (let changed = true; changed; ) {
    changed = false;
    program.functions.forEach((fn, i) => {
      if (yes[i] === true && callees(fn).some((callee) => yes[callee] !== true)) {
        yes[i] = false;
        changed = true;
      }
    });
  }
  return yes;
}

function isPlain(fn: VerifiedFunction): boolean {
  const { code } = fn;
  if (!fn.regular || code.length > MAX_INSTRUCTIONS * CODE_STRIDE || fn.def.locals > MAX_LOCALS) return false;
  for (let at = 0; at < code.length; at += CODE_STRIDE) {
    const tag = code[at] ?? 0;
    const first = code[at + 1] ?? 0;
    if (EFFECTS.has(tag)) return false;
    if (tag === OPCODES.TailCall.tag && first !== fn.index) return false;
    // The interpreter's own builtins print, or name the module's types.
    if (tag === OPCODES.Builtin.tag && !BUILTIN_CODE.has(BUILTIN_BY_ID.get(first)?.name ?? "")) return false;
  }
  return true;
}

function callees({ code }: VerifiedFunction): readonly number[] {
  const found: number[] = [];
  for (let at = 0; at < code.length; at += CODE_STRIDE) if (code[at] === OPCODES.Call.tag) found.push(code[at + 1] ?? 0);
  return found;
}
