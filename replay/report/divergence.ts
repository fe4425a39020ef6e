/** Finds the first difference between a replay and its log: in an event, in the end record, or because one of the two is longer. */
import { signatureFor, type CapabilityRegistry, withDefaults } from "../../vm/capabilities.ts";
import { type EventField, eventFields, isValueList, type RunEvent } from "../../vm/events.ts";
import { ListValue } from "../../vm/value/list.ts";
import type { SourceLocation, TypeDef } from "../../vm/bytecode/module.ts";
import { UNIT, type Value } from "../../vm/value/value.ts";
import { boundNoun, type ReachedBound } from "../replay-limits.ts";
import { firstDifference, type Difference } from "./value-difference.ts";
import { COUNTER_NAMES, type RunEnd } from "../log/end-record.ts";
import type { SourceFrame } from "./source-frame.ts";
import { endText, eventText, excerpt, typeText, valueText } from "./format-values.ts";

type DivergenceKind =
  /** The type of the event, or the capability of the call, differs from the recorded one. */
  | "event"
  | "arguments"
  /** The program did not receive the recorded answer, for instance because the gateway rejected it. */
  | "answer"
  /** An event of any other type has different contents: an actor event, a contract check, an emitted value. */
  | "content"
  /** The program has an event after the last event of the log. */
  | "beyond_log"
  /** The program ended, but the log has more events. */
  | "left_over"
  /** This kind and those below are differences in the end record. */
  | "outcome"
  | "error"
  | "value"
  | "steps"
  | "alloc_bytes"
  | "counters";

/** The first path at which two values differ, and an excerpt of the text of each value. */
export interface PathDifference {
  readonly path: string;
  /** Name of the parameter, if the value is an argument of a call. */
  readonly parameter: string | undefined;
  readonly expected: string;
  readonly actual: string;
  /** If both values are Strings, the number of code points at their start that are equal. */
  readonly agree: number | undefined;
}

/** A difference, before its location in the program has been found. */
export interface Mismatch {
  readonly kind: DivergenceKind;
  /** Number of the event. For the end record, the number of the last event plus 1. */
  readonly event: number;
  readonly atEnd: boolean;
  /** What differs, in one sentence. */
  readonly message: string;
  readonly expected: string;
  readonly actual: string;
  readonly difference?: PathDifference;
  /** If several arguments of a call differ: the differences of all but the first. */
  readonly moreDifferences?: readonly PathDifference[];
}

export interface Divergence extends Mismatch {
  readonly location: SourceLocation | undefined;
  readonly frame: SourceFrame | undefined;
  /** The call stack, innermost call first. */
  readonly stack: readonly SourceLocation[];
  readonly step: number;
  /** The last recorded answer before the difference. */
  readonly lastAnswer: LastAnswer | undefined;
}

export interface LastAnswer {
  readonly event: number;
  readonly text: string;
}

/** The parts of the replayed program that are needed to compare and describe events. */
export interface ComparisonContext {
  readonly types: readonly TypeDef[];
  readonly registry: CapabilityRegistry;
}

const SENTENCES: Readonly<Record<"arguments" | "answer" | "content", string>> = {
  arguments: "the program makes the recorded call with other arguments",
  answer: "the recorded answer is not what the program is given",
  content: "the event is not the recorded one",
};

/** Compares event `n` of both runs. Returns undefined if they are equal. A call without an argument equals one that passes its default. */
export function compareEvents(n: number, expected: RunEvent, actual: RunEvent, context: ComparisonContext): Mismatch | undefined {
  const mismatch = (): Pick<Mismatch, "event" | "atEnd" | "expected" | "actual"> => ({
    event: n,
    atEnd: false,
    expected: eventText(expected, context.types),
    actual: eventText(actual, context.types),
  });
  if (expected.type !== actual.type || ("capability" in expected && "capability" in actual && expected.capability !== actual.capability)) {
    const isAnswer = expected.type === "CapResult" || expected.type === "CapError";
    if (isAnswer) return { kind: "answer", message: SENTENCES.answer, ...mismatch() };
    return { kind: "event", message: `the log has ${nounOf(expected)}, the program does ${nounOf(actual)}`, ...mismatch() };
  }
  if (haveSameScalars(expected, actual)) return undefined;
  const kind = kindOf(expected);
  const [first, ...more] =
    expected.type === "CapCall" && actual.type === "CapCall"
      ? argumentDifferences(expected, actual, context)
      : contentDifferences(expected, actual, context.types);
  if (first === undefined) return undefined;
  return { kind, message: SENTENCES[kind], difference: first, moreDifferences: more, ...mismatch() };
}

