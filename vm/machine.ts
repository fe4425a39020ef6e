/**
 * The interpreter: the reference for every other engine. It executes one actor until it returns, traps, blocks, has
 * used up its slice, or waits for the host; all state is in the actor, so it can stop before any instruction.
 */
import { type Actor, NEVER_EXACT, takeMessage } from "./actor.ts";
import { addInts, arithmetic, divideFloats, multiplyInts, negate, subtractInts } from "./arithmetic.ts";
import { assertContract, debugValue, inspectValue, sealGuard } from "./checks.ts";
import { BUILTIN_CODE, type BuiltinCode } from "./builtin-code.ts";
import { BUILTINS } from "./builtins.ts";
import { elementAt } from "./builtins/list-code.ts";
import type { Engine } from "./compiled/engine.ts";
import { BYTES, slotsBytes, UNITS } from "./cost.ts";
import { CAPABILITY_IDS, poll, type Run, startCall, startSend, startSpawn } from "./effects.ts";
import { compareValues, structuralEqual } from "./equality.ts";
import type { CapabilityAnswer } from "./host.ts";
import { beforeInstruction, pushFrame } from "./frames.ts";
import { INTERPRETED_STRIDE, interpretedCode, LONGEST_FUSED, ON_STACK, prepare } from "./fused.ts";
import { ListValue } from "./list.ts";
import { MachineTrap, stepLimit, typeTrap } from "./meter.ts";
import { OPCODES } from "./opcodes.ts";
import { compares, concat, fieldOf, isTruthy, matchPayload, matchTarget, operation, present } from "./operations.ts";
import type { VerifiedFunction } from "./program.ts";
import { rareInstruction } from "./rare.ts";
import { ClosureValue, EnumValue, ErrValue, FnRefValue, OkValue, RecordValue, SomeValue, UNIT, type Value } from "./value.ts";

/** Why the interpreter came back; a promise is the answer that the actor waits for. */
export type Signal = "done" | "blocked" | "yielded" | Promise<CapabilityAnswer>;

/** Ints that the host adds and compares without making doubles of them. */
const MAX_SMALL = 2 ** 30 - 1;
/** Steps between two questions to the host whether to stop. */
const POLL_STEPS = 4_096;

/** Builtins by id, and those of the older opcodes by tag; the interpreter's own (`debug`, `string.inspect`) are not among them. */
const BY_ID: (BuiltinCode | undefined)[] = [];
for (const { id, name } of BUILTINS) BY_ID[id] = BUILTIN_CODE.get(name);
const BY_TAG: (BuiltinCode | undefined)[] = [];
for (const row of Object.values(OPCODES)) if ("builtin" in row) BY_TAG[row.tag] = BUILTIN_CODE.get(row.builtin);

const DEBUG_IDS: ReadonlyMap<number, number> = new Map(
  BUILTINS.flatMap((b) => (b.name === "debug" ? [[b.id, 1]] : b.name === "debug_msg" ? [[b.id, 2]] : [])),
);

const INSPECT_ID = BUILTINS.find((b) => b.name === "string.inspect")?.id;

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
 * before anything that can leave the loop. Case labels are literal tags so that the host makes a jump table of them;
 * a test holds them and their comments against the opcode table. "again": the compiled engine ended the innermost frame.
 */
