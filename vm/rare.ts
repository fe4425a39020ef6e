/** Instructions that are seldom executed, out of the way of the interpreter's loop. */
import { jsonKind } from "./builtins/json-code.ts";
import { makeMap } from "./builtins/map-code.ts";
import { debugValue } from "./checks.ts";
import type { Run } from "./effects.ts";
import { MapValue } from "./map.ts";
import { OPCODES } from "./opcodes.ts";
import { isTruthy, present } from "./operations.ts";
import type { Value } from "./value.ts";

/** Executes one of them on the stack's top and gives the new height. The meter counts its own steps. */
export function rareInstruction(run: Run, tag: number, operand: number, stack: Value[], sp: number): number {
  const value = (below: number): Value => present(stack[sp - below]);
  switch (tag) {
    case OPCODES.MakeMap.tag:
      stack[sp - operand] = makeMap(run.meter, MapValue.EMPTY, stack.slice(sp - operand, sp));
      return sp - operand + 1;
    case OPCODES.JsonKind.tag:
      stack[sp - 1] = jsonKind(value(1));
      return sp;
    case OPCODES.And.tag:
      stack[sp - 2] = isTruthy(value(2)) && isTruthy(value(1));
      return sp - 1;
    case OPCODES.Or.tag:
      stack[sp - 2] = isTruthy(value(2)) || isTruthy(value(1));
      return sp - 1;
    case OPCODES.DebugMsg.tag:
      stack[sp - 2] = debugValue(run, value(2), value(1));
      return sp - 1;
    default:
      debugValue(run, undefined, value(1));
      return sp;
  }
}
