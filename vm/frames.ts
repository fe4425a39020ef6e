/** Frames on an actor's stack, and the look at an instruction before it is executed where one is needed. */
import type { Actor } from "./actor.ts";
import { UNITS } from "./cost.ts";
import type { Run } from "./effects.ts";
import { MACHINE_LIMITS } from "./limits.ts";
import { MachineTrap } from "./meter.ts";
import { isOpName, opcode, OPCODES, type OpcodeRow } from "./opcodes.ts";
import { present } from "./operations.ts";
import type { VerifiedFunction } from "./program.ts";
import { UNIT } from "./value.ts";

const ROWS: ReadonlyMap<number, OpcodeRow & { readonly name: string }> = new Map(
  Object.keys(OPCODES)
    .filter(isOpName)
    .map((name) => [OPCODES[name].tag, { ...opcode(name), name }] as const),
);

/** Pushes the first or a further frame: `count` arguments lie on top of the stack. Traps when it does not fit. */
export function pushFrame(run: Run, actor: Actor, callee: VerifiedFunction, count: number): void {
  const { arity, locals } = callee.def;
  const { stack } = actor;
  const base = actor.sp - count;
  if (actor.depth >= run.limits.max_call_depth)
    throw new MachineTrap("stack_overflow", `stack overflow (max ${run.limits.max_call_depth})`);
  const operands = callee.regular ? callee.maxStack : MACHINE_LIMITS.frameSlots;
  if (base + locals + operands > MACHINE_LIMITS.stackSlots)
    throw new MachineTrap("stack_overflow", `stack overflow (max ${MACHINE_LIMITS.stackSlots} slots)`);
  run.meter.charge(locals * UNITS.slot);
  for (let i = base + Math.min(count, arity); i < base + locals; i++) stack[i] = UNIT;
  actor.sp = base + locals;
  actor.frameFunction[actor.depth] = callee.index;
  actor.framePc[actor.depth] = 0;
  actor.frameBase[actor.depth] = base;
  actor.depth += 1;
}

/** Before an instruction of an irregular function, or under trace. */
export function beforeInstruction(run: Run, fn: VerifiedFunction, pc: number, operands: number): void {
  const at = pc * 4;
  const row = present(ROWS.get(fn.code[at] ?? -1));
  const counted = row.popsCount === true ? (fn.code[at + row.operands.indexOf("count") + 1] ?? 0) : 0;
  const pops = row.pops + counted;
  if (run.trace !== undefined) {
    const shown = row.operands.map((_, i) => fn.code[at + 1 + i]).join(", ");
    run.trace(`[${fn.def.name}:${pc}] ${row.name}${shown === "" ? "" : `(${shown})`}  stack_depth=${operands}`);
  }
  if (fn.regular) return;
  // `Ret` and `Halt` make do with an empty stack.
  if (operands < pops && row.flow !== "end") throw new MachineTrap("stack_underflow", "stack underflow");
  if (row.name === "TailCall" && operands < pops) throw new MachineTrap("stack_underflow", "stack underflow");
  if (operands - pops + row.pushes > MACHINE_LIMITS.frameSlots)
    throw new MachineTrap("stack_overflow", `stack overflow (max ${MACHINE_LIMITS.frameSlots})`);
}
