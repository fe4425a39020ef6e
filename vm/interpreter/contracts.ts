/** Contracts, guards and debug output: what a program says about itself while it runs. */
import { BYTES } from "../cost.ts";
import { log, throwIfStopped, type Run } from "./host-calls.ts";
import { MachineTrap, typeTrap } from "../meter.ts";
import { textForm, typedText } from "../value/display.ts";
import type { Value } from "../value/value.ts";

/** Text of one argument in a counterexample, and of all of them, in UTF-16 units; the rest is cut. */
const ARGUMENT_UNITS = 4_096;
const COUNTEREXAMPLE_UNITS = 65_536;

interface Clause {
  readonly message: Value | undefined;
  readonly kind: "requires" | "ensures";
  readonly index: number;
  readonly passed: boolean;
  /** The function's parameters as they are now. */
  readonly args: readonly Value[];
}

/** Logs the check of a contract clause, and traps when it failed. */
export function assertContract(run: Run, functionName: string, clause: Clause): void {
  log(run, { type: "ContractCheck", function: functionName, kind: clause.kind, index: clause.index, passed: clause.passed });
  if (clause.passed) return;
  const message = clause.message === undefined ? "assertion failed" : textForm(clause.message);
  const counterexample: string[] = [];
  let units = 0;
  for (const arg of clause.args) {
    const shown = units < COUNTEREXAMPLE_UNITS ? typedText(arg, undefined, run.program.module.types, ARGUMENT_UNITS) : "…";
    units += shown.length;
    counterexample.push(shown);
  }
  throw new MachineTrap("contract_violation", `${message} [counterexample: (${counterexample.join(", ")})]`, { counterexample });
}

/** Logs a guard's verdict, and traps when it failed. */
export function sealGuard(run: Run, functionName: string, passed: boolean, label: Value): void {
  if (typeof label !== "string") throw typeTrap("String", label);
  run.meter.allocateString(label.length);
  log(run, { type: "GuardCheck", function: functionName, label, passed });
  if (!passed) throw new MachineTrap("assertion_failed", `assertion failed: ${label}`);
}

/** Charges the text after it is made. What no allocation is left for is not made. */
export function inspectValue(run: Run, value: Value): string {
  const text = typedText(value, undefined, run.program.module.types, affordableUnits(run));
  run.meter.charge(text.length);
  run.meter.allocateString(text.length);
  return text;
}

/** Somewhat more than a String can have with the allocation that is left. */
function affordableUnits({ meter }: Run): number {
  return Math.ceil((meter.maxAllocBytes - meter.allocBytes) / BYTES.codeUnit) + 1;
}

/** Prints a value, after a text if there is one, and gives it back. The text form is bounded; its size is charged. */
export function debugValue(run: Run, label: Value | undefined, value: Value): Value {
  const prefix = label === undefined ? "" : `${typeof label === "string" ? label : textForm(label)} `;
  const text = prefix + textForm(value, affordableUnits(run));
  run.meter.charge(text.length);
  run.meter.allocateString(text.length);
  throwIfStopped(run.host.debug(text));
  return value;
}
