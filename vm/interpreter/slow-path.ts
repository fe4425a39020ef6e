/** Executes the register ops that are too rare for the interpreter's loop. */
import type { Actor } from "./actor.ts";
import { jsonKind } from "../builtins/json-code.ts";
import { makeMap } from "../builtins/map-code.ts";
import { BUILTIN_BY_ID, BUILTINS } from "../builtins/builtin-table.ts";
import { typedCode } from "../builtins/typed-code.ts";
import { assertContract, debugValue, sealGuard } from "./contracts.ts";
import type { Run } from "./host-calls.ts";
import { MachineTrap } from "../meter.ts";
import { OPCODES } from "../bytecode/opcodes.ts";
import { expectDefined, isTruthy } from "./operations.ts";
import type { VerifiedFunction } from "../bytecode/program.ts";
import { REGISTER_OPS } from "./register-ops.ts";
import type { RegisterCode } from "./register-code.ts";
import { setSlot, slotValue, slotValues } from "./stack-slots.ts";
import { ActorIdValue, UNIT, type Value } from "../value/value.ts";

/** The number of arguments of `debug` and `debug_msg`, by the builtin's id. */
const DEBUG_PARAM_COUNTS: ReadonlyMap<number, number> = new Map(
  BUILTINS.flatMap((b) => (b.name === "debug" ? [[b.id, 1]] : b.name === "debug_msg" ? [[b.id, 2]] : [])),
);

const idOf = (name: string): number | undefined => BUILTINS.find((b) => b.name === name)?.id;
const SELF_ID = idOf("self");

interface SlowOpContext {
  /** The index of the op's first number in the register code. */
  readonly at: number;
  /** The index of the frame's first local on the stack. */
  readonly base: number;
  readonly fn: VerifiedFunction;
}

/** Executes one op. The caller has already counted the op's instructions as steps, so only extra work is charged here. */
export function runSlowOp(run: Run, actor: Actor, registerCode: RegisterCode, { at, base, fn }: SlowOpContext): void {
  const { stack, numbers, globals } = actor;
  const { code } = registerCode;
  const [x, y, d, op] = [code[at + 1] ?? 0, code[at + 2] ?? 0, code[at + 3] ?? 0, code[at + 6] ?? 0];
  const value = (slot: number): Value => slotValue(stack, numbers, base + slot);
  const put = (result: Value): void => setSlot(stack, numbers, base + d, result);
  switch (code[at]) {
    case REGISTER_OPS.interpreterBuiltin:
      put(op === SELF_ID && y === 0 ? new ActorIdValue(actor.owner) : runBuiltin(run, op, slotValues(actor, base + x, y)));
      return;
    case REGISTER_OPS.loadGlobal:
      put(globals[y] ?? UNIT);
      return;
    case REGISTER_OPS.storeGlobal:
      globals[y] = value(x);
      return;
    case REGISTER_OPS.assert: {
      const passed = isTruthy(value(x));
      const message = run.program.module.constants[y];
      const args = passed ? [] : slotValues(actor, base, fn.def.arity);
      assertContract(run, fn.def.name, { message, kind: d === 1 ? "ensures" : "requires", index: op, passed, args });
      return;
    }
    case REGISTER_OPS.guardSeal:
      sealGuard(run, fn.def.name, isTruthy(value(x)), value(x + 1));
      return;
    default:
      runSlowInstruction(run, actor, op, y, base + x);
  }
}

/** Executes an instruction that has no op of its own. Its operands are on the stack below the slot `top`. */
function runSlowInstruction(run: Run, actor: Actor, tag: number, operand: number, top: number): void {
  const { stack, numbers } = actor;
  const value = (distance: number): Value => slotValue(stack, numbers, top - distance);
  const put = (distance: number, result: Value): void => setSlot(stack, numbers, top - distance, result);
  switch (tag) {
    case OPCODES.MakeMap.tag:
      put(operand, makeMap(run.meter, slotValues(actor, top - operand, operand)));
      return;
    case OPCODES.JsonKind.tag:
      put(1, jsonKind(value(1)));
      return;
    case OPCODES.And.tag:
      put(2, isTruthy(value(2)) && isTruthy(value(1)));
      return;
    case OPCODES.Or.tag:
      put(2, isTruthy(value(2)) || isTruthy(value(1)));
      return;
    case OPCODES.DebugMsg.tag:
      put(2, debugValue(run, value(2), value(1)));
      return;
    default:
      debugValue(run, undefined, value(1));
  }
}

/** Calls a builtin that needs the run: `debug` calls the host, and the builtins of `builtins/typed-code.ts` read the module's types. */
function runBuiltin(run: Run, id: number, args: readonly Value[]): Value {
  const [first, second] = args;
  if (DEBUG_PARAM_COUNTS.get(id) === args.length)
    return debugValue(run, second === undefined ? undefined : first, expectDefined(second ?? first));
  const typed = typedCode(run.program.module.types).get(BUILTIN_BY_ID.get(id)?.name ?? "");
  if (typed?.arity === args.length) return typed.run(run.meter, first ?? UNIT, second ?? UNIT, UNIT);
  throw new MachineTrap("invalid_function", `no builtin ${id} of ${args.length} arguments`);
}
