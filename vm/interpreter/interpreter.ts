/**
 * The interpreter: the reference for every other engine. It executes one actor until it returns, traps, blocks, has
 * used up its slice, or waits for the host; all state is in the actor, so it can stop before any instruction.
 */
import { type Actor, NEVER_EXACT, takeMessage } from "./actor.ts";
import type { Engine } from "../compiled/engine.ts";
import { BYTES, slotsCharge, firstReadCharge } from "../cost.ts";
import { poll, type Run, startEffect } from "./host-calls.ts";
import { beginInstruction, calledFunction, pushFrame, spread } from "./frames.ts";
import type { CapabilityAnswer } from "../host.ts";
import { ListValue } from "../value/list.ts";
import { checkMessage } from "./message-types.ts";
import { MachineTrap, stepLimit } from "../meter.ts";
import { compares, fieldOf, isTruthy, matchPayload, matchTarget, operation, present } from "./operations.ts";
import { rareRow } from "./slow-path.ts";
import { LONGEST_ROW, NEGATED, OPERATION, ROWS, SWAPPED } from "./register-ops.ts";
import { BUILTIN_RUNS, rowsOf } from "./register-code.ts";
import { setSlot, slotValue, slotValues } from "./stack-slots.ts";
import { ClosureValue, EnumValue, ErrValue, FloatValue, OkValue, RecordValue, SomeValue, UNIT, type Value } from "../value/value.ts";

/** Why the interpreter came back; a promise is the answer that the actor waits for. */
export type Signal = "done" | "blocked" | "yielded" | Promise<CapabilityAnswer>;

/** At least so many steps lie between two questions to the host whether to stop. */
const POLL_STEPS = 4_096;
/** Locals of a frame that are filled in without a charge. */
const FREE_LOCALS = 256;

/**
 * Runs an actor. `sliceEnd` is the step at which it yields. Throws `MachineTrap`; the actor's frames then say where.
 * `engine` takes over calls and loops that have become hot.
 */
export function interpret(run: Run, actor: Actor, sliceEnd: number, engine: Engine | undefined): Signal {
  for (;;) {
    const signal = execute(run, actor, sliceEnd, engine);
    if (signal !== "again") return signal;
    // As where a return ends the last frame.
    if (actor.depth === 0) return run.meter.steps >= sliceEnd ? "yielded" : "done";
  }
}

/**
 * One long loop, since it is the hot path: the frame's registers live in local variables and go back to the actor
 * before anything that can leave the loop. Case labels are literals so that the host makes a jump table of them;
 * a test holds them and their comments against the table of rows. A case that is done continues the loop; one whose
 * operands are not of the usual kinds breaks: the general form of operations and comparisons stands below the cases.
 * That the cases repeat their ends, the strides of rows (8) and shapes (4) as literals, and `| 0`, which tells the host
 * which registers are integers, each make it a tenth faster or more (ADR 014).
 * "again": the compiled engine ended the innermost frame.
 */
