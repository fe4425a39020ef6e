/**
 * Pushes frames, and prepares instructions that are executed one by one. The interpreter does that in a traced run, near a limit, where
 * control flow is reported, and in dynamically stacked functions, whose operand stack has no known height.
 */
import { analyzeAppends } from "../bytecode/string-append.ts";
import type { Actor } from "./actor.ts";
import { UNITS } from "../cost.ts";
import type { Run } from "./host-calls.ts";
import { MACHINE_LIMITS } from "../limits.ts";
import { MachineTrap, typeTrap } from "../meter.ts";
import { type NamedOpcode, opcodeOf, OPCODES } from "../bytecode/opcodes.ts";
import type { Program, VerifiedFunction } from "../bytecode/program.ts";
import type { RegisterCode } from "./register-code.ts";
import { CODE_STRIDE, popCount } from "../bytecode/stack-heights.ts";
import { reserveSlots, setSlot } from "./stack-slots.ts";
import { ClosureValue, FnRefValue, UNIT, type Value } from "../value/value.ts";

/**
 * Pushes a frame. Its `count` arguments are the top of the stack, from the index `base` on. Traps if the call depth or the
 * stack would exceed its limit.
 */
export function pushFrame(run: Run, actor: Actor, callee: VerifiedFunction, base: number, count: number): void {
  const { arity, locals } = callee.def;
  if (actor.depth >= run.limits.max_call_depth)
    throw new MachineTrap("stack_overflow", `stack overflow (max ${run.limits.max_call_depth})`);
  const operands = callee.staticallyStacked ? callee.maxStack : MACHINE_LIMITS.frameSlots;
  if (base + locals + operands > MACHINE_LIMITS.stackSlots)
    throw new MachineTrap("stack_overflow", `stack overflow (max ${MACHINE_LIMITS.stackSlots} slots)`);
  run.meter.charge(locals * UNITS.slot);
  // In a dynamically stacked function, each instruction reserves the slots of its own operands.
  reserveSlots(actor, base + locals + callee.maxStack);
  for (let i = base + Math.min(count, arity); i < base + locals; i++) actor.stack[i] = UNIT;
  // An argument's slot may still have the pending mark of the caller's operand. Clear the mark.
  for (const local of analyzeAppends(callee).targets) if (typeof actor.stack[base + local] === "string") actor.numbers[base + local] = 0;
  actor.sp = base + locals;
  actor.frameFunction[actor.depth] = callee.index;
  actor.framePc[actor.depth] = 0;
  actor.frameBase[actor.depth] = base;
  actor.depth += 1;
}

/** Returns the index of the function that `target` calls. Traps if `target` is not a function value. */
export function calledFunction(program: Program, target: Value): number {
  if (!(target instanceof FnRefValue || target instanceof ClosureValue)) throw typeTrap("FnRef", target);
  if (program.functions[target.index] === undefined) throw new MachineTrap("invalid_function", "invalid function index");
  return target.index;
}

/** Inserts the captured values of a closure before its `count` arguments, which are at `first`. Returns the number of values inserted. */
export function insertCaptured(actor: Actor, captured: readonly Value[], first: number, count: number): number {
  const capturedCount = captured.length;
  reserveSlots(actor, first + count + capturedCount);
  const { stack, numbers } = actor;
  for (let i = first + count - 1; i >= first; i--) {
    stack[i + capturedCount] = stack[i];
    numbers[i + capturedCount] = numbers[i] ?? 0;
  }
  for (let i = 0; i < capturedCount; i++) setSlot(stack, numbers, first + i, captured[i] ?? UNIT);
  return capturedCount;
}

/** The instructions with an effect. A slice whose steps are used up ends before the next of these. */
const EFFECTS: ReadonlySet<number> = new Set(
  (["CapCall", "TryCapCall", "EmitUi", "SpawnActor", "SendMsg", "Par", "ParMap", "ReceiveMsg", "ReceiveAs"] as const).map(
    (name) => OPCODES[name].tag,
  ),
);

/** Whether the slice ends before the instruction, because its steps are used up and the instruction has an effect. */
export function isPreempted(run: Run, fn: VerifiedFunction, pc: number, steps: number): boolean {
  return steps >= run.sliceEnd && EFFECTS.has(fn.code[pc * CODE_STRIDE] ?? -1);
}

interface NextInstruction {
  readonly fn: VerifiedFunction;
  readonly pc: number;
  /** The index of the frame's first local on the stack. */
  readonly base: number;
  /** The height of the operand stack. */
  readonly operands: number;
  /** The call depth of the frame. */
  readonly depth: number;
}

/**
 * Prepares one instruction to be executed alone. Reports its control flow, checks the stack, writes the trace line, and stores the instruction's op
 * as op 0 of the register code. Returns the height of the operand stack after the instruction.
 */
export function beginInstruction(
  run: Run,
  actor: Actor,
  registerCode: RegisterCode,
  { fn, pc, base, operands, depth }: NextInstruction,
): number {
  if (run.flow?.follows(fn) === true) run.flow.step(actor, fn, pc, depth);
  // `CODE_STRIDE` is the number of words per instruction.
  const opcode = opcodeOf(fn.code[pc * CODE_STRIDE] ?? -1);
  const heightAfter = opcode === undefined ? operands : checkInstruction(run, fn, opcode, pc, operands);
  if (!fn.staticallyStacked) reserveSlots(actor, base + fn.def.locals + Math.max(operands, heightAfter) + 1);
  registerCode.writeSingle(fn, pc, operands);
  return heightAfter;
}

function checkInstruction(run: Run, fn: VerifiedFunction, opcode: NamedOpcode, pc: number, operands: number): number {
  const at = pc * CODE_STRIDE;
  const pops = popCount(opcode, fn.code, at);
  if (run.trace !== undefined) {
    const operandsText = opcode.operands.map((_, i) => fn.code[at + 1 + i]).join(", ");
    run.trace(`[${fn.def.name}:${pc}] ${opcode.name}${operandsText === "" ? "" : `(${operandsText})`}  stack_depth=${operands}`);
  }
  if (fn.staticallyStacked) return operands - pops + opcode.pushes;
  // `Ret` and `Halt` accept an empty stack.
  if (operands < pops && opcode.flow !== "end") throw new MachineTrap("stack_underflow", "stack underflow");
  if (opcode.name === "TailCall" && operands < pops) throw new MachineTrap("stack_underflow", "stack underflow");
  if (operands - pops + opcode.pushes > MACHINE_LIMITS.frameSlots)
    throw new MachineTrap("stack_overflow", `stack overflow (max ${MACHINE_LIMITS.frameSlots})`);
  return operands - pops + opcode.pushes;
}
