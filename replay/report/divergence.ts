/** What a replay did otherwise than the log says, with all that a person needs to see why. */
import { signatureFor, type CapabilityRegistry } from "../../vm/capabilities.ts";
import type { RunEvent } from "../../vm/events.ts";
import { ListValue } from "../../vm/value/list.ts";
import type { CodePlace, TypeDef } from "../../vm/bytecode/module.ts";
import type { Value } from "../../vm/value/value.ts";
import { boundNoun, type Reached } from "../replay-limits.ts";
import { firstDifference, type Difference } from "./value-difference.ts";
import { COUNTER_NAMES, type RunEnd } from "../log/end-record.ts";
import type { SourceFrame } from "./source-location.ts";
import { endText, eventText, excerpt, typeText, valueText } from "./format-values.ts";

export type DivergenceKind =
  /** Another capability, or another kind of event, than recorded. */
  | "event"
  | "arguments"
  /** The answer itself: one that the gateway does not accept, for instance. */
  | "answer"
  /** Other contents of an actor event, a contract check or an emitted tree. */
  | "content"
  | "beyond_log"
  | "left_over"
  | "outcome"
  | "error"
  | "value"
  | "steps"
  | "alloc_bytes"
  | "counters";

/** The first path at which two values differ, both sides as text forms cut to a readable length. */
export interface PathDifference {
  readonly path: string;
  /** Name of the parameter, for an argument. */
  readonly parameter?: string;
  readonly expected: string;
  readonly actual: string;
  /** For two Strings: how many code points agree before the first that differs. */
  readonly agree?: number;
}

/** A difference before it is known where in the program it arose. */
export interface Mismatch {
  readonly kind: DivergenceKind;
  /** Number of the event; of the end record, one more than the last event's. */
  readonly event: number;
  readonly atEnd: boolean;
  /** One sentence. */
  readonly message: string;
  readonly expected: string;
  readonly actual: string;
  readonly difference?: PathDifference;
}

export interface Divergence extends Mismatch {
  readonly place?: CodePlace;
  readonly frame?: SourceFrame;
  /** Innermost first. */
  readonly stack: readonly CodePlace[];
  readonly step: number;
  /** The last recorded answer that the program was given before. */
  readonly lastAnswer?: { readonly event: number; readonly text: string };
}

export interface ShownWith {
  readonly types: readonly TypeDef[];
  readonly registry: CapabilityRegistry;
}

const SENTENCES: Readonly<Record<"arguments" | "answer" | "content", string>> = {
  arguments: "the program makes the recorded call with other arguments",
  answer: "the recorded answer is not what the program is given",
  content: "the event is not the recorded one",
};

/** Undefined when the two are the same event. */
export function compareEvents(n: number, expected: RunEvent, actual: RunEvent, shown: ShownWith): Mismatch | undefined {
  const texts = { event: n, atEnd: false, expected: eventText(expected, shown.types), actual: eventText(actual, shown.types) };
  if (expected.type !== actual.type || ("capability" in expected && "capability" in actual && expected.capability !== actual.capability)) {
    const answered = expected.type === "CapResult" || expected.type === "CapError";
    if (answered) return { kind: "answer", message: SENTENCES.answer, ...texts };
    return { kind: "event", message: `the log has ${nounOf(expected)}, the program does ${nounOf(actual)}`, ...texts };
  }
  const kind = kindOf(expected);
  const found = contentDifference(expected, actual, shown.types);
  if (found === undefined) return undefined;
  const parameter = expected.type === "CapCall" ? parameterAt(found.path, expected, shown.registry) : undefined;
  const difference = { ...pathDifference(found, shown.types), ...(parameter === undefined ? {} : { parameter }) };
  return { kind, message: SENTENCES[kind], difference, ...texts };
}

function kindOf(event: RunEvent): "arguments" | "answer" | "content" {
  if (event.type === "CapCall") return "arguments";
  return event.type === "CapResult" || event.type === "CapError" ? "answer" : "content";
}