function execute(run: Run, actor: Actor, sliceEnd: number, engine: Engine | undefined): Signal | "again" {
  const { meter, program } = run;
  const { functions } = program;
  const { constants } = program.module;
  const rows = rowsOf(program);
  const { code, shapes, numbers: constantNumbers } = rows;
  const { stack, frameFunction, framePc, frameBase } = actor;
  const traced = run.trace !== undefined;
  const maxDepth = run.limits.max_call_depth;
  const budget = run.scheduled ? Math.min(meter.maxSteps, sliceEnd) : meter.maxSteps;
  let depth = actor.depth | 0;
  let { numbers } = actor;
  if (depth === 0) return "done";
  let index = (frameFunction[depth - 1] ?? 0) | 0;
  let shape = index << 2;
  let entry = shapes[shape] ?? 0;
  let pc = (entry + (framePc[depth - 1] ?? 0)) | 0;
  let base = (frameBase[depth - 1] ?? 0) | 0;
  /** Of an irregular function; those of a regular one are known. */
  let operands = actor.sp - base - (shapes[shape + 2] ?? 0);
  /** With fewer steps left than this, instructions are executed one by one. */
  let least = traced || (shapes[shape + 3] ?? 0) < 0 ? 2147483647 : LONGEST_ROW;
  // Never below the steps done, so that what is left is small.
  let stopAt = Math.max(meter.steps, Math.min(meter.maxSteps, sliceEnd, run.nextPoll));
  /** Steps until `stopAt`: the small number that is counted. */
  let left = (stopAt - meter.steps) | 0;
  /** The frame is the compiled engine's doing: the registers are no longer it. */
  let gone = false;
  try {
    // A frame that has just begun may be compiled as a whole.
    if (engine !== undefined && pc === entry && engine.begun(run, actor, present(functions[index]), budget)) {
      gone = true;
      return "again";
    }
    for (;;) {
      let at = pc << 3;
      if (left < least) {
        const fn = present(functions[index]);
        if (fn.regular) {
          if (code[at] === ROWS.untranslated) rows.translate(fn);
          operands = (code[at + 7] ?? 0) - fn.def.locals;
        }
        const steps = stopAt - left;
        if (steps >= meter.maxSteps) throw stepLimit(meter.maxSteps);
        if (steps >= sliceEnd) {
          actor.sp = base + fn.def.locals + operands;
          return "yielded";
        }
        // A question comes a little sooner, so that it needs no exact stop.
        if (steps > run.nextPoll - LONGEST_ROW) {
          poll(run);
          run.nextPoll = steps + POLL_STEPS + LONGEST_ROW;
        }
        stopAt = Math.max(steps, Math.min(meter.maxSteps, sliceEnd, run.nextPoll));
        left = (stopAt - steps) | 0;
        if (left < least) {
          // It is a step even where it cannot begin.
          meter.steps = stopAt - left + 1;
          operands = beginInstruction(run, actor, rows, { fn, pc: pc - entry, base, operands });
          ({ numbers } = actor);
          at = 0;
        }
      }
      const tag = code[at] ?? 0;
      switch (tag) {
        case 0: // untranslated
          rows.translate(present(functions[index]));
          continue;
        case 1: {
          // move
          const x = base + (code[at + 1] ?? 0);
          const d = base + (code[at + 3] ?? 0);
          stack[d] = stack[x];
          numbers[d] = numbers[x] ?? 0;
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 2: {
          // int
          const d = base + (code[at + 3] ?? 0);
          stack[d] = undefined;
          numbers[d] = constantNumbers[code[at + 2] ?? 0] ?? 0;
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 3: {
          // float
          const d = base + (code[at + 3] ?? 0);
          stack[d] = null;
          numbers[d] = constantNumbers[code[at + 2] ?? 0] ?? 0;
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 4: {
          // constant
          stack[base + (code[at + 3] ?? 0)] = constants[code[at + 2] ?? 0] ?? UNIT;
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }

        case 5: {
          // add
          const x = base + (code[at + 1] ?? 0);
          const y = base + (code[at + 2] ?? 0);
          const kind = stack[x];
          if (kind !== stack[y] || (kind !== undefined && kind !== null)) break;
          const value = (numbers[x] ?? 0) + (numbers[y] ?? 0);
          if (kind === undefined && !(Math.abs(value) <= 9007199254740991)) break;
          const d = base + (code[at + 3] ?? 0);
          stack[d] = kind;
          numbers[d] = value;
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 6: {
          // addInt
          const x = base + (code[at + 1] ?? 0);
          if (stack[x] !== undefined) break;
          const value = (numbers[x] ?? 0) + (constantNumbers[~(code[at + 2] ?? 0)] ?? 0);
          if (!(Math.abs(value) <= 9007199254740991)) break;
          const d = base + (code[at + 3] ?? 0);
          stack[d] = undefined;
          numbers[d] = value;
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 7: {
          // addFloat
          const x = base + (code[at + 1] ?? 0);
          if (stack[x] !== null) break;
          const d = base + (code[at + 3] ?? 0);
          stack[d] = null;
          numbers[d] = (numbers[x] ?? 0) + (constantNumbers[~(code[at + 2] ?? 0)] ?? 0);
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 8: {
          // subtract
          const x = base + (code[at + 1] ?? 0);
          const y = base + (code[at + 2] ?? 0);
          const kind = stack[x];
          if (kind !== stack[y] || (kind !== undefined && kind !== null)) break;
          const value = (numbers[x] ?? 0) - (numbers[y] ?? 0);
          if (kind === undefined && !(Math.abs(value) <= 9007199254740991)) break;
          const d = base + (code[at + 3] ?? 0);
          stack[d] = kind;
          numbers[d] = value;
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 9: {
          // subtractInt
          const x = base + (code[at + 1] ?? 0);
          if (stack[x] !== undefined) break;
          const value = (numbers[x] ?? 0) - (constantNumbers[~(code[at + 2] ?? 0)] ?? 0);
          if (!(Math.abs(value) <= 9007199254740991)) break;
          const d = base + (code[at + 3] ?? 0);
          stack[d] = undefined;
          numbers[d] = value;
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 10: {
          // subtractFloat
          const x = base + (code[at + 1] ?? 0);
          if (stack[x] !== null) break;
          const d = base + (code[at + 3] ?? 0);
          stack[d] = null;
          numbers[d] = (numbers[x] ?? 0) - (constantNumbers[~(code[at + 2] ?? 0)] ?? 0);
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 11: {
          // multiply
          const x = base + (code[at + 1] ?? 0);
          const y = base + (code[at + 2] ?? 0);
          const kind = stack[x];
          if (kind !== stack[y] || (kind !== undefined && kind !== null)) break;
          const value = (numbers[x] ?? 0) * (numbers[y] ?? 0);
          if (kind === undefined && !(Math.abs(value) <= 9007199254740991)) break;
          const d = base + (code[at + 3] ?? 0);
          stack[d] = kind;
          numbers[d] = kind === undefined ? value + 0 : value;
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 12: {
          // multiplyInt
          const x = base + (code[at + 1] ?? 0);
          if (stack[x] !== undefined) break;
          const value = (numbers[x] ?? 0) * (constantNumbers[~(code[at + 2] ?? 0)] ?? 0);
          if (!(Math.abs(value) <= 9007199254740991)) break;
          const d = base + (code[at + 3] ?? 0);
          stack[d] = undefined;
          numbers[d] = value + 0;
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 13: {
          // multiplyFloat
          const x = base + (code[at + 1] ?? 0);
          if (stack[x] !== null) break;
          const d = base + (code[at + 3] ?? 0);
          stack[d] = null;
          numbers[d] = (numbers[x] ?? 0) * (constantNumbers[~(code[at + 2] ?? 0)] ?? 0);
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 14: // remainder
        case 15: {
          // remainderInt
          const x = base + (code[at + 1] ?? 0);
          const second = code[at + 2] ?? 0;
          if (stack[x] !== undefined || (tag === 14 && stack[base + second] !== undefined)) break;
          const a = numbers[x] ?? 0;
          const b = tag === 15 ? (constantNumbers[~second] ?? 0) : (numbers[base + second] ?? 0);
          if (!(b > 0)) break;
          const [small, divisor] = [a | 0, b | 0];
          // Integers of the host where they are small: its division of doubles is slow.
          const d = base + (code[at + 3] ?? 0);
          stack[d] = undefined;
          numbers[d] = small === a && divisor === b ? (small % divisor) | 0 : a % b;
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 16: {
          // divideFloats
          const x = base + (code[at + 1] ?? 0);
          const y = base + (code[at + 2] ?? 0);
          if (stack[x] !== null || stack[y] !== null) break;
          const d = base + (code[at + 3] ?? 0);
          stack[d] = null;
          numbers[d] = (numbers[x] ?? 0) / (numbers[y] ?? 0);
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 17: {
          // element
          const list = stack[base + (code[at + 1] ?? 0)];
          const y = base + (code[at + 2] ?? 0);
          if (!(list instanceof ListValue) || stack[y] !== undefined) break;
          const found = list.get(numbers[y] ?? 0);
          if (found === undefined) break;
          const d = base + (code[at + 3] ?? 0);
          if (typeof found === "number") {
            stack[d] = undefined;
            numbers[d] = found;
          } else stack[d] = found;
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 18: // binary
          break;

        case 20: {
          // less
          const x = base + (code[at + 1] ?? 0);
          const y = base + (code[at + 2] ?? 0);
          const kind = stack[x];
          if (kind !== stack[y] || (kind !== undefined && kind !== null)) break;
          left = (left - (code[at + 4] ?? 0)) | 0;
          pc = (numbers[x] ?? 0) < (numbers[y] ?? 0) ? (code[at + 3] ?? 0) : (code[at + 5] ?? 0);
          continue;
        }
        case 21: {
          // lessInt
          const x = base + (code[at + 1] ?? 0);
          if (stack[x] !== undefined) break;
          left = (left - (code[at + 4] ?? 0)) | 0;
          pc = (numbers[x] ?? 0) < (constantNumbers[~(code[at + 2] ?? 0)] ?? 0) ? (code[at + 3] ?? 0) : (code[at + 5] ?? 0);
          continue;
        }
        case 22: {
          // lessOrEqual
          const x = base + (code[at + 1] ?? 0);
          const y = base + (code[at + 2] ?? 0);
          const kind = stack[x];
          if (kind !== stack[y] || (kind !== undefined && kind !== null)) break;
          left = (left - (code[at + 4] ?? 0)) | 0;
          pc = (numbers[x] ?? 0) <= (numbers[y] ?? 0) ? (code[at + 3] ?? 0) : (code[at + 5] ?? 0);
          continue;
        }
        case 23: {
          // lessOrEqualInt
          const x = base + (code[at + 1] ?? 0);
          if (stack[x] !== undefined) break;
          left = (left - (code[at + 4] ?? 0)) | 0;
          pc = (numbers[x] ?? 0) <= (constantNumbers[~(code[at + 2] ?? 0)] ?? 0) ? (code[at + 3] ?? 0) : (code[at + 5] ?? 0);
          continue;
        }
        case 24: {
          // equal
          const x = base + (code[at + 1] ?? 0);
          const y = base + (code[at + 2] ?? 0);
          if (stack[x] !== undefined || stack[y] !== undefined) break;
          left = (left - (code[at + 4] ?? 0)) | 0;
          pc = numbers[x] === numbers[y] ? (code[at + 3] ?? 0) : (code[at + 5] ?? 0);
          continue;
        }
        case 25: {
          // equalInt
          const x = base + (code[at + 1] ?? 0);
          if (stack[x] !== undefined) break;
          left = (left - (code[at + 4] ?? 0)) | 0;
          pc = numbers[x] === constantNumbers[~(code[at + 2] ?? 0)] ? (code[at + 3] ?? 0) : (code[at + 5] ?? 0);
          continue;
        }
        case 30: // compareJump
        case 31: // compare
          break;

        case 32: // jump
          left = (left - (code[at + 4] ?? 0)) | 0;
          pc = code[at + 3] ?? 0;
          continue;
        case 33: // loop
        case 65: // loopLess
        case 66: {
          // loopLessInt
          if (tag !== 33 && engine === undefined) {
            const x = base + (code[at + 1] ?? 0);
            const y = code[at + 2] ?? 0;
            if (stack[x] === undefined && (tag === 66 || stack[base + y] === undefined)) {
              left = (left - (code[at + 4] ?? 0)) | 0;
              const bound = tag === 66 ? (constantNumbers[~y] ?? 0) : (numbers[base + y] ?? 0);
              pc = (numbers[x] ?? 0) < bound ? (code[at + 3] ?? 0) : (code[at + 5] ?? 0);
              continue;
            }
          }
          const target = code[at + 6] ?? 0;
          left = (left - 1) | 0;
          pc = (pc + 1) | 0;
          if (engine !== undefined) {
            actor.depth = depth;
            actor.sp = base + (code[(target << 3) + 7] ?? 0);
            meter.steps = stopAt - left;
            const end = engine.loop(run, actor, present(functions[index]), target - entry, pc - target, budget);
            stopAt = Math.max(stopAt, meter.steps);
            left = (stopAt - meter.steps) | 0;
            if (end === "ended") {
              gone = true;
              return "again";
            }
          }
          pc = target;
          continue;
        }
        case 34: // jumpIf
        case 35: {
          // jumpIfNot
          const x = base + (code[at + 1] ?? 0);
          const slot = stack[x];
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          const truthy = slot === true || (slot !== false && isTruthy(slotValue(stack, numbers, x)));
          pc = truthy === (tag === 34) ? (code[at + 3] ?? 0) : pc + count;
          continue;
        }

        case 36: // call
        case 37: // callIndirect
        case 38: {
          // tailCall
          left = (left - 1) | 0;
          pc = (pc + 1) | 0;
          let callee = code[at + 2] ?? 0;
          let count = code[at + 6] ?? 0;
          let first = (base + (code[at + 3] ?? 0)) | 0;
          if (tag === 37) {
            const target = slotValue(stack, numbers, base + (code[at + 1] ?? 0));
            callee = calledFunction(program, target);
            if (target instanceof ClosureValue) {
              // The captured values become the first arguments.
              count += spread(actor, target.captured, first, count);
              ({ numbers } = actor);
            }
          }
          if (engine !== undefined && tag !== 38) {
            meter.steps = stopAt - left;
            const value = engine.call(run, actor, present(functions[callee]), first, count, depth + 1, budget);
            if (value !== undefined) {
              stopAt = Math.max(stopAt, meter.steps);
              left = (stopAt - meter.steps) | 0;
              setSlot(stack, numbers, first, value);
              continue;
            }
          }
          let under = depth;
          if (tag === 38) {
            for (let i = 0; i < count; i++) {
              stack[base + i] = stack[first + i];
              numbers[base + i] = numbers[first + i] ?? 0;
            }
            first = base;
            under -= 1;
          } else framePc[depth - 1] = pc - entry;
          const called = callee << 2;
          const locals = shapes[called + 2] ?? 0;
          const room = shapes[called + 3] ?? 0;
          if (under >= maxDepth || room < 0 || locals >= FREE_LOCALS || first + locals + room > stack.length) {
            actor.depth = under;
            meter.steps = stopAt - left;
            pushFrame(run, actor, present(functions[callee]), first, count);
            stopAt = Math.max(stopAt, meter.steps);
            left = (stopAt - meter.steps) | 0;
            depth = actor.depth | 0;
            ({ numbers } = actor);
          } else {
            const end = first + locals;
            for (let i = first + Math.min(count, shapes[called + 1] ?? 0); i < end; i++) stack[i] = UNIT;
            frameFunction[under] = callee;
            frameBase[under] = first;
            depth = (under + 1) | 0;
          }
          index = callee | 0;
          shape = called;
          base = first | 0;
          entry = shapes[shape] ?? 0;
          pc = entry;
          operands = 0;
          least = traced || room < 0 ? 2147483647 : LONGEST_ROW;
          continue;
        }
        case 39: // return
        case 40: {
          // returnUnit
          left = (left - (code[at + 4] ?? 0)) | 0;
          depth = (depth - 1) | 0;
          if (engine !== undefined && depth < actor.exactFrom) actor.exactFrom = NEVER_EXACT;
          const x = base + (code[at + 1] ?? 0);
          if (depth === 0) {
            actor.result = tag === 39 ? slotValue(stack, numbers, x) : UNIT;
            // The older machine notices the end in the step after, which may lie in the next slice.
            return stopAt - left >= sliceEnd ? "yielded" : "done";
          }
          if (tag === 39) {
            stack[base] = stack[x];
            numbers[base] = numbers[x] ?? 0;
          } else stack[base] = UNIT;
          index = (frameFunction[depth - 1] ?? 0) | 0;
          shape = index << 2;
          entry = shapes[shape] ?? 0;
          pc = (entry + (framePc[depth - 1] ?? 0)) | 0;
          const below = frameBase[depth - 1] ?? 0;
          operands = (base + 1 - below - (shapes[shape + 2] ?? 0)) | 0;
          base = below | 0;
          least = traced || (shapes[shape + 3] ?? 0) < 0 ? 2147483647 : LONGEST_ROW;
          continue;
        }
        case 41: {
          // halt
          left = (left - 1) | 0;
          const top = code[at + 1] ?? 0;
          actor.result = top > (shapes[shape + 2] ?? 0) ? slotValue(stack, numbers, base + top - 1) : UNIT;
          depth = 0;
          return "done";
        }
        case 42: {
          // match
          const value = slotValue(stack, numbers, base + (code[at + 1] ?? 0));
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          meter.steps = stopAt - left;
          pc = (entry + matchTarget(meter, functions[index]?.def.matchTables[code[at + 2] ?? 0] ?? [], value)) | 0;
          stopAt = Math.max(stopAt, meter.steps);
          left = (stopAt - meter.steps) | 0;
          setSlot(stack, numbers, base + (code[at + 3] ?? 0), matchPayload(value));
          continue;
        }

        case 43: {
          // field
          const before = code[at + 5] ?? 0;
          left = (left - before) | 0;
          pc = (pc + before) | 0;
          const x = base + (code[at + 1] ?? 0);
          const field = code[at + 2] ?? 0;
          const record = stack[x];
          const value = (record instanceof RecordValue ? record.fields[field] : undefined) ?? fieldOf(slotValue(stack, numbers, x), field);
          const d = base + (code[at + 3] ?? 0);
          if (typeof value === "number") {
            stack[d] = undefined;
            numbers[d] = value;
          } else stack[d] = value;
          const after = (code[at + 4] ?? 0) - before;
          left = (left - after) | 0;
          pc = (pc + after) | 0;
          continue;
        }
        case 44: {
          // record
          left = (left - 1) | 0;
          pc = (pc + 1) | 0;
          const count = code[at + 2] ?? 0;
          meter.allocate(slotsCharge(count));
          stack[base + (code[at + 3] ?? 0)] = new RecordValue(code[at + 6] ?? 0, slotValues(actor, base + (code[at + 1] ?? 0), count));
          continue;
        }
        case 45: // enumValue
        case 47: {
          // wrap
          const before = code[at + 5] ?? 0;
          left = (left - before) | 0;
          pc = (pc + before) | 0;
          meter.allocate(tag === 45 ? BYTES.enumValue : BYTES.wrapper);
          const x = code[at + 1] ?? 0;
          const value = x < 0 ? (constants[~x] ?? UNIT) : slotValue(stack, numbers, base + x);
          const kind = code[at + 2] ?? 0;
          stack[base + (code[at + 3] ?? 0)] =
            tag === 45
              ? new EnumValue(kind, code[at + 6] ?? 0, value)
              : kind === 0
                ? new SomeValue(value)
                : kind === 1
                  ? new OkValue(value)
                  : new ErrValue(value);
          const after = (code[at + 4] ?? 0) - before;
          left = (left - after) | 0;
          pc = (pc + after) | 0;
          continue;
        }
        case 49: // builtin
        case 50: // builtinOfThree
        case 67: {
          // length
          const list = tag === 67 ? stack[base + (code[at + 1] ?? 0)] : undefined;
          if (list instanceof ListValue) {
            const d = base + (code[at + 3] ?? 0);
            stack[d] = undefined;
            numbers[d] = list.length;
            const count = code[at + 4] ?? 0;
            left = (left - count) | 0;
            pc = (pc + count) | 0;
            continue;
          }
          const before = code[at + 5] ?? 0;
          left = (left - before) | 0;
          pc = (pc + before) | 0;
          const { arity, run: builtin } = present(BUILTIN_RUNS[code[at + 6] ?? 0]);
          const x = code[at + 1] ?? 0;
          const y = code[at + 2] ?? 0;
          meter.steps = stopAt - left;
          let value: Value;
          if (tag !== 50) {
            const a = x < 0 ? (constants[~x] ?? UNIT) : slotValue(stack, numbers, base + x);
            const b = arity < 2 ? UNIT : y < 0 ? (constants[~y] ?? UNIT) : slotValue(stack, numbers, base + y);
            value = builtin(meter, a, b, UNIT);
          } else {
            value = builtin(
              meter,
              y > 0 ? slotValue(stack, numbers, base + x) : UNIT,
              y > 1 ? slotValue(stack, numbers, base + x + 1) : UNIT,
              y > 2 ? slotValue(stack, numbers, base + x + 2) : UNIT,
            );
          }
          stopAt = Math.max(stopAt, meter.steps);
          left = (stopAt - meter.steps) | 0;
          const after = (code[at + 4] ?? 0) - before;
          if (after > left) {
            // The charge leaves no step for the store: the value waits in its slot.
            setSlot(stack, numbers, base + (code[(pc << 3) + 7] ?? 0) - 1, value);
            continue;
          }
          left = (left - after) | 0;
          pc = (pc + after) | 0;
          setSlot(stack, numbers, base + (code[at + 3] ?? 0), value);
          continue;
        }
        case 54: {
          // not
          const value = slotValue(stack, numbers, base + (code[at + 1] ?? 0));
          stack[base + (code[at + 3] ?? 0)] = !isTruthy(value);
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 58: {
          // effect
          left = (left - 1) | 0;
          pc = (pc + 1) | 0;
          const first = code[at + 1] ?? 0;
          actor.sp = base + (code[at + 3] ?? 0);
          actor.depth = depth;
          framePc[depth - 1] = pc - entry;
          meter.steps = stopAt - left;
          const args = slotValues(actor, actor.sp, code[at + 2] ?? 0);
          const out = startEffect(run, actor, code[at + 6] ?? 0, first, args);
          stopAt = Math.max(stopAt, meter.steps);
          left = (stopAt - meter.steps) | 0;
          if (out !== undefined) return out;
          continue;
        }
        case 59: {
          // receive
          left = (left - 1) | 0;
          const message = takeMessage(actor);
          if (message === undefined && run.scheduled) {
            // Executed again once there is mail.
            actor.sp = base + (code[at + 7] ?? 0);
            return "blocked";
          }
          pc = (pc + 1) | 0;
          if (code[at + 1] === 1 && message !== undefined) {
            meter.steps = stopAt - left;
            checkMessage(run, message.payload, code[at + 2] ?? 0);
            stopAt = Math.max(stopAt, meter.steps);
            left = (stopAt - meter.steps) | 0;
          }
          setSlot(stack, numbers, base + (code[at + 3] ?? 0), message === undefined ? UNIT : message.payload);
          continue;
        }
        case 46: // closure
        case 48: // list
        case 51: // ownBuiltin
        case 52: // loadGlobal
        case 53: // storeGlobal
        case 55: // negate
        case 56: // assert
        case 57: // guardSeal
        case 60: {
          // rare
          const before = code[at + 5] ?? 0;
          left = (left - before) | 0;
          pc = (pc + before) | 0;
          meter.steps = stopAt - left;
          rareRow(run, actor, rows, { at, base, fn: present(functions[index]) });
          const after = (code[at + 4] ?? 0) - before;
          stopAt = Math.max(stopAt, meter.steps);
          left = (stopAt - meter.steps - after) | 0;
          pc = (pc + after) | 0;
          continue;
        }
        case 61: {
          // nothing
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 62: {
          // readLocal
          const before = code[at + 5] ?? 0;
          left = (left - before) | 0;
          pc = (pc + before) | 0;
          const x = base + (code[at + 1] ?? 0);
          const d = base + (code[at + 3] ?? 0);
          const value = stack[x];
          if (typeof value === "string" && numbers[x] === 1) {
            meter.allocate(firstReadCharge(value.length));
            numbers[x] = 0;
          }
          stack[d] = value;
          numbers[d] = numbers[x] ?? 0;
          continue;
        }
        case 63: {
          // storeLocal
          const x = code[at + 1] ?? 0;
          const value = x < 0 ? (constants[~x] ?? UNIT) : stack[base + x];
          const d = base + (code[at + 3] ?? 0);
          stack[d] = value;
          numbers[d] = typeof value === "string" ? (code[at + 2] ?? 0) : x < 0 ? 0 : (numbers[base + x] ?? 0);
          const count = code[at + 4] ?? 0;
          left = (left - count) | 0;
          pc = (pc + count) | 0;
          continue;
        }
        case 64: {
          // append
          const y = code[at + 2] ?? 0;
          const first = stack[base + (code[at + 1] ?? 0)];
          const second = y < 0 ? constants[~y] : stack[base + y];
          if (typeof first !== "string" || typeof second !== "string") break;
          const before = code[at + 5] ?? 0;
          left = (left - before) | 0;
          pc = (pc + before) | 0;
          meter.allocateAppend(first.length, second.length);
          const d = base + (code[at + 3] ?? 0);
          stack[d] = first + second;
          numbers[d] = 1;
          const after = (code[at + 4] ?? 0) - before;
          left = (left - after) | 0;
          pc = (pc + after) | 0;
          continue;
        }
        default:
          throw new MachineTrap("internal", `no row ${tag}`);
      }

      // An operation or comparison of two values of any kinds.
      const x = code[at + 1] ?? 0;
      const y = code[at + 2] ?? 0;
      const count = code[at + 4] ?? 0;
      const op = code[at + 6] ?? 0;
      const jumps = tag >= 20 && tag <= 30;
      const swapped = (op & SWAPPED) !== 0;
      const before = jumps ? count - 1 : (code[at + 5] ?? 0);
      left = (left - before) | 0;
      pc = (pc + before) | 0;
      meter.steps = stopAt - left;
      const first = x < 0 ? (constants[~x] ?? UNIT) : slotValue(stack, numbers, base + x);
      const second = y < 0 ? (constants[~y] ?? UNIT) : slotValue(stack, numbers, base + y);
      // Where the result waits if the charge leaves no step for what follows.
      const waiting = base + (code[(pc << 3) + 7] ?? 0) - 1;
      const after = count - before;
      if (jumps) {
        const holds = swapped ? compares(meter, op & OPERATION, second, first) : compares(meter, op & OPERATION, first, second);
        stopAt = Math.max(stopAt, meter.steps);
        left = (stopAt - meter.steps) | 0;
        if (after > left) {
          stack[waiting] = holds;
          continue;
        }
        left = (left - after) | 0;
        pc = holds === ((op & NEGATED) === 0) ? (code[at + 3] ?? 0) : (code[at + 5] ?? 0);
        continue;
      }
      const value =
        tag === 31
          ? compares(meter, op, first, second)
          : operation(meter, op & OPERATION, swapped ? second : first, swapped ? first : second);
      stopAt = Math.max(stopAt, meter.steps);
      left = (stopAt - meter.steps) | 0;
      const fits = after <= left;
      const d = fits ? base + (code[at + 3] ?? 0) : waiting;
      if (value instanceof FloatValue) {
        stack[d] = null;
        numbers[d] = value.value;
      } else setSlot(stack, numbers, d, value);
      if (fits) {
        left = (left - after) | 0;
        pc = (pc + after) | 0;
      }
    }
  } finally {
    if (!gone) {
      actor.depth = depth;
      if (depth > 0) framePc[depth - 1] = pc - entry;
    }
    // A charge that reached the limit has set the meter itself.
    meter.steps = Math.max(meter.steps, stopAt - left);
  }
}
