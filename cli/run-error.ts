/** Formats run errors: what happened, where, why, and what to do next. */
import type { ActorFailure, RunError } from "../gateway/run.ts";
import { frameLines, placeText } from "../replay/report/render-frame.ts";
import { frameOf } from "../replay/report/source-location.ts";
import { type CodePlace, libraryOf, type Module } from "../vm/bytecode/module.ts";

const CALLERS = 8;

/** The location with its source line, then its callers, always including the innermost one in the program's own files. */
export function stackLines(module: Module, stack: readonly CodePlace[]): readonly string[] {
  const [first, ...callers] = stack;
  if (first === undefined) return [];
  const frame = frameOf(module, first);
  const lines = frame === undefined ? [`  at ${placeText(first)}`] : [...frameLines(frame)];
  for (const caller of callers.slice(0, CALLERS)) lines.push(`  called from ${placeText(caller)}`);
  const own = callers.findIndex(({ file }) => file !== undefined && libraryOf(file) === undefined);
  const ownPlace = own < CALLERS ? undefined : callers[own];
  if (ownPlace !== undefined) lines.push(`  called by the program from ${placeText(ownPlace)}`);
  const left = callers.length - CALLERS - (ownPlace === undefined ? 0 : 1);
  if (left > 0) lines.push(`  … and ${left} more`);
  return lines;
}

const FAILURES = 8;

/** One line for each actor failure that no actor received. */
export function failureLines(unreceived: readonly ActorFailure[]): readonly string[] {
  const lines = unreceived
    .slice(0, FAILURES)
    .map(({ actorId, functionName, message }) => `actor ${actorId} (${functionName}) failed, and nobody received it: ${message}`);
  return unreceived.length > FAILURES ? [...lines, `… and ${unreceived.length - FAILURES} more actors`] : lines;
}

/** The member `actor_failures` of `--json`; absent without failures. */
export function failuresJson(unreceived: readonly ActorFailure[]): Readonly<Record<string, unknown>> {
  if (unreceived.length === 0) return {};
  return { actor_failures: unreceived.map(({ actorId, functionName, message }) => ({ actor: actorId, function: functionName, message })) };
}

/** The member `error` of `--json`. */
export function errorJson(error: RunError): Readonly<Record<string, unknown>> {
  const [first] = error.stack;
  const location = first?.line === undefined ? null : { file: first.file, line: first.line, column: first.column };
  return {
    kind: error.kind,
    message: error.message,
    ...(error.capability === undefined ? {} : { capability: error.capability }),
    ...(error.rule === undefined ? {} : { rule: error.rule }),
    location,
    stack: error.stack.map((p) => ({ function: p.function, pc: p.pc, file: p.file, line: p.line, column: p.column })),
    ...(error.limit === undefined ? {} : { limit: error.limit }),
    ...(error.counterexample === undefined ? {} : { counterexample: error.counterexample }),
    step: error.step,
  };
}