function execute(run: Run, actor: Actor, sliceEnd: number, engine: Engine | undefined): Signal | "again" {
  const { meter, program } = run;
  const { functions } = program;
  const { constants } = program.module;
  const { stack, globals } = actor;
  const traced = run.trace !== undefined;
  let { sp, depth } = actor;
  if (depth === 0) return "done";
  let fn = present(functions[actor.frameFunction[depth - 1] ?? -1]);
  const codes = interpretedCode(program);
  let end = fn.def.code.length;
  let pc = actor.framePc[depth - 1] ?? 0;
  let base = actor.frameBase[depth - 1] ?? 0;
  let operandBase = base + fn.def.locals;
  let watched = traced || !fn.regular;
  let { plain, fused } = codes[fn.index] ?? prepare(codes, fn);
  let code = traced ? plain : fused;
  let { steps } = meter;
  let stopAt = Math.min(meter.maxSteps, sliceEnd, run.nextPoll);
  // Close to a stop, sequences are executed one by one.
  let fuseUntil = stopAt - LONGEST_FUSED;
  const budget = run.scheduled ? Math.min(meter.maxSteps, sliceEnd) : meter.maxSteps;
  /** The frame is the compiled engine's doing: the registers are no longer it. */
  let left = false;
  try {
    // A frame that has just begun may be compiled as a whole.
    if (engine !== undefined && pc === 0 && sp === operandBase && engine.begun(run, actor, fn, budget)) {
      left = true;
      return "again";
    }
    for (;;) {
      if (steps > fuseUntil) {
        if (steps >= stopAt) {
          if (steps >= meter.maxSteps) throw stepLimit(meter.maxSteps);
          if (steps >= sliceEnd) {
            // A yield, not a return: the registers are saved below like on any way out.
            return "yielded";
          }
          poll(run);
          run.nextPoll = steps + POLL_STEPS;
          stopAt = Math.min(meter.maxSteps, sliceEnd, run.nextPoll);
          fuseUntil = stopAt - LONGEST_FUSED;
        }
        code = traced || steps > fuseUntil ? plain : fused;
      }
      steps += 1;
      if (watched && pc < end) beforeInstruction(run, fn, pc, sp - operandBase);
      const at = pc * INTERPRETED_STRIDE;
      // Running off the end is a return of Unit, and a step as it is in the older machine.
      const tag = pc < end ? (code[at] ?? 0) : 0;
      pc += 1;
      switch (tag) {
        case 0x01: // PushConst
          stack[sp] = constants[code[at + 1] ?? 0] ?? UNIT;
          sp += 1;
          break;
        case 0x02: // LoadLocal
          stack[sp] = stack[base + (code[at + 1] ?? 0)] ?? UNIT;
          sp += 1;
          break;
        case 0x03: // StoreLocal
          sp -= 1;
          stack[base + (code[at + 1] ?? 0)] = stack[sp] ?? UNIT;
          break;
        case 0x04: // LoadGlobal
          stack[sp] = globals[code[at + 1] ?? 0] ?? UNIT;
          sp += 1;
          break;
        case 0x05: // StoreGlobal
          sp -= 1;
          globals[code[at + 1] ?? 0] = stack[sp] ?? UNIT;
          break;

        case 0x06: // Call
        case 0x14: // CallIndirect
        case 0x17: {
          // TailCall
          let callee: VerifiedFunction | undefined;
          let count = code[at + 1] ?? 0;
          if (tag === 0x14) {
            const target = stack[sp - 1];
            if (target instanceof FnRefValue) {
              sp -= 1;
              callee = functions[target.index];
            } else if (target instanceof ClosureValue) {
              sp -= 1;
              callee = functions[target.index];
              // The captured values become the first arguments.
              const captured = target.captured;
              for (let i = sp - 1; i >= sp - count; i--) stack[i + captured.length] = stack[i] ?? UNIT;
              for (let i = 0; i < captured.length; i++) stack[sp - count + i] = captured[i] ?? UNIT;
              sp += captured.length;
              count += captured.length;
            } else throw typeTrap("FnRef", target);
          } else {
            callee = functions[count];
            count = code[at + 2] ?? 0;
          }
          if (callee === undefined) throw new MachineTrap("invalid_function", "invalid function index");
          if (engine !== undefined && tag !== 0x17) {
            meter.steps = steps;
            const value = engine.call(run, actor, callee, sp - count, count, depth + 1, budget);
            if (value !== undefined) {
              steps = meter.steps;
              sp -= count;
              stack[sp] = value;
              sp += 1;
              break;
            }
          }
          if (tag === 0x17) {
            for (let i = 0; i < count; i++) stack[base + i] = stack[sp - count + i] ?? UNIT;
            sp = base + count;
            actor.depth = depth - 1;
          } else actor.framePc[depth - 1] = pc;
          actor.sp = sp;
          meter.steps = steps;
          pushFrame(run, actor, callee, count);
          steps = meter.steps;
          depth = actor.depth;
          sp = actor.sp;
          fn = callee;
          ({ plain, fused } = codes[fn.index] ?? prepare(codes, fn));
          code = traced ? plain : fused;
          end = fn.def.code.length;
          pc = 0;
          base = actor.frameBase[depth - 1] ?? 0;
          operandBase = sp;
          watched = traced || !fn.regular;
          break;
        }
        case 0x00: // the end of the code
        case 0x07: {
          // Ret
          const result = tag === 0x07 && sp > operandBase ? (stack[sp - 1] ?? UNIT) : UNIT;
          sp = base;
          depth -= 1;
          actor.depth = depth;
          if (depth < actor.exactFrom) actor.exactFrom = NEVER_EXACT;
          if (depth === 0) {
            actor.result = result;
            // The older machine notices the end in the step after, which may lie in the next slice.
            return steps >= sliceEnd ? "yielded" : "done";
          }
          stack[sp] = result;
          sp += 1;
          fn = present(functions[actor.frameFunction[depth - 1] ?? -1]);
          ({ plain, fused } = codes[fn.index] ?? prepare(codes, fn));
          code = traced ? plain : fused;
          end = fn.def.code.length;
          pc = actor.framePc[depth - 1] ?? 0;
          base = actor.frameBase[depth - 1] ?? 0;
          operandBase = base + fn.def.locals;
          watched = traced || !fn.regular;
          break;
        }
        case 0xff: // Halt
          actor.result = sp > operandBase ? (stack[sp - 1] ?? UNIT) : UNIT;
          depth = 0;
          return "done";

        case 0x08: {
          // Jmp
          const target = code[at + 1] ?? 0;
          if (engine !== undefined && target < pc) {
            actor.sp = sp;
            meter.steps = steps;
            const end = engine.loop(run, actor, fn, target, pc - target, budget);
            steps = meter.steps;
            if (end === "ended") {
              left = true;
              return "again";
            }
            // Paused: its values are on the stack again.
            if (end === "paused") sp = actor.sp;
          }
          pc = target;
          break;
        }
        case 0x09: {
          // JmpIf
          sp -= 1;
          const condition = stack[sp];
          if (condition === true || (condition !== false && isTruthy(present(condition)))) pc = code[at + 1] ?? 0;
          break;
        }
        case 0x0a: {
          // JmpIfNot
          sp -= 1;
          const condition = stack[sp];
          if (condition === false || (condition !== true && !isTruthy(present(condition)))) pc = code[at + 1] ?? 0;
          break;
        }
        case 0x0b: {
          // Match
          const value = present(stack[sp - 1]);
          meter.steps = steps;
          pc = matchTarget(meter, fn.def.matchTables[code[at + 1] ?? 0] ?? [], value);
          steps = meter.steps;
          stack[sp - 1] = matchPayload(value);
          break;
        }

        case 0x0c: {
          // MakeRecord
          const count = code[at + 2] ?? 0;
          meter.allocate(slotsBytes(count));
          sp -= count;
          stack[sp] = new RecordValue(code[at + 1] ?? 0, stack.slice(sp, sp + count));
          sp += 1;
          break;
        }
        case 0x0d: // MakeEnum
          meter.allocate(BYTES.enumValue);
          stack[sp - 1] = new EnumValue(code[at + 1] ?? 0, code[at + 2] ?? 0, present(stack[sp - 1]));
          break;
        case 0x0e: // GetField
          stack[sp - 1] = fieldOf(stack[sp - 1], code[at + 1] ?? 0);
          break;
        case 0x18: {
          // MakeClosure
          const count = code[at + 2] ?? 0;
          meter.allocate(slotsBytes(count));
          sp -= count;
          const index = code[at + 1] ?? 0;
          stack[sp] = count === 0 ? new FnRefValue(index) : new ClosureValue(index, stack.slice(sp, sp + count));
          sp += 1;
          break;
        }
        case 0x1a: {
          // Wrap
          meter.allocate(BYTES.wrapper);
          const kind = code[at + 1] ?? 0;
          const value = present(stack[sp - 1]);
          stack[sp - 1] = kind === 0 ? new SomeValue(value) : kind === 1 ? new OkValue(value) : new ErrValue(value);
          break;
        }
        case 0x80: {
          // MakeList
          const count = code[at + 1] ?? 0;
          meter.steps = steps;
          meter.charge(count * UNITS.slot);
          steps = meter.steps;
          meter.allocateList(count);
          sp -= count;
          stack[sp] = ListValue.of(stack.slice(sp, sp + count));
          sp += 1;
          break;
        }
        case 0x20: {
          // Add
          sp -= 1;
          const a = stack[sp - 1];
          const b = stack[sp];
          if (typeof a === "number" && typeof b === "number") stack[sp - 1] = addInts(a, b);
          else if (typeof a === "string" && typeof b === "string") stack[sp - 1] = concat(meter, a, b);
          else stack[sp - 1] = arithmetic("Add", present(a), present(b));
          break;
        }
        case 0x21: {
          // Sub
          sp -= 1;
          const a = stack[sp - 1];
          const b = stack[sp];
          stack[sp - 1] = typeof a === "number" && typeof b === "number" ? subtractInts(a, b) : arithmetic("Sub", present(a), present(b));
          break;
        }
        case 0x22: {
          // Mul
          sp -= 1;
          const a = stack[sp - 1];
          const b = stack[sp];
          stack[sp - 1] = typeof a === "number" && typeof b === "number" ? multiplyInts(a, b) : arithmetic("Mul", present(a), present(b));
          break;
        }
        case 0x23: // Div
          sp -= 1;
          stack[sp - 1] = arithmetic("Div", present(stack[sp - 1]), present(stack[sp]));
          break;
        case 0x24: // Mod
          sp -= 1;
          stack[sp - 1] = arithmetic("Mod", present(stack[sp - 1]), present(stack[sp]));
          break;
        case 0x1b: // FDiv
          sp -= 1;
          stack[sp - 1] = divideFloats(present(stack[sp - 1]), present(stack[sp]));
          break;
        case 0x25: // Neg
          stack[sp - 1] = negate(present(stack[sp - 1]));
          break;

        case 0x30: // Eq
        case 0x31: {
          // Neq
          sp -= 1;
          meter.steps = steps;
          const equal = structuralEqual(present(stack[sp - 1]), present(stack[sp]), meter);
          steps = meter.steps;
          stack[sp - 1] = equal === (tag === 0x30);
          break;
        }
        case 0x32: // Lt
        case 0x33: // Lte
        case 0x34: // Gt
        case 0x35: {
          // Gte
          sp -= 1;
          const a = stack[sp - 1];
          const b = stack[sp];
          let order: number;
          if (typeof a === "number" && typeof b === "number") order = a - b;
          else {
            meter.steps = steps;
            order = compareValues(present(a), present(b), meter);
            steps = meter.steps;
          }
          stack[sp - 1] = tag === 0x32 ? order < 0 : tag === 0x33 ? order <= 0 : tag === 0x34 ? order > 0 : order >= 0;
          break;
        }
        case 0x40: // Not
          stack[sp - 1] = !isTruthy(present(stack[sp - 1]));
          break;
        case 0x50: // Concat
          sp -= 1;
          meter.steps = steps;
          stack[sp - 1] = concat(meter, present(stack[sp - 1]), present(stack[sp]));
          steps = meter.steps;
          break;
        case 0x60: // Pop
          sp -= 1;
          break;
        case 0x61: // Dup
          stack[sp] = present(stack[sp - 1]);
          sp += 1;
          break;
        case 0xfe: // Nop
          break;

        case 0x82: {
          // ListGet
          sp -= 1;
          const list = stack[sp - 1];
          const index = stack[sp];
          const found = list instanceof ListValue && typeof index === "number" ? list.get(index) : undefined;
          stack[sp - 1] = found ?? elementAt(present(list), present(index));
          break;
        }
        case 0x1c: {
          // Builtin
          const id = code[at + 1] ?? 0;
          const count = code[at + 2] ?? 0;
          meter.steps = steps;
          const builtin = BY_ID[id];
          sp -= count;
          if (builtin !== undefined) {
            stack[sp] = builtin.run(
              meter,
              count > 0 ? present(stack[sp]) : UNIT,
              count > 1 ? present(stack[sp + 1]) : UNIT,
              count > 2 ? present(stack[sp + 2]) : UNIT,
            );
          } else if (DEBUG_IDS.get(id) === count) {
            stack[sp] = debugValue(run, count > 1 ? present(stack[sp]) : undefined, present(stack[sp + count - 1]));
          } else if (id === INSPECT_ID && count === 1) {
            stack[sp] = inspectValue(run, present(stack[sp]));
          } else throw new MachineTrap("invalid_function", `no builtin ${id} of ${count} arguments`);
          steps = meter.steps;
          sp += 1;
          break;
        }
        case 0x19: // MakeMap
        case 0x1e: // JsonKind
        case 0x41: // And
        case 0x42: // Or
        case 0xa7: // Debug
        case 0xa8: // DebugMsg
          meter.steps = steps;
          sp = rareInstruction(run, tag, code[at + 1] ?? 0, stack, sp);
          steps = meter.steps;
          break;
        case 0x12: {
          // Assert
          sp -= 1;
          meter.steps = steps;
          const passed = isTruthy(present(stack[sp]));
          assertContract(run, fn.def.name, {
            message: constants[code[at + 1] ?? 0],
            kind: code[at + 2] === 1 ? "ensures" : "requires",
            index: code[at + 3] ?? 0,
            passed,
            args: passed ? [] : stack.slice(base, base + fn.def.arity),
          });
          break;
        }
        case 0x15: // GuardSeal
          sp -= 2;
          meter.steps = steps;
          sealGuard(run, fn.def.name, isTruthy(present(stack[sp])), present(stack[sp + 1]));
          steps = meter.steps;
          break;
        case 0x13: // CapCall
        case 0x16: // TryCapCall
        case 0x70: // EmitUi
        case 0x0f: // SpawnActor
        case 0x10: {
          // SendMsg
          const first = code[at + 1] ?? 0;
          const count = tag === 0x70 ? 1 : tag === 0x0f ? 0 : tag === 0x10 ? 2 : (code[at + 2] ?? 0);
          sp -= count;
          const args = stack.slice(sp, sp + count);
          actor.sp = sp;
          actor.framePc[depth - 1] = pc;
          meter.steps = steps;
          let out: Promise<CapabilityAnswer> | undefined;
          if (tag === 0x70)
            out = startCall(run, actor, { kind: "emit", capability: CAPABILITY_IDS.uiRender, tree: present(args[0]) }, args);
          else if (tag === 0x0f) out = startSpawn(run, actor, first);
          else if (tag === 0x10) out = startSend(run, actor, present(args[0]), present(args[1]));
          else {
            const declared = fn.capabilities.has(first);
            out = startCall(run, actor, { kind: "capability", capability: first, declared, caught: tag === 0x16 }, args);
          }
          sp = actor.sp;
          steps = meter.steps;
          if (out !== undefined) return out;
          break;
        }
        case 0x11: {
          // ReceiveMsg
          const message = takeMessage(actor);
          if (message === undefined && run.scheduled) {
            // Executed again once there is mail.
            pc -= 1;
            return "blocked";
          }
          stack[sp] = message === undefined ? UNIT : message.payload;
          sp += 1;
          break;
        }

        case 0x100: {
          // FUSED.binary
          const x = code[at + 1] ?? 0;
          const y = code[at + 2] ?? 0;
          const target = code[at + 3] ?? 0;
          const before = code[at + 4] ?? 0;
          const op = code[at + 6] ?? 0;
          // As if the loads were done: the operation may trap.
          steps += before;
          pc += before;
          const b = (y === ON_STACK ? stack[(sp -= 1)] : y < 0 ? constants[~y] : stack[base + y]) ?? UNIT;
          const a = (x === ON_STACK ? stack[(sp -= 1)] : x < 0 ? constants[~x] : stack[base + x]) ?? UNIT;
          let value: Value | undefined;
          if (typeof a === "number" && typeof b === "number") {
            // Written out for the usual small numbers: so large a function as this one has its calls not inlined.
            const sum = op === 0 ? a + b : op === 1 ? a - b : op === 4 && b > 0 ? (a % b) + 0 : Number.NaN;
            if (sum <= MAX_SMALL && sum >= -MAX_SMALL) value = sum;
          }
          value ??= operation(meter, op, a, b);
          if (target < 0) {
            stack[sp] = value;
            sp += 1;
          } else {
            stack[base + target] = value;
            steps += 1;
            pc += 1;
          }
          break;
        }
        case 0x101: {
          // FUSED.compareJump
          const x = code[at + 1] ?? 0;
          const y = code[at + 2] ?? 0;
          const before = code[at + 4] ?? 0;
          const op = code[at + 6] ?? 0;
          steps += before;
          pc += before;
          const b = (y === ON_STACK ? stack[(sp -= 1)] : y < 0 ? constants[~y] : stack[base + y]) ?? UNIT;
          const a = (x === ON_STACK ? stack[(sp -= 1)] : x < 0 ? constants[~x] : stack[base + x]) ?? UNIT;
          let holds: boolean;
          if (typeof a === "number" && typeof b === "number")
            holds = op === 0 ? a < b : op === 1 ? a <= b : op === 2 ? a > b : op === 3 ? a >= b : (a === b) === (op === 4);
          else {
            meter.steps = steps;
            holds = compares(meter, op, a, b);
            steps = meter.steps;
          }
          steps += 1;
          pc = holds ? pc + 1 : (code[at + 3] ?? 0);
          break;
        }
        case 0x102: {
          // FUSED.move
          const x = code[at + 1] ?? 0;
          stack[base + (code[at + 2] ?? 0)] = x < 0 ? (constants[~x] ?? UNIT) : (stack[base + x] ?? UNIT);
          steps += 1;
          pc += 1;
          break;
        }
        case 0x103: {
          // FUSED.field
          steps += 1;
          pc += 1;
          stack[sp] = fieldOf(stack[base + (code[at + 1] ?? 0)], code[at + 2] ?? 0);
          sp += 1;
          break;
        }

        default: {
          const builtin = BY_TAG[tag];
          if (builtin === undefined) throw new MachineTrap("internal", `no opcode ${tag}`);
          const { arity } = builtin;
          sp -= arity;
          meter.steps = steps;
          stack[sp] = builtin.run(
            meter,
            present(stack[sp]),
            arity > 1 ? present(stack[sp + 1]) : UNIT,
            arity > 2 ? present(stack[sp + 2]) : UNIT,
          );
          steps = meter.steps;
          sp += 1;
        }
      }
    }
  } finally {
    if (!left) {
      actor.sp = sp;
      actor.depth = depth;
      if (depth > 0) actor.framePc[depth - 1] = pc;
    }
    // A charge that reached the limit has set the meter itself.
    meter.steps = Math.max(meter.steps, steps);
  }
}
