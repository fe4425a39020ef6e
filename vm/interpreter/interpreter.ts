/**
 * The interpreter: the reference engine. It executes one actor until that actor returns, traps, blocks on its mailbox,
 * reaches the end of its slice, or waits for the host. All state is in the actor, so the interpreter can stop before any
 * instruction.
 *
 * ## The machine
 *
 * - A **frame** is one call in progress. It has a function, the position of the next instruction (the pc), and a part of
 *   the actor's stack.
 * - The **stack** is one array of **slots** that all frames of an actor share. The slots of a frame hold its locals,
 *   parameters first, and then its operands. Register ops count slots from the frame's first local, which is at the index
 *   `base` of the stack.
 * - If the value in a slot is an Int or a Float, its number is unboxed in a second array, `numbers`; see `stack-slots.ts`.
 * - **Register code** is what the loop executes. It is bytecode translated to ops that read and write slots directly, so
 *   that most pushes and pops disappear. One op may cover several instructions. See `register-ops.ts` and `translation.ts`.
 * - A **step** is one instruction, or one unit of charged work. An op counts one step for each instruction that it covers.
 *
 * ## An example
 *
 *     fn main(n: Int) -> Int {
 *         let x = n + 1
 *         x * 2
 *     }
 *
 * This function has two locals: n in slot 0 and x in slot 1. Its operands therefore begin at slot 2. The table shows the
 * stack after each instruction of the call `main(20)`; `()` is Unit.
 *
 *     pc  bytecode         stack: n x | operands    register op at this pc             covers
 *      0  LoadLocal n      20 ()  | 20              addInt       slot1 = slot0 + 1     pc 0 to 3
 *      1  PushConst 1      20 ()  | 20 1            addInt       slot1 = slot0 + 1     pc 1 to 3
 *      2  Add              20 ()  | 21              addInt       slot1 = slot0 + 1     pc 2 to 3
 *      3  StoreLocal x     20 21  |                 move         slot1 = slot2         pc 3
 *      4  LoadLocal x      20 21  | 21              multiplyInt  slot2 = slot1 * 2     pc 4 to 6
 *      5  PushConst 2      20 21  | 21 2            multiplyInt  slot2 = slot1 * 2     pc 5 to 6
 *      6  Mul              20 21  | 42              multiplyInt  slot2 = slot1 * 2     pc 6
 *      7  Ret                                       return       slot2                 pc 7
 *
 * The loop executes three ops, those at pc 0, 4 and 7. They count 4 + 3 + 1 = 8 steps. The other ops are for entering the
 * code at their pc: after a jump to it, or after the instructions before it were executed one by one.
 *
 * ## Steps
 *
 * `stepsLeft` counts the steps to `checkStep`, which is the nearest of the step limit of the run, the end of the slice and
 * the next poll. If an op may cover more than `stepsLeft` instructions, the loop executes instructions one by one, each as an op
 * of its own. So it stops exactly at the limit. It also does so in a traced run, for instructions at which control flow is
 * reported, and in dynamically stacked functions, whose operand stack has no known height.
 *
 * Some ops charge for work. For example, `list.reverse` charges by the length of its list. That charge may use up the steps that the
 * rest of the op needs. Then the loop puts the result into its operand slot and executes the rest of the instructions one by one.
 */
import { type Actor, BEYOND_ANY_FRAME, takeMessage } from "./actor.ts";
import type { Engine } from "../compiled/engine.ts";
import { EffectEnd } from "./frame-effects.ts";
import { BYTES, slotsCharge, firstReadCharge, UNITS, UNITS_PER_STEP } from "../cost.ts";
import { poll, type Run, startEffect } from "./host-calls.ts";
import { beginInstruction, calledFunction, insertCaptured, isPreempted, pushFrame } from "./frames.ts";
import type { CapabilityAnswer } from "../host.ts";
import { ListValue } from "../value/list.ts";
import { checkMessage } from "./message-types.ts";
import { MachineTrap, stepLimitTrap } from "../meter.ts";
import {
  applyBinary,
  applyComparison,
  compareNumbers,
  expectDefined,
  fieldOf,
  isCheapToCompare,
  isTruthy,
  matchTag,
  matchTarget,
} from "./operations.ts";
import { beginOwnership, endOwnership } from "./ownership.ts";
import { runSlowOp } from "./slow-path.ts";
import { DISTANT, MAX_OP_INSTRUCTIONS, NEGATED, OPERATION, REGISTER_OPS, SWAPPED } from "./register-ops.ts";
import { registerCodeOf } from "./register-code.ts";
import { BUILTIN_ARITIES, BUILTIN_RUNS } from "./native-builtins.ts";
import { recordOf, setSlot, slotValue, slotValues } from "./stack-slots.ts";
import { livingOwner, updatePart, withElement } from "./update.ts";
import { updatePath } from "../bytecode/update-path.ts";
import { expectList } from "../builtins/code.ts";
import { elementAt } from "../builtins/list-code.ts";
import { negate } from "../value/arithmetic.ts";
import {
  ClosureValue,
  EnumValue,
  ErrValue,
  FloatValue,
  FnRefValue,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  type Value,
} from "../value/value.ts";

/**
 * Why the interpreter returned:
 * - `done`: the actor has ended;
 * - `blocked`, `waiting`, `joining`: it waits for a message, for an answer in `Run.openCalls`, or for its branches;
 * - `yielded`: the run has used `sliceEnd` steps;
 * - `preempted`: the slice is over (`Run.sliceEnd`), and the next instruction is an effect;
 * - a promise: it waits for the answer of a host call, and nothing else can run.
 */
export type Signal = "done" | "blocked" | "waiting" | "joining" | "yielded" | "preempted" | Promise<CapabilityAnswer>;

/** The minimum number of steps between two polls. */
const POLL_STEPS = 4_096;
/** A frame with fewer locals than this is not charged for its locals, because the charge rounds down to 0 steps. */
const FREE_LOCALS = 256;

/**
 * Runs an actor until it stops or the run has used `sliceEnd` steps. The compiled engine, if there is one, takes over calls
 * and loops that have become hot. Throws `MachineTrap`; the actor's frames then show where.
 */
export function interpret(run: Run, actor: Actor, sliceEnd: number, engine: Engine | undefined): Signal {
  const { meter, program } = run;
  /** The step that compiled code may not exceed. */
  const stopStep = run.exactSlices ? Math.min(meter.maxSteps, sliceEnd) : meter.maxSteps;
  if (actor.depth === 0) return "done";
  while (actor.depth > 0) {
    // A frame that has not begun, or that is before or after an effect, can run as compiled code.
    if (engine !== undefined && meter.steps < sliceEnd) {
      const top = actor.depth - 1;
      const fn = expectDefined(program.functions[actor.frameFunction[top] ?? 0]);
      const end = engine.enterFrame(run, actor, fn, actor.framePc[top] ?? 0, stopStep, sliceEnd);
      if (end instanceof EffectEnd) return end.signal();
      if (end === "ended") continue;
    }
    const signal = execute(run, actor, sliceEnd, stopStep, engine);
    if (signal instanceof EffectEnd) return signal.signal();
    if (signal !== "again") return signal;
  }
  // The op `return` returns the same signal when it ends the last frame.
  return meter.steps >= sliceEnd ? "yielded" : "done";
}

