/** Implements contract checks, guards and `debug`. */
import { affordableUnits } from "../builtins/typed-code.ts";
import { logEvent, throwIfStopped, type Run } from "./host-calls.ts";
import { MachineTrap, typeTrap } from "../meter.ts";
import { textForm, typedText } from "../value/display.ts";
import type { Value } from "../value/value.ts";

/** Limits on the text of one argument in a counterexample and on the text of all arguments, in UTF-16 code units. */
const ARGUMENT_UNITS = 4_096;
const COUNTEREXAMPLE_UNITS = 65_536;

interface Clause {
  readonly message: Value | undefined;
  readonly kind: "requires" | "ensures";
  readonly index: number;
  readonly passed: boolean;
  /** The values of the function's parameters at the time of the check. */
  readonly args: readonly Value[];
}

/** Logs the check of a contract clause. Traps if the check failed. */
export function assertContract(run: Run, functionName: string, clause: Clause): void {
  logEvent(run, { type: "ContractCheck", function: functionName, kind: clause.kind, index: clause.index, passed: clause.passed });
  if (clause.passed) return;
  const message = clause.message === undefined ? "assertion failed" : textForm(clause.message);
  const counterexample: string[] = [];
  let units = 0;
  for (const arg of clause.args) {
    const argText = units < COUNTEREXAMPLE_UNITS ? typedText(arg, undefined, run.program.module.types, ARGUMENT_UNITS) : "…";
    units += argText.length;
    counterexample.push(argText);
  }
  throw new MachineTrap("contract_violation", `${message} [counterexample: (${counterexample.join(", ")})]`, { counterexample });
}

/** Logs the result of a guard. Traps if the guard failed. */
export function sealGuard(run: Run, functionName: string, passed: boolean, label: Value): void {
  if (typeof label !== "string") throw typeTrap("String", label);
  run.meter.allocateString(label.length);
  logEvent(run, { type: "GuardCheck", function: functionName, label, passed });
  if (!passed) throw new MachineTrap("assertion_failed", `assertion failed: ${label}`);
}

/** Prints a value, with the label in front if there is one, and returns the value. The printed text is charged. */
export function debugValue(run: Run, label: Value | undefined, value: Value): Value {
  const prefix = label === undefined ? "" : `${typeof label === "string" ? label : textForm(label)} `;
  const text = prefix + textForm(value, affordableUnits(run.meter));
  run.meter.charge(text.length);
  run.meter.allocateString(text.length);
  throwIfStopped(run.host.debug(text));
  return value;
}
