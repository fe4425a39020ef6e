/** Contract checks, guards, `debug` and `string.inspect`: instructions that log or print text about the program. */
import { BYTES } from "../cost.ts";
import { log, throwIfStopped, type Run } from "./host-calls.ts";
import { MachineTrap, typeTrap } from "../meter.ts";
import { textForm, typedText } from "../value/display.ts";
import type { Value } from "../value/value.ts";

/** The longest text of one argument in a counterexample, and of all arguments, in UTF-16 units. */
const ARGUMENT_UNITS = 4_096;
const COUNTEREXAMPLE_UNITS = 65_536;

interface Clause {
  readonly message: Value | undefined;
  readonly kind: "requires" | "ensures";
  readonly index: number;
  readonly passed: boolean;
  /** The current values of the function's parameters. */
  readonly args: readonly Value[];
}

/** Logs the check of a contract clause; traps if it failed. */
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

/** Logs the result of a guard; traps if it failed. */
export function sealGuard(run: Run, functionName: string, passed: boolean, label: Value): void {
  if (typeof label !== "string") throw typeTrap("String", label);
  run.meter.allocateString(label.length);
  log(run, { type: "GuardCheck", function: functionName, label, passed });
  if (!passed) throw new MachineTrap("assertion_failed", `assertion failed: ${label}`);
}

/** The text form of a value, with the module's type names. Charged after it is made, but cut to what the allocation limit allows. */
export function inspectValue(run: Run, value: Value): string {
  const text = typedText(value, undefined, run.program.module.types, affordableUnits(run));
  run.meter.charge(text.length);
  run.meter.allocateString(text.length);
  return text;
}

/** More UTF-16 units than the remaining allocation can pay for: a text cut to this length still exceeds the limit. */
function affordableUnits({ meter }: Run): number {
  return Math.ceil((meter.maxAllocBytes - meter.allocBytes) / BYTES.codeUnit) + 1;
}

/** Prints a value, with a label in front if there is one, and returns it. The printed text is charged. */
export function debugValue(run: Run, label: Value | undefined, value: Value): Value {
  const prefix = label === undefined ? "" : `${typeof label === "string" ? label : textForm(label)} `;
  const text = prefix + textForm(value, affordableUnits(run));
  run.meter.charge(text.length);
  run.meter.allocateString(text.length);
  throwIfStopped(run.host.debug(text));
  return value;
}