/** Returns the first difference of each argument of two calls of one capability, with the defaults filled in. */
function argumentDifferences(expected: CallEvent, actual: CallEvent, { types, registry }: ComparisonContext): readonly PathDifference[] {
  const capability = registry.byName.get(expected.capability);
  const signatureOf = ({ args }: CallEvent) => (capability === undefined ? undefined : signatureFor(capability, args.length));
  const complete = (call: CallEvent): readonly Value[] => {
    const signature = signatureOf(call);
    return signature === undefined ? call.args : withDefaults(signature, call.args);
  };
  const [left, right] = [complete(expected), complete(actual)];
  const names = (signatureOf(expected) ?? signatureOf(actual))?.params.map(({ name }) => name) ?? [];
  return Array.from({ length: Math.max(left.length, right.length) }, (_, i): Difference | undefined => {
    const [a, b] = [left[i], right[i]];
    const path = `args[${i}]`;
    return a === undefined || b === undefined ? { path, expected: a, actual: b } : firstDifference(a, b, path, types);
  }).flatMap((difference, i) => (difference === undefined ? [] : [pathDifference(difference, types, names[i])]));
}

type CallEvent = RunEvent & { readonly type: "CapCall" };

/** Whether both events are calls, or both are answers, with only equal scalars. For most events, this fast check is enough. */
function haveSameScalars(a: RunEvent, b: RunEvent): boolean {
  if (a.type === "CapResult" && b.type === "CapResult") return isSameScalar(a.result, b.result);
  if (a.type !== "CapCall" || b.type !== "CapCall" || a.args.length !== b.args.length) return false;
  return a.args.every((arg, i) => isSameScalar(arg, b.args[i]));
}

const isSameScalar = (a: Value, b: Value | undefined): boolean => typeof a !== "object" && a === b;