function nounOf(event: RunEvent): string {
  switch (event.type) {
    case "CapCall":
      return `a call of ${event.capability}`;
    case "CapResult":
    case "CapError":
      return `an answer of ${event.capability}`;
    case "ActorSpawn":
      return "the spawn of an actor";
    case "MessageSend":
      return "the delivery of a message";
    case "MessageReceive":
      return "the receipt of a message";
    case "UiEmit":
      return "an emitted tree";
    case "SchedulerTick":
      return "an actor's turn";
    case "ContractCheck":
      return event.kind === "output" ? "a guard's verdict" : "a contract check";
    case "GuardCheck":
      return "a guard's verdict";
  }
}

/** Every field of an event but its type and capability, as one list of named values. */
function contentsOf(event: RunEvent): readonly (readonly [string, Value])[] {
  switch (event.type) {
    case "CapCall":
      return [["args", ListValue.of([...event.args])]];
    case "CapResult":
      return [["result", event.result]];
    case "CapError":
      return [
        ["kind", event.kind],
        ["message", event.message],
      ];
    case "ActorSpawn":
      return [
        ["actor_id", event.actor_id],
        ["function", event.function],
      ];
    case "MessageSend":
      return [
        ["from", event.from],
        ["to", event.to],
        ["payload", event.payload],
      ];
    case "MessageReceive":
      return [
        ["actor_id", event.actor_id],
        ["payload", event.payload],
      ];
    case "UiEmit":
      return [["tree", event.tree]];
    case "SchedulerTick":
      return [
        ["round", event.round],
        ["active_actor", event.active_actor],
      ];
    case "ContractCheck":
      return [
        ["function", event.function],
        ["kind", event.kind],
        ["index", event.index],
        ["passed", event.passed],
      ];
    case "GuardCheck":
      return [
        ["function", event.function],
        ["label", event.label],
        ["passed", event.passed],
      ];
  }
}

function contentDifference(expected: RunEvent, actual: RunEvent, types: readonly TypeDef[]): Difference | undefined {
  const others = contentsOf(actual);
  for (const [i, [name, value]] of contentsOf(expected).entries()) {
    const other = others[i];
    const found = other === undefined ? undefined : firstDifference(value, other[1], name, types);
    if (found !== undefined) return found;
  }
  return undefined;
}

function parameterAt(path: string, call: RunEvent & { readonly type: "CapCall" }, registry: CapabilityRegistry): string | undefined {
  const index = /^args\[(\d+)\]/.exec(path)?.[1];
  const capability = registry.byName.get(call.capability);
  if (index === undefined || capability === undefined) return undefined;
  return signatureFor(capability, call.args.length)?.params[Number(index)]?.name;
}

export function pathDifference(found: Difference, types: readonly TypeDef[]): PathDifference {
  const { expected, actual, path } = found;
  if (typeof expected !== "string" || typeof actual !== "string") {
    const texts = { path, expected: valueText(expected, types), actual: valueText(actual, types) };
    if (expected === undefined || actual === undefined || texts.expected !== texts.actual) return texts;
    return { path, expected: `${texts.expected}: ${typeText(expected, types)}`, actual: `${texts.actual}: ${typeText(actual, types)}` };
  }
  let at = 0;
  while (at < expected.length && expected[at] === actual[at]) at += 1;
  const shownAt = (text: string): string => excerpt(`"${text}"`, at + 1);
  return { path, expected: shownAt(expected), actual: shownAt(actual), agree: Array.from(expected.slice(0, at)).length };
}

export function beyondLog(n: number, actual: RunEvent, end: RunEnd | undefined, shown: ShownWith): Mismatch {
  return {
    kind: "beyond_log",
    event: n,
    atEnd: true,
    message: `the log has no event ${n}, the program does ${nounOf(actual)}`,
    expected: end === undefined ? "(the log ends)" : endText(end, shown.types),
    actual: eventText(actual, shown.types),
  };
}