/**
 * Executes register code. This is the hot path, so it is one long loop. The state of the innermost frame is in local
 * variables, which are written back to the actor before anything that may leave the loop. Returns "again" if the compiled
 * engine ended the innermost frame, or may run it from here on.
 *
 * In the cases, `x`, `y` and `d` are the fields of the op with these names (see `register-ops.ts`), or the slots that they name.
 *
 * A case usually ends with `continue`. An arithmetic op or a comparison whose operands are not both unboxed numbers ends
 * with `break`, which leads to the general code after the switch.
 *
 * Each of these rules makes the loop at least 10 % faster (ADR 014):
 *
 * - Case labels are literals, so that V8 compiles the switch to a jump table. A test compares the labels and their
 *   comments with `REGISTER_OPS`.
 * - Every case repeats the code that advances `pc` and `stepsLeft`.
 * - The inner loop has only what every op needs, because V8 prepares the rest of a loop's head for each iteration.
 * - `code[at | 1]` instead of `code[at + 1]`, and `| 0` after a sum of slots, need no check for an overflow.
 * - The strides of ops (8) and layouts (4) are shifts by literals.
 * - `| 0` shows V8 which variables are integers.
 */
function execute(run: Run, actor: Actor, sliceEnd: number, stopStep: number, engine: Engine | undefined): Signal | EffectEnd | "again" {
  const { meter, program, flow } = run;
  const { functions } = program;
  const { constants } = program.module;
  const registerCode = flow === undefined ? registerCodeOf(program) : flow.registerCode;
  const { code, layouts, numbers: constantNumbers } = registerCode;
  const { stack, frameFunction, framePc, frameBase } = actor;
  const traced = run.trace !== undefined || run.watch !== undefined;
  const maxDepth = run.limits.max_call_depth;
  let depth = actor.depth | 0;
  let { numbers } = actor;
  let index = (frameFunction[depth - 1] ?? 0) | 0;
  /** The index in `layouts` of the function's four numbers: first op, parameters, locals, operand slots. */
  let layout = index << 2;
  /** The index of the function's first op. */
  let entry = layouts[layout] ?? 0;
  let pc = (entry + (framePc[depth - 1] ?? 0)) | 0;
  let base = (frameBase[depth - 1] ?? 0) | 0;
  /** The height of the operand stack. It is kept up to date only in a dynamically stacked function. */
  let operands = actor.sp - base - (layouts[layout + 2] ?? 0);
  /** If fewer steps are left than this, instructions are executed one by one. */
  let singleStepBelow = (traced || (layouts[layout + 3] ?? 0) < 0 ? 2147483647 : MAX_OP_INSTRUCTIONS) | 0;
  /** Whether `singleStepBelow` is raised, because control flow must be reported before the next op. */
  let reportsFlow = false;
  /** The step at which the loop must check the limits. It is never below the steps already used, so `stepsLeft` is not negative. */
  let checkStep = Math.max(meter.steps, Math.min(meter.maxSteps, sliceEnd, run.nextPoll));
  /** The steps until `checkStep`. The loop counts these instead of `meter.steps`, because V8 keeps this variable as a small integer. */
  let stepsLeft = (checkStep - meter.steps) | 0;
  /** Whether the compiled engine changes this frame or has popped it, so that the local variables must not be written back. */
  let isInEngine = false;
  try {
    for (;;) {
      let at = pc << 3;
      if (stepsLeft < singleStepBelow) {
        const fn = expectDefined(functions[index]);
        if (fn.staticallyStacked) {
          if (code[at] === REGISTER_OPS.untranslated) registerCode.translate(fn);
          operands = (code[at + 7] ?? 0) - fn.def.locals;
        }
        const steps = checkStep - stepsLeft;
        // If the instruction is preempted, other tasks run first. Its op returns "preempted", so do not trap or yield here.
        if (steps >= Math.min(meter.maxSteps, sliceEnd) && !isPreempted(run, fn, pc - entry, steps)) {
          if (steps >= meter.maxSteps) throw stepLimitTrap(meter.maxSteps);
          actor.sp = base + fn.def.locals + operands;
          return "yielded";
        }
        // Poll up to one op early, so that no instructions have to be executed one by one just to reach the poll.
        if (steps > run.nextPoll - MAX_OP_INSTRUCTIONS) {
          poll(run);
          run.nextPoll = steps + POLL_STEPS + MAX_OP_INSTRUCTIONS;
        }
        checkStep = Math.max(steps, Math.min(meter.maxSteps, sliceEnd, run.nextPoll));
        stepsLeft = (checkStep - steps) | 0;
        if (reportsFlow && stepsLeft >= MAX_OP_INSTRUCTIONS) {
          reportsFlow = false;
          singleStepBelow = MAX_OP_INSTRUCTIONS;
          flow?.step(actor, fn, pc - entry, depth);
          at = (code[at + 6] ?? 0) << 3;
        } else if (stepsLeft < singleStepBelow) {
          // The instruction counts as a step even if it traps before it begins.
          meter.steps = checkStep - stepsLeft + 1;
          if (run.watch !== undefined && !isPreempted(run, fn, pc - entry, steps)) run.watch(actor, fn, pc - entry, depth, steps);
          operands = beginInstruction(run, actor, registerCode, { fn, pc: pc - entry, base, operands, depth });
          ({ numbers } = actor);
          at = 0;
          if (reportsFlow) {
            reportsFlow = false;
            singleStepBelow = MAX_OP_INSTRUCTIONS;
          }
        }
      }
      do {
        const tag = code[at] ?? 0;
        switch (tag) {
          case 0: // untranslated
            registerCode.translate(expectDefined(functions[index]));
            continue;
          case 1: {
            // move
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = stack[x];
            numbers[d] = numbers[x] ?? 0;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 2: {
            // int
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = undefined;
            numbers[d] = constantNumbers[code[at | 2] ?? 0] ?? 0;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 3: {
            // float
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = null;
            numbers[d] = constantNumbers[code[at | 2] ?? 0] ?? 0;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 4: {
            // constant
            stack[(base + (code[at | 3] ?? 0)) | 0] = constants[code[at | 2] ?? 0] ?? UNIT;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }

          case 5: {
            // add
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const y = (base + (code[at | 2] ?? 0)) | 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            const first = stack[x];
            const second = stack[y];
            if (first === undefined) {
              if (second !== undefined) break;
              const value = (numbers[x] ?? 0) + (numbers[y] ?? 0);
              if (!(Math.abs(value) <= 9007199254740991)) break;
              stack[d] = undefined;
              numbers[d] = value;
            } else {
              let a = numbers[x] ?? 0;
              if (first !== null) {
                if (!(first instanceof FloatValue)) break;
                a = first.value;
              }
              let b = numbers[y] ?? 0;
              if (second !== null) {
                if (!(second instanceof FloatValue)) break;
                b = second.value;
              }
              stack[d] = null;
              numbers[d] = a + b;
            }
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 6: {
            // addInt
            const x = (base + (code[at | 1] ?? 0)) | 0;
            if (stack[x] !== undefined) break;
            const value = (numbers[x] ?? 0) + (constantNumbers[~(code[at | 2] ?? 0)] ?? 0);
            if (!(Math.abs(value) <= 9007199254740991)) break;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = undefined;
            numbers[d] = value;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 7: {
            // addFloat
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const first = stack[x];
            let a = numbers[x] ?? 0;
            if (first !== null) {
              if (!(first instanceof FloatValue)) break;
              a = first.value;
            }
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = null;
            numbers[d] = a + (constantNumbers[~(code[at | 2] ?? 0)] ?? 0);
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 8: {
            // subtract
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const y = (base + (code[at | 2] ?? 0)) | 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            const first = stack[x];
            const second = stack[y];
            if (first === undefined) {
              if (second !== undefined) break;
              const value = (numbers[x] ?? 0) - (numbers[y] ?? 0);
              if (!(Math.abs(value) <= 9007199254740991)) break;
              stack[d] = undefined;
              numbers[d] = value;
            } else {
              let a = numbers[x] ?? 0;
              if (first !== null) {
                if (!(first instanceof FloatValue)) break;
                a = first.value;
              }
              let b = numbers[y] ?? 0;
              if (second !== null) {
                if (!(second instanceof FloatValue)) break;
                b = second.value;
              }
              stack[d] = null;
              numbers[d] = a - b;
            }
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 9: {
            // subtractInt
            const x = (base + (code[at | 1] ?? 0)) | 0;
            if (stack[x] !== undefined) break;
            const value = (numbers[x] ?? 0) - (constantNumbers[~(code[at | 2] ?? 0)] ?? 0);
            if (!(Math.abs(value) <= 9007199254740991)) break;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = undefined;
            numbers[d] = value;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 10: {
            // subtractFloat
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const first = stack[x];
            let a = numbers[x] ?? 0;
            if (first !== null) {
              if (!(first instanceof FloatValue)) break;
              a = first.value;
            }
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = null;
            numbers[d] = a - (constantNumbers[~(code[at | 2] ?? 0)] ?? 0);
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 11: {
            // multiply
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const y = (base + (code[at | 2] ?? 0)) | 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            const first = stack[x];
            const second = stack[y];
            if (first === undefined) {
              if (second !== undefined) break;
              const value = (numbers[x] ?? 0) * (numbers[y] ?? 0);
              if (!(Math.abs(value) <= 9007199254740991)) break;
              stack[d] = undefined;
              numbers[d] = value + 0;
            } else {
              let a = numbers[x] ?? 0;
              if (first !== null) {
                if (!(first instanceof FloatValue)) break;
                a = first.value;
              }
              let b = numbers[y] ?? 0;
              if (second !== null) {
                if (!(second instanceof FloatValue)) break;
                b = second.value;
              }
              stack[d] = null;
              numbers[d] = a * b;
            }
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 12: {
            // multiplyInt
            const x = (base + (code[at | 1] ?? 0)) | 0;
            if (stack[x] !== undefined) break;
            const value = (numbers[x] ?? 0) * (constantNumbers[~(code[at | 2] ?? 0)] ?? 0);
            if (!(Math.abs(value) <= 9007199254740991)) break;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = undefined;
            numbers[d] = value + 0;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 13: {
            // multiplyFloat
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const first = stack[x];
            let a = numbers[x] ?? 0;
            if (first !== null) {
              if (!(first instanceof FloatValue)) break;
              a = first.value;
            }
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = null;
            numbers[d] = a * (constantNumbers[~(code[at | 2] ?? 0)] ?? 0);
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 14: // remainder
          case 15: {
            // remainderInt
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const second = code[at | 2] ?? 0;
            if (stack[x] !== undefined || (tag === 14 && stack[base + second] !== undefined)) break;
            const a = numbers[x] ?? 0;
            const b = tag === 15 ? (constantNumbers[~second] ?? 0) : (numbers[base + second] ?? 0);
            if (!(b > 0)) break;
            const [small, divisor] = [a | 0, b | 0];
            // V8 divides small integers faster than doubles.
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = undefined;
            numbers[d] = small === a && divisor === b ? (small % divisor) | 0 : a % b;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 16: {
            // divideFloats
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const y = (base + (code[at | 2] ?? 0)) | 0;
            const first = stack[x];
            const second = stack[y];
            let a = numbers[x] ?? 0;
            if (first !== null) {
              if (!(first instanceof FloatValue)) break;
              a = first.value;
            }
            let b = numbers[y] ?? 0;
            if (second !== null) {
              if (!(second instanceof FloatValue)) break;
              b = second.value;
            }
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = null;
            numbers[d] = a / b;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 17: {
            // element
            const list = stack[(base + (code[at | 1] ?? 0)) | 0];
            const y = (base + (code[at | 2] ?? 0)) | 0;
            if (!(list instanceof ListValue) || stack[y] !== undefined) break;
            const number = numbers[y] ?? 0;
            const i = number | 0;
            if (i !== number || i < 0 || i >= list.length) break;
            const element = list.firstArray[list.offset + i] ?? list.get(i);
            if (element === undefined) break;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            if (typeof element === "number") {
              stack[d] = undefined;
              numbers[d] = element;
            } else stack[d] = element;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 18: {
            // binary
            if (code[at | 6] !== 7) break;
            // 7 is `BINARY.concat`.
            const x = code[at | 1] ?? 0;
            const y = code[at | 2] ?? 0;
            const first = x < 0 ? constants[~x] : stack[base + x];
            const second = y < 0 ? constants[~y] : stack[base + y];
            if (typeof first !== "string" || typeof second !== "string") break;
            const countToTrap = code[at | 5] ?? 0;
            stepsLeft = (stepsLeft - countToTrap) | 0;
            pc = (pc + countToTrap) | 0;
            meter.allocateString(first.length + second.length);
            stack[(base + (code[at | 3] ?? 0)) | 0] = first + second;
            const countAfterTrap = (code[at | 4] ?? 0) - countToTrap;
            stepsLeft = (stepsLeft - countAfterTrap) | 0;
            pc = (pc + countAfterTrap) | 0;
            continue;
          }
          case 19: // divide
          case 75: {
            // divideInt
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const second = code[at | 2] ?? 0;
            if (stack[x] !== undefined || (tag === 19 && stack[base + second] !== undefined)) break;
            const a = numbers[x] ?? 0;
            const b = tag === 75 ? (constantNumbers[~second] ?? 0) : (numbers[base + second] ?? 0);
            if (!(b > 0)) break;
            const [small, divisor] = [a | 0, b | 0];
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = undefined;
            numbers[d] = small === a && divisor === b ? (small / divisor) | 0 : Math.trunc(a / b) + 0;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }

          case 20: {
            // less
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const y = (base + (code[at | 2] ?? 0)) | 0;
            const first = stack[x];
            const second = stack[y];
            let a = numbers[x] ?? 0;
            let b = numbers[y] ?? 0;
            if (first !== undefined || second !== undefined) {
              if (first !== null) {
                if (!(first instanceof FloatValue)) break;
                a = first.value;
              }
              if (second !== null) {
                if (!(second instanceof FloatValue)) break;
                b = second.value;
              }
            }
            stepsLeft = (stepsLeft - (code[at | 4] ?? 0)) | 0;
            pc = a < b ? (code[at | 3] ?? 0) : (code[at | 5] ?? 0);
            continue;
          }
          case 21: {
            // lessInt
            const x = (base + (code[at | 1] ?? 0)) | 0;
            if (stack[x] !== undefined) break;
            stepsLeft = (stepsLeft - (code[at | 4] ?? 0)) | 0;
            pc = (numbers[x] ?? 0) < (constantNumbers[~(code[at | 2] ?? 0)] ?? 0) ? (code[at | 3] ?? 0) : (code[at | 5] ?? 0);
            continue;
          }
          case 22: {
            // lessOrEqual
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const y = (base + (code[at | 2] ?? 0)) | 0;
            const first = stack[x];
            const second = stack[y];
            let a = numbers[x] ?? 0;
            let b = numbers[y] ?? 0;
            if (first !== undefined || second !== undefined) {
              if (first !== null) {
                if (!(first instanceof FloatValue)) break;
                a = first.value;
              }
              if (second !== null) {
                if (!(second instanceof FloatValue)) break;
                b = second.value;
              }
            }
            stepsLeft = (stepsLeft - (code[at | 4] ?? 0)) | 0;
            pc = a <= b ? (code[at | 3] ?? 0) : (code[at | 5] ?? 0);
            continue;
          }
          case 23: {
            // lessOrEqualInt
            const x = (base + (code[at | 1] ?? 0)) | 0;
            if (stack[x] !== undefined) break;
            stepsLeft = (stepsLeft - (code[at | 4] ?? 0)) | 0;
            pc = (numbers[x] ?? 0) <= (constantNumbers[~(code[at | 2] ?? 0)] ?? 0) ? (code[at | 3] ?? 0) : (code[at | 5] ?? 0);
            continue;
          }
          case 24: {
            // equal
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const y = (base + (code[at | 2] ?? 0)) | 0;
            if (stack[x] !== undefined || stack[y] !== undefined) break;
            stepsLeft = (stepsLeft - (code[at | 4] ?? 0)) | 0;
            pc = numbers[x] === numbers[y] ? (code[at | 3] ?? 0) : (code[at | 5] ?? 0);
            continue;
          }
          case 25: {
            // equalInt
            const x = (base + (code[at | 1] ?? 0)) | 0;
            if (stack[x] !== undefined) break;
            stepsLeft = (stepsLeft - (code[at | 4] ?? 0)) | 0;
            pc = numbers[x] === constantNumbers[~(code[at | 2] ?? 0)] ? (code[at | 3] ?? 0) : (code[at | 5] ?? 0);
            continue;
          }
          case 30: {
            // compareJump
            const op = code[at | 6] ?? 0;
            const x = code[at | 1] ?? 0;
            const y = code[at | 2] ?? 0;
            if (x < 0 || y >= 0 || (op & OPERATION) < 4) break;
            // Equality with a constant: 4 and 5 are `COMPARISON.equal` and `COMPARISON.unequal`.
            const first = stack[(base + x) | 0];
            const second = constants[~y];
            if (typeof first !== "string" || typeof second !== "string" || !isCheapToCompare(first, second)) break;
            const holds = (first === second) === ((op & OPERATION) === 4);
            stepsLeft = (stepsLeft - (code[at | 4] ?? 0)) | 0;
            pc = holds === ((op & NEGATED) === 0) ? (code[at | 3] ?? 0) : (code[at | 5] ?? 0);
            continue;
          }
          case 31: {
            // compare
            const x = code[at | 1] ?? 0;
            const y = code[at | 2] ?? 0;
            if (x < 0 || stack[(base + x) | 0] !== undefined) break;
            if (y < 0 ? typeof constants[~y] !== "number" : stack[(base + y) | 0] !== undefined) break;
            const a = numbers[(base + x) | 0] ?? 0;
            const b = y < 0 ? (constantNumbers[~y] ?? 0) : (numbers[(base + y) | 0] ?? 0);
            stack[(base + (code[at | 3] ?? 0)) | 0] = compareNumbers(code[at | 6] ?? 0, a, b);
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }

          case 32: // jump
            stepsLeft = (stepsLeft - (code[at | 4] ?? 0)) | 0;
            pc = code[at | 3] ?? 0;
            continue;
          case 33: // loop
          case 65: // loopLess
          case 66: {
            // loopLessInt
            if (tag !== 33 && engine === undefined) {
              const x = (base + (code[at | 1] ?? 0)) | 0;
              const y = code[at | 2] ?? 0;
              if (stack[x] === undefined && (tag === 66 || stack[base + y] === undefined)) {
                stepsLeft = (stepsLeft - (code[at | 4] ?? 0)) | 0;
                const bound = tag === 66 ? (constantNumbers[~y] ?? 0) : (numbers[base + y] ?? 0);
                pc = (numbers[x] ?? 0) < bound ? (code[at | 3] ?? 0) : (code[at | 5] ?? 0);
                continue;
              }
            }
            const target = code[at | 6] ?? 0;
            stepsLeft = (stepsLeft - 1) | 0;
            pc = (pc + 1) | 0;
            if (engine !== undefined) {
              actor.depth = depth;
              actor.sp = base + (code[(target << 3) + 7] ?? 0);
              meter.steps = checkStep - stepsLeft;
              framePc[depth - 1] = target - entry;
              isInEngine = true;
              const end = engine.enterLoop(run, actor, expectDefined(functions[index]), target - entry, pc - target, stopStep, sliceEnd);
              checkStep = Math.max(checkStep, meter.steps);
              stepsLeft = (checkStep - meter.steps) | 0;
              if (end === "ended") return "again";
              if (end instanceof EffectEnd) return end;
              isInEngine = false;
              // If the loop paused, the steps are past the end of the slice, so the check before the next op yields.
              pc = (entry + (framePc[depth - 1] ?? 0)) | 0;
              continue;
            }
            pc = target;
            continue;
          }
          case 34: // jumpIf
          case 35: {
            // jumpIfNot
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const slot = stack[x];
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            const truthy = slot === true || (slot !== false && isTruthy(slotValue(stack, numbers, x)));
            pc = truthy === (tag === 34) ? (code[at | 3] ?? 0) : pc + count;
            continue;
          }

          case 36: // call
          case 37: // callIndirect
          case 38: {
            // tailCall
            const covered = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - covered) | 0;
            pc = (pc + covered) | 0;
            let callee = code[at | 2] ?? 0;
            let count = code[at | 6] ?? 0;
            let first = (base + (code[at | 3] ?? 0)) | 0;
            if (tag === 37) {
              const target = stack[(base + (code[at | 1] ?? 0)) | 0];
              callee = calledFunction(
                program,
                target instanceof ClosureValue ? target : slotValue(stack, numbers, base + (code[at | 1] ?? 0)),
              );
              if (target instanceof ClosureValue) {
                // The captured values become the first arguments.
                count += insertCaptured(actor, target.captured, first, count);
                ({ numbers } = actor);
              }
            }
            if (engine !== undefined && tag !== 38) {
              meter.steps = checkStep - stepsLeft;
              const value = engine.enterCall(run, actor, expectDefined(functions[callee]), first, count, depth + 1, stopStep);
              if (value !== undefined) {
                checkStep = Math.max(checkStep, meter.steps);
                stepsLeft = (checkStep - meter.steps) | 0;
                setSlot(stack, numbers, first, value);
                continue;
              }
            }
            /** The number of frames around the frame of the call. */
            let outerDepth = depth;
            if (tag === 38) {
              for (let i = 0; i < count; i++) {
                stack[base + i] = stack[first + i];
                numbers[base + i] = numbers[first + i] ?? 0;
              }
              first = base;
              outerDepth -= 1;
            } else framePc[depth - 1] = pc - entry;
            const called = callee << 2;
            const locals = layouts[called + 2] ?? 0;
            const room = layouts[called + 3] ?? 0;
            if (outerDepth >= maxDepth || room < 0 || locals >= FREE_LOCALS || first + locals + room > stack.length) {
              actor.depth = outerDepth;
              meter.steps = checkStep - stepsLeft;
              pushFrame(run, actor, expectDefined(functions[callee]), first, count);
              checkStep = Math.max(checkStep, meter.steps);
              stepsLeft = (checkStep - meter.steps) | 0;
              depth = actor.depth | 0;
              ({ numbers } = actor);
            } else {
              const end = first + locals;
              for (let i = first + Math.min(count, layouts[called + 1] ?? 0); i < end; i++) stack[i] = UNIT;
              frameFunction[outerDepth] = callee;
              frameBase[outerDepth] = first;
              depth = (outerDepth + 1) | 0;
            }
            if (engine !== undefined && engine.offers[callee]?.[0] === 1) {
              index = callee | 0;
              entry = layouts[called] ?? 0;
              pc = entry;
              actor.sp = first + locals;
              return "again";
            }
            index = callee | 0;
            layout = called;
            base = first | 0;
            entry = layouts[layout] ?? 0;
            pc = entry;
            operands = 0;
            singleStepBelow = (traced || room < 0 ? 2147483647 : MAX_OP_INSTRUCTIONS) | 0;
            continue;
          }
          case 39: // return
          case 40: {
            // returnUnit
            stepsLeft = (stepsLeft - (code[at | 4] ?? 0)) | 0;
            depth = (depth - 1) | 0;
            if (engine !== undefined && depth < actor.interpretFromDepth) actor.interpretFromDepth = BEYOND_ANY_FRAME;
            const x = (base + (code[at | 1] ?? 0)) | 0;
            if (depth === 0) {
              actor.result = tag === 39 ? slotValue(stack, numbers, x) : UNIT;
              // The Rust machine notices the return one step later, which may be in the next slice.
              return checkStep - stepsLeft >= sliceEnd ? "yielded" : "done";
            }
            if (tag === 39) {
              stack[base] = stack[x];
              numbers[base] = numbers[x] ?? 0;
            } else stack[base] = UNIT;
            index = (frameFunction[depth - 1] ?? 0) | 0;
            layout = index << 2;
            entry = layouts[layout] ?? 0;
            pc = (entry + (framePc[depth - 1] ?? 0)) | 0;
            const callerBase = frameBase[depth - 1] ?? 0;
            operands = (base + 1 - callerBase - (layouts[layout + 2] ?? 0)) | 0;
            base = callerBase | 0;
            singleStepBelow = (traced || (layouts[layout + 3] ?? 0) < 0 ? 2147483647 : MAX_OP_INSTRUCTIONS) | 0;
            if (engine !== undefined && engine.offers[index]?.[pc - entry] === 1) {
              actor.sp = base + (layouts[layout + 2] ?? 0) + operands;
              return "again";
            }
            continue;
          }
          case 41: {
            // halt
            stepsLeft = (stepsLeft - 1) | 0;
            const top = code[at | 1] ?? 0;
            actor.result = top > (layouts[layout + 2] ?? 0) ? slotValue(stack, numbers, base + top - 1) : UNIT;
            depth = 0;
            return "done";
          }
          case 42: {
            // match
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            const table = code[at | 6] ?? 0;
            const matched = stack[x];
            let payload = matched;
            let target = 0;
            if (matched instanceof EnumValue) {
              const { variant } = matched;
              payload = matched.payload;
              target = variant < 0 ? 0 : variant < (code[table - 6] ?? 0) ? (code[table + variant] ?? 0) : (code[table - 1] ?? 0);
            } else if (matched instanceof SomeValue) {
              payload = matched.value;
              target = code[table - 3] ?? 0;
            } else if (matched instanceof OkValue) {
              payload = matched.value;
              target = code[table - 4] ?? 0;
            } else if (matched instanceof ErrValue) {
              payload = matched.value;
              target = code[table - 5] ?? 0;
            } else target = code[table + (matched === undefined || matched === null ? -1 : matchTag(matched))] ?? 0;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            if (target === 0) {
              pc = (pc + count) | 0;
              meter.steps = checkStep - stepsLeft;
              const arms = functions[index]?.def.matchTables[code[at | 2] ?? 0] ?? [];
              target = (entry + matchTarget(meter, arms, slotValue(stack, numbers, x))) | 0;
              checkStep = Math.max(checkStep, meter.steps);
              stepsLeft = (checkStep - meter.steps) | 0;
            }
            pc = target;
            if (typeof payload === "number") {
              stack[d] = undefined;
              numbers[d] = payload;
            } else {
              stack[d] = payload;
              numbers[d] = numbers[x] ?? 0;
            }
            continue;
          }

          case 43: {
            // field
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const field = code[at | 2] ?? 0;
            const record = stack[x];
            let value: Value | undefined;
            if (record instanceof RecordValue) {
              const { floats } = record;
              const float = floats.length > 0 ? floats[field + 1] : undefined;
              if (float !== undefined) {
                const d = (base + (code[at | 3] ?? 0)) | 0;
                stack[d] = null;
                numbers[d] = float;
                const count = code[at | 4] ?? 0;
                stepsLeft = (stepsLeft - count) | 0;
                pc = (pc + count) | 0;
                continue;
              }
              value =
                field === 0 ? record.f0 : field === 1 ? record.f1 : field === 2 ? record.f2 : field === 3 ? record.f3 : record.get(field);
            }
            if (value === undefined) {
              const countToTrap = code[at | 5] ?? 0;
              stepsLeft = (stepsLeft - countToTrap) | 0;
              pc = (pc + countToTrap) | 0;
              value = fieldOf(slotValue(stack, numbers, x), field);
            }
            const d = (base + (code[at | 3] ?? 0)) | 0;
            if (typeof value === "number") {
              stack[d] = undefined;
              numbers[d] = value;
            } else stack[d] = value;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 44: {
            // record
            stepsLeft = (stepsLeft - 1) | 0;
            pc = (pc + 1) | 0;
            const count = code[at | 2] ?? 0;
            meter.allocate(slotsCharge(count));
            stack[(base + (code[at | 3] ?? 0)) | 0] = recordOf(actor, base + (code[at | 1] ?? 0), count, code[at | 6] ?? 0);
            continue;
          }
          case 45: // enumValue
          case 47: {
            // wrap
            const countToTrap = code[at | 5] ?? 0;
            stepsLeft = (stepsLeft - countToTrap) | 0;
            pc = (pc + countToTrap) | 0;
            meter.allocate(tag === 45 ? BYTES.enumValue : BYTES.wrapper);
            const x = code[at | 1] ?? 0;
            const value = x < 0 ? (constants[~x] ?? UNIT) : slotValue(stack, numbers, base + x);
            const kind = code[at | 2] ?? 0;
            stack[(base + (code[at | 3] ?? 0)) | 0] =
              tag === 45
                ? new EnumValue(kind, code[at | 6] ?? 0, value)
                : kind === 0
                  ? new SomeValue(value)
                  : kind === 1
                    ? new OkValue(value)
                    : new ErrValue(value);
            const countAfterTrap = (code[at | 4] ?? 0) - countToTrap;
            stepsLeft = (stepsLeft - countAfterTrap) | 0;
            pc = (pc + countAfterTrap) | 0;
            continue;
          }
          case 49: // builtin
          case 50: // builtinUpToThree
          case 67: {
            // length
            const list = tag === 67 ? stack[(base + (code[at | 1] ?? 0)) | 0] : undefined;
            if (list instanceof ListValue) {
              const d = (base + (code[at | 3] ?? 0)) | 0;
              stack[d] = undefined;
              numbers[d] = list.length;
              const count = code[at | 4] ?? 0;
              stepsLeft = (stepsLeft - count) | 0;
              pc = (pc + count) | 0;
              continue;
            }
            const countToTrap = code[at | 5] ?? 0;
            stepsLeft = (stepsLeft - countToTrap) | 0;
            pc = (pc + countToTrap) | 0;
            const builtinIndex = code[at | 6] ?? 0;
            const builtin = expectDefined(BUILTIN_RUNS[builtinIndex]);
            const x = code[at | 1] ?? 0;
            const y = code[at | 2] ?? 0;
            meter.steps = checkStep - stepsLeft;
            let value: Value;
            if (tag !== 50) {
              const a = x < 0 ? (constants[~x] ?? UNIT) : slotValue(stack, numbers, base + x);
              const b =
                BUILTIN_ARITIES[builtinIndex] === 2 ? (y < 0 ? (constants[~y] ?? UNIT) : slotValue(stack, numbers, base + y)) : UNIT;
              value = builtin(meter, a, b, UNIT);
            } else {
              value = builtin(
                meter,
                y > 0 ? slotValue(stack, numbers, base + x) : UNIT,
                y > 1 ? slotValue(stack, numbers, base + x + 1) : UNIT,
                y > 2 ? slotValue(stack, numbers, base + x + 2) : UNIT,
              );
            }
            const countAfterTrap = (code[at | 4] ?? 0) - countToTrap;
            const usedSteps = meter.steps;
            if (usedSteps !== checkStep - stepsLeft) {
              checkStep = Math.max(checkStep, usedSteps);
              stepsLeft = (checkStep - usedSteps) | 0;
              if (countAfterTrap > stepsLeft) {
                // No step is left for the store, so the value stays in its operand slot.
                setSlot(stack, numbers, base + (code[(pc << 3) + 7] ?? 0) - 1, value);
                continue;
              }
            }
            stepsLeft = (stepsLeft - countAfterTrap) | 0;
            pc = (pc + countAfterTrap) | 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            if (typeof value === "number") {
              stack[d] = undefined;
              numbers[d] = value;
            } else stack[d] = value;
            continue;
          }
          case 76: {
            // appendList
            const y = code[at | 2] ?? 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            const countToTrap = code[at | 5] ?? 0;
            stepsLeft = (stepsLeft - countToTrap) | 0;
            pc = (pc + countToTrap) | 0;
            const list = expectList(slotValue(stack, numbers, (base + (code[at | 1] ?? 0)) | 0));
            const value = y < 0 ? (constants[~y] ?? UNIT) : slotValue(stack, numbers, (base + y) | 0);
            meter.allocateList(list.length + 1, BYTES.push);
            // 2 is the `UNSHARED_MARK`. The engine does not keep marks.
            const isUnshared = engine === undefined && numbers[d] === 2 && list === stack[d];
            stack[d] = isUnshared ? list.grow(value) : list.push(value);
            numbers[d] = engine === undefined ? 2 : 0;
            const countAfterTrap = (code[at | 4] ?? 0) - countToTrap;
            stepsLeft = (stepsLeft - countAfterTrap) | 0;
            pc = (pc + countAfterTrap) | 0;
            continue;
          }
          case 77: {
            // moveTwo
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = stack[x];
            numbers[d] = numbers[x] ?? 0;
            const y = (base + (code[at | 2] ?? 0)) | 0;
            const second = (base + (code[at | 6] ?? 0)) | 0;
            stack[second] = stack[y];
            numbers[second] = numbers[y] ?? 0;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 78: // countLess
          case 79: {
            // countLessInt
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const y = code[at | 2] ?? 0;
            const value = (numbers[x] ?? 0) + 1;
            if (
              engine === undefined &&
              stack[x] === undefined &&
              value <= 9007199254740991 &&
              (tag === 79 || stack[base + y] === undefined)
            ) {
              numbers[x] = value;
              stepsLeft = (stepsLeft - (code[at | 4] ?? 0)) | 0;
              const bound = tag === 79 ? (constantNumbers[~y] ?? 0) : (numbers[base + y] ?? 0);
              pc = value < bound ? (code[at | 3] ?? 0) : (code[at | 5] ?? 0);
              continue;
            }
            // The first instruction is an elided load, so the op after it does the addition.
            stepsLeft = (stepsLeft - 1) | 0;
            pc = (pc + 1) | 0;
            continue;
          }
          case 54: {
            // not
            const value = slotValue(stack, numbers, base + (code[at | 1] ?? 0));
            stack[(base + (code[at | 3] ?? 0)) | 0] = !isTruthy(value);
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 58: {
            // effect
            if (checkStep - stepsLeft >= run.sliceEnd) {
              actor.sp = base + (code[at | 7] ?? 0);
              // The instruction does not count as a step before it is executed.
              meter.steps = checkStep - stepsLeft;
              return "preempted";
            }
            stepsLeft = (stepsLeft - 1) | 0;
            pc = (pc + 1) | 0;
            const first = code[at | 1] ?? 0;
            actor.sp = base + (code[at | 3] ?? 0);
            actor.depth = depth;
            framePc[depth - 1] = pc - entry;
            meter.steps = checkStep - stepsLeft;
            const args = slotValues(actor, actor.sp, code[at | 2] ?? 0);
            const out = startEffect(run, actor, code[at | 6] ?? 0, first, args);
            checkStep = Math.max(checkStep, meter.steps);
            stepsLeft = (checkStep - meter.steps) | 0;
            if (out !== undefined) return out;
            if (engine !== undefined && engine.offers[index]?.[pc - entry] === 1) return "again";
            continue;
          }
          case 59: {
            // receive
            if (checkStep - stepsLeft >= run.sliceEnd) {
              actor.sp = base + (code[at | 7] ?? 0);
              // The instruction does not count as a step before it is executed.
              meter.steps = checkStep - stepsLeft;
              return "preempted";
            }
            stepsLeft = (stepsLeft - 1) | 0;
            if (actor.branch !== undefined) throw new MachineTrap("invalid_receive", "a branch of a par has no mailbox");
            const message = takeMessage(actor);
            if (message === undefined && run.scheduled) {
              // The instruction is executed again when the mailbox has a message.
              actor.sp = base + (code[at | 7] ?? 0);
              return "blocked";
            }
            pc = (pc + 1) | 0;
            if (code[at | 1] === 1 && message !== undefined) {
              meter.steps = checkStep - stepsLeft;
              checkMessage(run, message.payload, code[at | 2] ?? 0);
              checkStep = Math.max(checkStep, meter.steps);
              stepsLeft = (checkStep - meter.steps) | 0;
            }
            setSlot(stack, numbers, base + (code[at | 3] ?? 0), message === undefined ? UNIT : message.payload);
            if (engine !== undefined && engine.offers[index]?.[pc - entry] === 1) {
              actor.sp = base + (code[at | 3] ?? 0) + 1;
              return "again";
            }
            continue;
          }
          case 51: // interpreterBuiltin
          case 52: // loadGlobal
          case 53: // storeGlobal
          case 56: // assert
          case 57: // guardSeal
          case 60: {
            // slowInstruction
            const countToTrap = code[at | 5] ?? 0;
            stepsLeft = (stepsLeft - countToTrap) | 0;
            pc = (pc + countToTrap) | 0;
            meter.steps = checkStep - stepsLeft;
            runSlowOp(run, actor, registerCode, { at, base, fn: expectDefined(functions[index]) });
            const countAfterTrap = (code[at | 4] ?? 0) - countToTrap;
            checkStep = Math.max(checkStep, meter.steps);
            stepsLeft = (checkStep - meter.steps - countAfterTrap) | 0;
            pc = (pc + countAfterTrap) | 0;
            continue;
          }
          case 46: // closure
          case 48: {
            // list
            const d = (base + (code[at | 3] ?? 0)) | 0;
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const length = code[at | 2] ?? 0;
            stepsLeft = (stepsLeft - 1) | 0;
            pc = (pc + 1) | 0;
            if (tag === 48 && length * UNITS.slot >= UNITS_PER_STEP) {
              meter.steps = checkStep - stepsLeft;
              meter.charge(length * UNITS.slot);
              checkStep = Math.max(checkStep, meter.steps);
              stepsLeft = (checkStep - meter.steps) | 0;
            }
            if (tag === 48) meter.allocateList(length);
            else meter.allocate(slotsCharge(length));
            const values = slotValues(actor, x, length);
            stack[d] =
              tag === 48
                ? ListValue.of(values)
                : length === 0
                  ? new FnRefValue(code[at | 6] ?? 0)
                  : new ClosureValue(code[at | 6] ?? 0, values);
            continue;
          }
          case 55: {
            // negate
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            const operand = stack[x];
            const countToTrap = code[at | 5] ?? 0;
            stepsLeft = (stepsLeft - countToTrap) | 0;
            pc = (pc + countToTrap) | 0;
            if (operand === undefined) {
              stack[d] = undefined;
              numbers[d] = 0 - (numbers[x] ?? 0);
            } else if (operand === null || operand instanceof FloatValue) {
              stack[d] = null;
              numbers[d] = -(operand === null ? (numbers[x] ?? 0) : operand.value);
            } else setSlot(stack, numbers, d, negate(operand));
            const countAfterTrap = (code[at | 4] ?? 0) - countToTrap;
            stepsLeft = (stepsLeft - countAfterTrap) | 0;
            pc = (pc + countAfterTrap) | 0;
            continue;
          }
          case 69: {
            // update
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            const path = expectDefined(updatePath(program.module, code[at | 2] ?? 0));
            meter.steps = checkStep - stepsLeft;
            const operandValues = slotValues(actor, (base + (code[at | 1] ?? 0)) | 0, code[at | 6] ?? 0);
            const result = updatePart(meter, slotValue(stack, numbers, d), path, operandValues);
            checkStep = Math.max(checkStep, meter.steps);
            stepsLeft = (checkStep - meter.steps) | 0;
            setSlot(stack, numbers, d, result);
            continue;
          }
          case 70: {
            // updateElement
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            const target = stack[d];
            const x = code[at | 1] ?? 0;
            const y = code[at | 2] ?? 0;
            const path = code[at | 6] ?? 0;
            const value = y < 0 ? (constants[~y] ?? UNIT) : slotValue(stack, numbers, base + y);
            if (path >= 0 && target instanceof ListValue && x >= 0 && stack[base + x] === undefined) {
              const i = numbers[base + x] ?? 0;
              if (target.setInPlace(i, value)) continue;
              if (i >= 0 && i < target.length) {
                stack[d] = withElement(meter, livingOwner(target.owner), target, i, value, 0);
                continue;
              }
            }
            meter.steps = checkStep - stepsLeft;
            const key = x < 0 ? (constants[~x] ?? UNIT) : slotValue(stack, numbers, base + x);
            const result = updatePart(
              meter,
              slotValue(stack, numbers, d),
              expectDefined(updatePath(program.module, path < 0 ? ~path : path)),
              [key, value],
            );
            checkStep = Math.max(checkStep, meter.steps);
            stepsLeft = (checkStep - meter.steps) | 0;
            setSlot(stack, numbers, d, result);
            continue;
          }
          case 71: {
            // takeElement
            const x = code[at | 1] ?? 0;
            const y = code[at | 2] ?? 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            const list = x >= 0 ? stack[base + x] : undefined;
            let element =
              y >= 0 && list instanceof ListValue && stack[base + y] === undefined ? list.get(numbers[base + y] ?? 0) : undefined;
            if (element === undefined) {
              const countToTrap = code[at | 5] ?? 0;
              stepsLeft = (stepsLeft - countToTrap) | 0;
              pc = (pc + countToTrap) | 0;
              element = elementAt(
                x < 0 ? (constants[~x] ?? UNIT) : slotValue(stack, numbers, base + x),
                y < 0 ? (constants[~y] ?? UNIT) : slotValue(stack, numbers, base + y),
              );
              stepsLeft = (stepsLeft + countToTrap) | 0;
              pc = (pc - countToTrap) | 0;
            }
            if (typeof element === "number") {
              stack[d] = undefined;
              numbers[d] = element;
            } else stack[d] = typeof element === "object" ? endOwnership(element) : element;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 72: {
            // takeField
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const field = code[at | 2] ?? 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            const record = stack[x];
            let value = record instanceof RecordValue ? record.get(field) : undefined;
            if (value === undefined) {
              const countToTrap = code[at | 5] ?? 0;
              stepsLeft = (stepsLeft - countToTrap) | 0;
              pc = (pc + countToTrap) | 0;
              value = fieldOf(slotValue(stack, numbers, x), field);
            }
            if (typeof value === "number") {
              stack[d] = undefined;
              numbers[d] = value;
            } else stack[d] = typeof value === "object" ? endOwnership(value) : value;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 73: {
            // releaseLocal
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            const value = stack[x];
            const countToTrap = code[at | 5] ?? 0;
            stepsLeft = (stepsLeft - countToTrap) | 0;
            pc = (pc + countToTrap) | 0;
            if (typeof value === "object" && value !== null) endOwnership(value);
            else if (typeof value === "string" && numbers[x] === 1 && code[at | 2] === 1) {
              // 1 is the `PENDING_MARK`.
              meter.allocate(firstReadCharge(value.length));
              numbers[x] = 0;
            }
            stack[d] = value;
            numbers[d] = numbers[x] ?? 0;
            continue;
          }
          case 74: {
            // ownLocal
            const x = code[at | 1] ?? 0;
            const value = x < 0 ? (constants[~x] ?? UNIT) : stack[base + x];
            const d = (base + (code[at | 3] ?? 0)) | 0;
            if (typeof value === "object" && value !== null) stack[d] = beginOwnership(value);
            else if (typeof value === "number") {
              stack[d] = undefined;
              numbers[d] = value;
            } else {
              stack[d] = value;
              numbers[d] = x < 0 ? 0 : (numbers[base + x] ?? 0);
            }
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 61: {
            // nothing
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 62: {
            // readLocal
            const countToTrap = code[at | 5] ?? 0;
            stepsLeft = (stepsLeft - countToTrap) | 0;
            pc = (pc + countToTrap) | 0;
            const x = (base + (code[at | 1] ?? 0)) | 0;
            const d = (base + (code[at | 3] ?? 0)) | 0;
            const value = stack[x];
            // 1 is the `PENDING_MARK`.
            if (typeof value === "object" && value !== null) numbers[x] = 0;
            else if (typeof value === "string" && numbers[x] === 1) {
              meter.allocate(firstReadCharge(value.length));
              numbers[x] = 0;
            }
            stack[d] = value;
            numbers[d] = numbers[x] ?? 0;
            continue;
          }
          case 63: {
            // storeLocal
            const x = code[at | 1] ?? 0;
            const value = x < 0 ? (constants[~x] ?? UNIT) : stack[base + x];
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = value;
            numbers[d] =
              value === undefined || value === null ? (numbers[base + x] ?? 0) : typeof value === "string" ? (code[at | 2] ?? 0) : 0;
            const count = code[at | 4] ?? 0;
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          case 64: {
            // append
            const y = code[at | 2] ?? 0;
            const first = stack[(base + (code[at | 1] ?? 0)) | 0];
            const second = y < 0 ? constants[~y] : stack[base + y];
            if (typeof first !== "string" || typeof second !== "string") break;
            const countToTrap = code[at | 5] ?? 0;
            stepsLeft = (stepsLeft - countToTrap) | 0;
            pc = (pc + countToTrap) | 0;
            meter.allocateAppend(first.length, second.length);
            const d = (base + (code[at | 3] ?? 0)) | 0;
            stack[d] = first + second;
            // 1 is the `PENDING_MARK`.
            numbers[d] = 1;
            const countAfterTrap = (code[at | 4] ?? 0) - countToTrap;
            stepsLeft = (stepsLeft - countAfterTrap) | 0;
            pc = (pc + countAfterTrap) | 0;
            continue;
          }
          case 68: // flow
            reportsFlow = true;
            singleStepBelow = 2147483647;
            continue;
          default:
            throw new MachineTrap("internal", `no row ${tag}`);
        }

        // The general operation or comparison of any two values.
        const x = code[at | 1] ?? 0;
        const y = code[at | 2] ?? 0;
        const count = code[at | 4] ?? 0;
        const op = code[at | 6] ?? 0;
        const jumps = tag >= 20 && tag <= 30;
        const swapped = (op & SWAPPED) !== 0;
        const left = x < 0 ? constants[~x] : stack[base + x];
        const right = y < 0 ? constants[~y] : stack[base + y];
        const operation = op & OPERATION;
        const isEquality = operation >= 4 && (jumps || tag === 31);
        // Equality that costs no step. Nothing here can trap.
        if (isEquality && typeof left !== "object" && left !== undefined && isCheapToCompare(left, right)) {
          const holds = (left === right) === (operation === 4);
          stepsLeft = (stepsLeft - count) | 0;
          if (jumps) pc = holds === ((op & NEGATED) === 0) ? (code[at | 3] ?? 0) : (code[at | 5] ?? 0);
          else {
            stack[(base + (code[at | 3] ?? 0)) | 0] = holds;
            pc = (pc + count) | 0;
          }
          continue;
        }
        // Two Floats, of which at least one is boxed. Nothing here can trap.
        if ((left === null || left instanceof FloatValue) && (right === null || right instanceof FloatValue)) {
          const m = left === null ? (numbers[base + x] ?? 0) : left.value;
          const n = right === null ? (numbers[base + y] ?? 0) : right.value;
          const [a, b] = swapped ? [n, m] : [m, n];
          if (jumps) {
            stepsLeft = (stepsLeft - count) | 0;
            pc = compareNumbers(operation, a, b) === ((op & NEGATED) === 0) ? (code[at | 3] ?? 0) : (code[at | 5] ?? 0);
            continue;
          }
          const d = (base + (code[at | 3] ?? 0)) | 0;
          if (tag === 31) stack[d] = compareNumbers(op, a, b);
          else if (operation <= 2 || operation === 5) {
            stack[d] = null;
            numbers[d] = operation === 0 ? a + b : operation === 1 ? a - b : operation === 2 ? a * b : a / b;
          }
          if (tag === 31 || operation <= 2 || operation === 5) {
            stepsLeft = (stepsLeft - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
        }
        const countToTrap = jumps ? count - ((op & DISTANT) === 0 ? 1 : 2) : (code[at | 5] ?? 0);
        stepsLeft = (stepsLeft - countToTrap) | 0;
        pc = (pc + countToTrap) | 0;
        meter.steps = checkStep - stepsLeft;
        const first = x < 0 ? (constants[~x] ?? UNIT) : slotValue(stack, numbers, base + x);
        const second = y < 0 ? (constants[~y] ?? UNIT) : slotValue(stack, numbers, base + y);
        // The slot of the result if no step is left for the store or the jump.
        const operandSlot = base + (code[(pc << 3) + 7] ?? 0) - 1;
        const countAfterTrap = count - countToTrap;
        if (jumps) {
          const holds = swapped ? applyComparison(meter, operation, second, first) : applyComparison(meter, operation, first, second);
          checkStep = Math.max(checkStep, meter.steps);
          stepsLeft = (checkStep - meter.steps) | 0;
          if (countAfterTrap > stepsLeft) {
            stack[operandSlot] = holds;
            continue;
          }
          stepsLeft = (stepsLeft - countAfterTrap) | 0;
          pc = holds === ((op & NEGATED) === 0) ? (code[at | 3] ?? 0) : (code[at | 5] ?? 0);
          continue;
        }
        const value =
          tag === 31
            ? applyComparison(meter, op, first, second)
            : applyBinary(meter, operation, swapped ? second : first, swapped ? first : second);
        checkStep = Math.max(checkStep, meter.steps);
        stepsLeft = (checkStep - meter.steps) | 0;
        const enoughSteps = countAfterTrap <= stepsLeft;
        const d = enoughSteps ? base + (code[at | 3] ?? 0) : operandSlot;
        if (value instanceof FloatValue) {
          stack[d] = null;
          numbers[d] = value.value;
        } else setSlot(stack, numbers, d, value);
        if (enoughSteps) {
          stepsLeft = (stepsLeft - countAfterTrap) | 0;
          pc = (pc + countAfterTrap) | 0;
        }
      } while (((at = pc << 3), stepsLeft >= singleStepBelow));
    }
  } finally {
    if (!isInEngine) {
      actor.depth = depth;
      if (depth > 0) framePc[depth - 1] = pc - entry;
    }
    // A charge that reached the step limit has already set the meter.
    meter.steps = Math.max(meter.steps, checkStep - stepsLeft);
  }
}