/** Returns the kind of a difference between two events of one type. */
export function kindOf(event: RunEvent): "arguments" | "answer" | "content" {
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
    case "Approval":
      return `the decision about call ${event.call}`;
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

/** Returns the fields of an event except its capability, as named values. */
function contentsOf(event: RunEvent): readonly (readonly [name: string, value: Value])[] {
  const contents: Readonly<Record<string, EventField>> = event;
  const names = eventFields(event.type).map(([name]) => name);
  return names.filter((name) => name !== "capability").map((name) => [name, asValue(contents[name])]);
}

function asValue(field: EventField | undefined): Value {
  if (field === undefined) return UNIT;
  return isValueList(field) ? ListValue.of([...field]) : field;
}

/** Returns the first difference between two events of one type, in a list; empty if there is none. */
function contentDifferences(expected: RunEvent, actual: RunEvent, types: readonly TypeDef[]): readonly PathDifference[] {
  const actualContents = contentsOf(actual);
  for (const [i, [name, value]] of contentsOf(expected).entries()) {
    const actualField = actualContents[i];
    const difference = actualField === undefined ? undefined : firstDifference(value, actualField[1], name, types);
    if (difference !== undefined) return [pathDifference(difference, types)];
  }
  return [];
}

/** Describes a difference. Cuts long Strings around their first difference. If the texts of both values are equal, adds their types. */
export function pathDifference({ path, expected, actual }: Difference, types: readonly TypeDef[], parameter?: string): PathDifference {
  if (typeof expected === "string" && typeof actual === "string") {
    let index = 0;
    while (index < expected.length && expected[index] === actual[index]) index += 1;
    const excerptOf = (text: string): string => excerpt(`"${text}"`, index + 1);
    return {
      path,
      parameter,
      expected: excerptOf(expected),
      actual: excerptOf(actual),
      agree: Array.from(expected.slice(0, index)).length,
    };
  }
  const texts = { expected: valueText(expected, types), actual: valueText(actual, types) };
  const baseFields = { path, parameter, agree: undefined };
  if (expected === undefined || actual === undefined || texts.expected !== texts.actual) return { ...baseFields, ...texts };
  return {
    ...baseFields,
    expected: `${texts.expected}: ${typeText(expected, types)}`,
    actual: `${texts.actual}: ${typeText(actual, types)}`,
  };
}

/** Describes a program that has an event `n` after the log's last one. */
export function beyondLog(n: number, actual: RunEvent, end: RunEnd | undefined, context: ComparisonContext): Mismatch {
  return {
    kind: "beyond_log",
    event: n,
    atEnd: true,
    message: `the log has no event ${n}, the program does ${nounOf(actual)}`,
    expected: end === undefined ? "(the log ends)" : endText(end, context.types),
    actual: eventText(actual, context.types),
  };
}

/** Describes a log whose next event is not the answer that the run needs, for instance a decision that the policy does not require. */
export function noAnswer(n: number, expected: RunEvent, context: ComparisonContext): Mismatch {
  const isDecision = expected.type === "Approval";
  return {
    kind: "event",
    event: n,
    atEnd: false,
    message: isDecision
      ? "the log has a decision about this call, the policy asks for none"
      : `the run takes the answer of a call, the log goes on with ${nounOf(expected)}`,
    expected: eventText(expected, context.types),
    actual: isDecision ? "(the call is made)" : "(the answer of the earliest open call)",
  };
}

/** Describes a program that ended before the log did. `n` is the number of `expected`, the first event that the program did not repeat. */
export function leftOver(n: number, expected: RunEvent, actual: RunEnd, context: ComparisonContext): Mismatch {
  return {
    kind: "left_over",
    event: n,
    atEnd: false,
    message: `the program ended, the log goes on with ${nounOf(expected)}`,
    expected: eventText(expected, context.types),
    actual: endText(actual, context.types),
  };
}

/** Describes a program that ran past the end of the recorded run. `n` is the event number of the end record. */
export function passedEnd(n: number, reached: ReachedBound): Mismatch {
  const noun = boundNoun(reached.field);
  return {
    kind: reached.field === "max_steps" ? "steps" : "alloc_bytes",
    event: n,
    atEnd: true,
    message: `the program goes on after the recorded ${reached.value} ${noun}`,
    expected: String(reached.value),
    actual: `more than ${reached.value}`,
  };
}

export interface EndContext extends ComparisonContext {
  /** Whether the program is the recorded one. If not, its steps and allocation are not compared. */
  readonly sameProgram: boolean;
}

/** Compares how both runs ended. `n` is the event number of the end record. Returns undefined if the ends are equal. */
export function compareEnds(n: number, expected: RunEnd, actual: RunEnd, context: EndContext): Mismatch | undefined {
  const both = { event: n, atEnd: true, expected: endText(expected, context.types), actual: endText(actual, context.types) };
  if (expected.outcome !== actual.outcome) {
    return { kind: "outcome", message: `the recorded run ended with ${expected.outcome}, this one with ${actual.outcome}`, ...both };
  }
  const error = errorDifference(expected, actual, context);
  if (error !== undefined)
    return { kind: "error", message: "the program stopped with another error than recorded", difference: error, ...both };
  if (expected.value !== undefined && actual.value !== undefined) {
    const difference = firstDifference(expected.value, actual.value, "value", context.types);
    if (difference !== undefined) {
      return {
        kind: "value",
        message: "the program gave another value than recorded",
        difference: pathDifference(difference, context.types),
        ...both,
      };
    }
  }
  return numberMismatch(n, expected, actual, context.sameProgram);
}

function errorDifference(expected: RunEnd, actual: RunEnd, context: EndContext): PathDifference | undefined {
  const [a, b] = [expected.error, actual.error];
  if (a === undefined || b === undefined) return undefined;
  const pairs: readonly (readonly [string, Value | undefined, Value | undefined])[] = [
    ["kind", a.kind, b.kind],
    ["capability", a.capability, b.capability],
    ["rule", a.rule, b.rule],
    ["limit", a.limit, b.limit],
    ["message", a.message, b.message],
    ["counterexample", textList(a.counterexample), textList(b.counterexample)],
    ...(context.sameProgram ? [["step", a.step, b.step] as const] : []),
  ];
  for (const [name, left, right] of pairs) {
    const path = `error.${name}`;
    if (left === undefined || right === undefined) {
      if (left !== right) return pathDifference({ path, expected: left, actual: right }, context.types);
      continue;
    }
    const difference = firstDifference(left, right, path, context.types);
    if (difference !== undefined) return pathDifference(difference, context.types);
  }
  return undefined;
}

const textList = (texts: readonly string[] | undefined): Value | undefined => (texts === undefined ? undefined : ListValue.of([...texts]));

function numberMismatch(n: number, expected: RunEnd, actual: RunEnd, sameProgram: boolean): Mismatch | undefined {
  const counts: readonly (readonly ["steps" | "alloc_bytes", string, number, number])[] = [
    ["steps", "steps", expected.steps, actual.steps],
    ["alloc_bytes", "bytes allocated", expected.allocBytes, actual.allocBytes],
  ];
  for (const [kind, noun, a, b] of sameProgram ? counts : []) {
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