export function leftOver(n: number, expected: RunEvent, actual: RunEnd, shown: ShownWith): Mismatch {
  return {
    kind: "left_over",
    event: n,
    atEnd: false,
    message: `the program ended, the log goes on with ${nounOf(expected)}`,
    expected: eventText(expected, shown.types),
    actual: endText(actual, shown.types),
  };
}

/** The program went on where the recorded run had ended. `n` is the number of the end record. */
export function passedEnd(n: number, reached: Reached): Mismatch {
  const noun = boundNoun(reached.field);
  return {
    kind: reached.field === "max_steps" ? "steps" : "alloc_bytes",
    event: n,
    atEnd: true,
    message: `the program goes on after the recorded ${reached.at} ${noun}`,
    expected: String(reached.at),
    actual: `more than ${reached.at}`,
  };
}

export interface EndComparison extends ShownWith {
  /** Another program than the recorded one may take other steps. */
  readonly sameProgram: boolean;
}

/** Undefined when both runs ended the same way. */
export function compareEnds(n: number, expected: RunEnd, actual: RunEnd, shown: EndComparison): Mismatch | undefined {
  const both = { event: n, atEnd: true, expected: endText(expected, shown.types), actual: endText(actual, shown.types) };
  if (expected.outcome !== actual.outcome) {
    return { kind: "outcome", message: `the recorded run ended with ${expected.outcome}, this one with ${actual.outcome}`, ...both };
  }
  const error = errorDifference(expected, actual, shown);
  if (error !== undefined)
    return { kind: "error", message: "the program stopped with another error than recorded", difference: error, ...both };
  if (expected.value !== undefined && actual.value !== undefined) {
    const found = firstDifference(expected.value, actual.value, "value", shown.types);
    if (found !== undefined) {
      return {
        kind: "value",
        message: "the program gave another value than recorded",
        difference: pathDifference(found, shown.types),
        ...both,
      };
    }
  }
  return numberMismatch(n, expected, actual, shown.sameProgram);
}

function errorDifference(expected: RunEnd, actual: RunEnd, shown: EndComparison): PathDifference | undefined {
  const [a, b] = [expected.error, actual.error];
  if (a === undefined || b === undefined) return undefined;
  const pairs: readonly (readonly [string, Value | undefined, Value | undefined])[] = [
    ["kind", a.kind, b.kind],
    ["capability", a.capability, b.capability],
    ["rule", a.rule, b.rule],
    ["limit", a.limit, b.limit],
    ["message", a.message, b.message],
    ["counterexample", textList(a.counterexample), textList(b.counterexample)],
    ...(shown.sameProgram ? [["step", a.step, b.step] as const] : []),
  ];
  for (const [name, left, right] of pairs) {
    const path = `error.${name}`;
    if (left === undefined || right === undefined) {
      if (left !== right) return pathDifference({ path, expected: left, actual: right }, shown.types);
      continue;
    }
    const found = firstDifference(left, right, path, shown.types);
    if (found !== undefined) return pathDifference(found, shown.types);
  }
  return undefined;
}

const textList = (texts: readonly string[] | undefined): Value | undefined => (texts === undefined ? undefined : ListValue.of([...texts]));

function numberMismatch(n: number, expected: RunEnd, actual: RunEnd, sameProgram: boolean): Mismatch | undefined {
  const own: readonly (readonly ["steps" | "alloc_bytes", string, number, number])[] = [
    ["steps", "steps", expected.steps, actual.steps],
    ["alloc_bytes", "bytes allocated", expected.allocBytes, actual.allocBytes],
  ];
  for (const [kind, noun, a, b] of sameProgram ? own : []) {
    if (a !== b)
      return {
        kind,
        event: n,
        atEnd: true,
        message: `the number of ${noun} is not the recorded one`,
        expected: String(a),
        actual: String(b),
      };
  }
  for (const name of COUNTER_NAMES) {
    const [a, b] = [expected.counters[name], actual.counters[name]];
    if (a === b) continue;
    return {
      kind: "counters",
      event: n,
      atEnd: true,
      message: `the counter ${name} is not the recorded one`,
      expected: String(a),
      actual: String(b),
    };
  }
  return undefined;
}
