/** Frames on an actor's stack, and the look at an instruction before it is executed where one is needed. */
import { analyzeAppends } from "../bytecode/string-append.ts";
import type { Actor } from "./actor.ts";
import { UNITS } from "../cost.ts";
import type { Run } from "./host-calls.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import { MachineTrap, typeTrap } from "../meter.ts";
import { isOpName, opcode, OPCODES, type OpcodeRow } from "../bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import type { RegisterCode } from "./register-code.ts";
import { CODE_STRIDE } from "../bytecode/stack-heights.ts";
import { reserveSlots, setSlot } from "./stack-slots.ts";
import { ClosureValue, FnRefValue, UNIT, type Value } from "../value/value.ts";

const OPCODE_ROWS: ReadonlyMap<number, OpcodeRow & { readonly name: string }> = new Map(
  Object.keys(OPCODES)
    .filter(isOpName)
    .map((name) => [OPCODES[name].tag, { ...opcode(name), name }] as const),
);

/** Pushes the first or a further frame: `count` arguments lie at `base`, and nothing above. Traps when it does not fit. */
export function pushFrame(run: Run, actor: Actor, callee: VerifiedFunction, base: number, count: number): void {
  const { arity, locals } = callee.def;
  if (actor.depth >= run.limits.max_call_depth)
    throw new MachineTrap("stack_overflow", `stack overflow (max ${run.limits.max_call_depth})`);
  const operands = callee.staticallyStacked ? callee.maxStack : MACHINE_LIMITS.frameSlots;
  if (base + locals + operands > MACHINE_LIMITS.stackSlots)
    throw new MachineTrap("stack_overflow", `stack overflow (max ${MACHINE_LIMITS.stackSlots} slots)`);
  run.meter.charge(locals * UNITS.slot);
  // An irregular function's operands get their room one by one.
  reserveSlots(actor, base + locals + callee.maxStack);
  for (let i = base + Math.min(count, arity); i < base + locals; i++) actor.stack[i] = UNIT;
  // What lay beside the arguments is no flag of this frame.
  for (const local of analyzeAppends(callee).locals) if (typeof actor.stack[base + local] === "string") actor.numbers[base + local] = 0;
  actor.sp = base + locals;
  actor.frameFunction[actor.depth] = callee.index;
  actor.framePc[actor.depth] = 0;
  actor.frameBase[actor.depth] = base;
  actor.depth += 1;
}

/** The function that a value calls. */
export function calledFunction(program: Program, target: Value): number {
  if (!(target instanceof FnRefValue || target instanceof ClosureValue)) throw typeTrap("FnRef", target);
  if (program.functions[target.index] === undefined) throw new MachineTrap("invalid_function", "invalid function index");
  return target.index;
}

/** Puts captured values before the `count` arguments at `first`; gives how many they are. */
export function spread(actor: Actor, captured: readonly Value[], first: number, count: number): number {
  const by = captured.length;
  reserveSlots(actor, first + count + by);
  const { stack, numbers } = actor;
  stack.copyWithin(first + by, first, first + count);
  numbers.copyWithin(first + by, first, first + count);
  for (let i = 0; i < by; i++) setSlot(stack, numbers, first + i, captured[i] ?? UNIT);
  return by;
}

interface Beginning {
  readonly fn: VerifiedFunction;
  readonly pc: number;
  readonly base: number;
  readonly operands: number;
}

/** Makes the first row the one instruction at `pc`, with the checks and the trace that it needs; gives the operands after it. */
export function beginInstruction(run: Run, actor: Actor, registerCode: RegisterCode, { fn, pc, base, operands }: Beginning): number {
  const row = OPCODE_ROWS.get(fn.code[pc * CODE_STRIDE] ?? -1);
  const after = row === undefined ? operands : beforeInstruction(run, fn, row, pc, operands);
  if (!fn.staticallyStacked) reserveSlots(actor, base + fn.def.locals + Math.max(operands, after) + 1);
  registerCode.single(fn, pc, operands);
  return after;
}

/** Before an instruction of an irregular function, or under trace. */
function beforeInstruction(
  run: Run,
  fn: VerifiedFunction,
  row: OpcodeRow & { readonly name: string },
  pc: number,
  operands: number,
): number {
  const at = pc * CODE_STRIDE;
  const counted = row.popsCount === true ? (fn.code[at + row.operands.indexOf("count") + 1] ?? 0) : 0;
  const pops = row.pops + counted;
  if (run.trace !== undefined) {
    const shown = row.operands.map((_, i) => fn.code[at + 1 + i]).join(", ");
    run.trace(`[${fn.def.name}:${pc}] ${row.name}${shown === "" ? "" : `(${shown})`}  stack_depth=${operands}`);
  }
  if (fn.staticallyStacked) return operands - pops + row.pushes;
  // `Ret` and `Halt` make do with an empty stack.
  if (operands < pops && row.flow !== "end") throw new MachineTrap("stack_underflow", "stack underflow");
  if (row.name === "TailCall" && operands < pops) throw new MachineTrap("stack_underflow", "stack underflow");
  if (operands - pops + row.pushes > MACHINE_LIMITS.frameSlots)
    throw new MachineTrap("stack_overflow", `stack overflow (max ${MACHINE_LIMITS.frameSlots})`);
  return operands - pops + row.pushes;
}
