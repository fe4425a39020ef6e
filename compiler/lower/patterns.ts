/**
 * Lowers `match`. A `match` with several arms and without guards becomes one `Match` instruction with a jump table, if a single tag decides
 * each arm (`tableTag`). Otherwise the arms are tested one after another. The matched value is kept in a stack slot.
 */
import { MATCH_TAGS } from "../../vm/bytecode/tags.ts";
import type { Value } from "../../vm/value/value.ts";
import type { CheckedArm, CheckedCondition, CheckedPattern, Destructuring, Ir, Local } from "../ir.ts";
import { type Emitter, FunctionTooLarge, type Label, type OpenFlow } from "./emitter.ts";

/** The part of `FunctionLowering` that lowering a `match` needs. */
export interface MatchLowering {
  readonly emitter: Emitter;
  /** Returns the index of the constant in the module. */
  constant(value: Value): number;
  /** Lowers an expression. If `isTail` is true, its value is the result of the function. */
  expr(ir: Ir, isTail: boolean): void;
  /** Emits a call of a builtin whose arguments are on the operand stack. */
  builtin(name: string, argc: number): void;
}

const matchesAnyValue = (p: CheckedPattern): boolean => p.kind === "wildcard" || p.kind === "bind";

/** Returns the tag of a pattern in a jump table, or undefined if a single tag cannot decide whether the pattern matches. */
function tableTag(pattern: CheckedPattern): number | undefined {
  if (matchesAnyValue(pattern)) return MATCH_TAGS.any;
  if (pattern.kind !== "constructor" || pattern.constructor_.form.kind !== "tag" || !pattern.args.every(matchesAnyValue)) return undefined;
  return pattern.constructor_.form.tag;
}

/** Lowers a `match`. If `isTail` is true, its value is the result of the function. */
export function lowerMatch(f: MatchLowering, ir: Ir & { kind: "match" }, isTail: boolean): void {
  const e = f.emitter;
  const flow = e.beginFlow("match", ir.span);
  f.expr(ir.scrutinee, false);
  const subject = e.slot(ir.subject);
  e.emit("StoreLocal", subject);
  const base = e.height;
  const end = e.label();
  const tags = ir.arms.map((a) => (a.guard === null ? tableTag(a.pattern) : undefined));
  if (ir.arms.length > 1 && tags.every((t) => t !== undefined)) lowerTable(f, ir.arms, tags, { subject, end, base, isTail, flow });
  else {
    for (const arm of ir.arms) lowerArm(f, arm, { subject, end, base, isTail, flow });
    e.emit("LoadLocal", subject);
    e.emit("Match", e.addMatchTable([]));
  }
  e.height = base + 1;
  e.placeLabel(end);
  e.endFlow(flow);
}

/**
 * Lowers the pattern of a `let`, a `for` or a parameter. `otherwise` is the block of a `let … else`. It runs if the value does not match,
 * and never reaches its end.
 */
export function lowerDestructuring(f: MatchLowering, { subject, test, otherwise }: Destructuring): void {
  const e = f.emitter;
  const failed = e.label();
  testPattern(f, test.pattern, e.slot(subject), failed);
  if (otherwise === null) {
    // The pattern matches every value, so no jump to the label is taken.
    e.placeLabel(failed);
    return;
  }
  const matched = e.label();
  e.jump("Jmp", matched);
  e.placeLabel(failed);
  f.expr(otherwise, false);
  e.emit("Pop");
  e.placeLabel(matched);
}

/** Lowers a condition. Its code jumps to `fail` if the condition is false or its pattern does not match. */
export function lowerCondition(f: MatchLowering, { condition, match }: CheckedCondition, fail: Label): void {
  const e = f.emitter;
  f.expr(condition, false);
  if (match === null) {
    e.jump("JmpIfNot", fail);
    return;
  }
  const subject = e.slot(match.subject);
  e.emit("StoreLocal", subject);
  testPattern(f, match.test.pattern, subject, fail);
}

/** What the arms of a `match` share. */
interface MatchContext {
  /** The stack slot of the matched value. */
  readonly subject: number;
  /** Where each arm jumps at its end. */
  readonly end: Label;
  /** The height of the operand stack before the `match`. */
  readonly base: number;
  readonly isTail: boolean;
  /** Receives the instructions that belong to each arm, for traces. */
  readonly flow: OpenFlow;
}

/** Lowers the arms with one jump table. */
function lowerTable(
  f: MatchLowering,
  arms: readonly CheckedArm[],
  tags: readonly number[],
  { subject, end, base, isTail, flow }: MatchContext,
): void {
  const e = f.emitter;
  const targets = arms.map((_, i) => ({ tag: tags[i] ?? MATCH_TAGS.any, target: e.label() }));
  e.emit("LoadLocal", subject);
  e.emit("Match", e.addMatchTable(targets));
  arms.forEach((arm, i) => {
    const target = targets[i];
    if (target === undefined) return;
    const start = e.pc;
    e.placeLabel(target.target);
    e.height = base + 1;
    const { pattern } = arm;
    const inner = pattern.kind === "constructor" ? pattern.args[0] : undefined;
    if (inner?.kind === "bind") e.emit("StoreLocal", e.slot(inner.local));
    else e.emit("Pop");
    if (pattern.kind === "bind") copyToLocal(e, subject, pattern.local);
    f.expr(arm.body, isTail);
    e.jump("Jmp", end);
    e.endPart(flow, start);
  });
}

function copyToLocal(e: Emitter, from: number, to: Local): void {
  e.emit("LoadLocal", from);
  e.emit("StoreLocal", e.slot(to));
}

/** Lowers an arm that is tested on its own. */
function lowerArm(f: MatchLowering, arm: CheckedArm, { subject, end, base, isTail, flow }: MatchContext): void {
  const e = f.emitter;
  const next = e.label();
  e.height = base;
  if (arm.guard === null) testPattern(f, arm.pattern, subject, next);
  else {
    const body = e.label();
    const alternatives = alternativesOf(arm.pattern);
    alternatives.forEach((pattern, i) => {
      const nextAlternative = i === alternatives.length - 1 ? next : e.label();
      e.height = base;
      testPattern(f, pattern, subject, nextAlternative);
      if (arm.guard !== null) f.expr(arm.guard, false);
      e.jump("JmpIfNot", nextAlternative);
      if (nextAlternative === next) return;
      e.jump("Jmp", body);
      e.placeLabel(nextAlternative);
    });
    e.placeLabel(body);
  }
  const start = e.pc;
  f.expr(arm.body, isTail);
  e.jump("Jmp", end);
  e.endPart(flow, start);
  e.height = base;
  e.placeLabel(next);
}

/** Limit on the patterns that `alternativesOf` makes of one pattern. The code of the guard is emitted once for each of them. */
const MAX_ALTERNATIVES = 256;

const bindsNames = (p: CheckedPattern): boolean =>
  p.kind === "bind" ||
  (p.kind === "list" && typeof p.rest === "object" && p.rest !== null) ||
  (p.kind === "or" ? p.alternatives : partsOf(p)).some(bindsNames);

/** Returns the patterns for the arguments of a constructor, or for the elements of a list. */
function partsOf(p: CheckedPattern): readonly CheckedPattern[] {
  return p.kind === "constructor" ? p.args : p.kind === "list" ? [...p.prefix, ...p.suffix] : [];
}

/** Returns the pattern with `parts` instead of its own parts, which `partsOf` returned. */
function withParts(p: CheckedPattern, parts: readonly CheckedPattern[]): CheckedPattern {
  if (p.kind === "constructor") return { ...p, args: parts };
  return p.kind === "list" ? { ...p, prefix: parts.slice(0, p.prefix.length), suffix: parts.slice(p.prefix.length) } : p;
}

/**
 * If the pattern has alternatives that bind names, returns one pattern for each of them. The guard must be evaluated for each, because each
 * binds other values. In `P { a: x } | P { b: x } if x > 1`, it may be false for the first and true for the second.
 */
function alternativesOf(pattern: CheckedPattern): readonly CheckedPattern[] {
  if (!bindsNames(pattern)) return [pattern];
  if (pattern.kind === "or") return checkAlternatives(pattern.alternatives.flatMap(alternativesOf));
  return partsOf(pattern)
    .reduce<readonly (readonly CheckedPattern[])[]>(
      (argLists, arg) => checkAlternatives(argLists.flatMap((args) => alternativesOf(arg).map((p) => [...args, p]))),
      [[]],
    )
    .map((parts) => withParts(pattern, parts));
}

function checkAlternatives<P>(alternatives: readonly P[]): readonly P[] {
  if (alternatives.length > MAX_ALTERNATIVES)
    throw new FunctionTooLarge(`a guarded pattern with more than ${MAX_ALTERNATIVES} alternatives`);
  return alternatives;
}

/**
 * Emits code that tests the value in the slot. If the value matches, the code sets the bindings and continues; otherwise it
 * jumps to `fail`. The height of the operand stack does not change.
 */
function testPattern(f: MatchLowering, pattern: CheckedPattern, slot: number, fail: Label): void {
  const e = f.emitter;
  switch (pattern.kind) {
    case "wildcard":
      return;
    case "bind":
      copyToLocal(e, slot, pattern.local);
      return;
    case "literal":
      e.emit("LoadLocal", slot);
      e.emit("PushConst", f.constant(pattern.value));
      e.emit("Eq");
      e.jump("JmpIfNot", fail);
      return;
    case "or": {
      const done = e.label();
      pattern.alternatives.forEach((alternative, i) => {
        if (i === pattern.alternatives.length - 1) {
          testPattern(f, alternative, slot, fail);
          return;
        }
        const next = e.label();
        testPattern(f, alternative, slot, next);
        e.jump("Jmp", done);
        e.placeLabel(next);
      });
      e.placeLabel(done);
      return;
    }
    case "list":
      testList(f, pattern, slot, fail);
      return;
    case "constructor":
      testConstructor(f, pattern, slot, fail);
  }
}

function testList(f: MatchLowering, pattern: CheckedPattern & { kind: "list" }, slot: number, fail: Label): void {
  const e = f.emitter;
  const { prefix, rest, suffix } = pattern;
  const length = prefix.length + suffix.length;
  if (rest === null || length > 0) {
    e.emit("LoadLocal", slot);
    e.emit("ListLen");
    e.emit("PushConst", f.constant(length));
    e.emit(rest === null ? "Eq" : "Gte");
    e.jump("JmpIfNot", fail);
  }
  /** Pushes an index that is counted from the end of the list. */
  const pushFromEnd = (distance: number): void => {
    e.emit("LoadLocal", slot);
    e.emit("ListLen");
    if (distance === 0) return;
    e.emit("PushConst", f.constant(distance));
    e.emit("Sub");
  };
  prefix.forEach((p, i) => testElement(f, p, { slot, fail, pushIndex: () => e.emit("PushConst", f.constant(i)) }));
  suffix.forEach((p, i) => testElement(f, p, { slot, fail, pushIndex: () => pushFromEnd(suffix.length - i) }));
  if (rest === null || rest === "unused") return;
  e.emit("LoadLocal", slot);
  e.emit("PushConst", f.constant(prefix.length));
  pushFromEnd(suffix.length);
  f.builtin("list.slice", 3);
  e.emit("StoreLocal", e.slot(rest));
}

interface ElementTest {
  /** The stack slot of the list. */
  readonly slot: number;
  readonly fail: Label;
  readonly pushIndex: () => void;
}

function testElement(f: MatchLowering, pattern: CheckedPattern, { slot, fail, pushIndex }: ElementTest): void {
  if (pattern.kind === "wildcard") return;
  const e = f.emitter;
  e.emit("LoadLocal", slot);
  pushIndex();
  e.emit("ListGet");
  testPart(f, pattern, fail);
}

/** Takes a part of the matched value from the operand stack, stores it in a slot, and tests it. */
function testPart(f: MatchLowering, pattern: CheckedPattern, fail: Label): void {
  const e = f.emitter;
  const part = pattern.kind === "bind" ? e.slot(pattern.local) : e.scratchSlot();
  e.emit("StoreLocal", part);
  if (pattern.kind !== "bind") testPattern(f, pattern, part, fail);
}

/** Tests the constructor as its `form` says (`Constructor` in `ir.ts`), and then the arguments. */
function testConstructor(f: MatchLowering, pattern: CheckedPattern & { kind: "constructor" }, slot: number, fail: Label): void {
  const e = f.emitter;
  const { form } = pattern.constructor_;
  switch (form.kind) {
    case "unit":
      return;
    case "record":
      testFields(f, pattern.args, slot, fail);
      return;
    case "json": {
      e.emit("LoadLocal", slot);
      e.emit("JsonKind");
      e.emit("PushConst", f.constant(form.jsonKind));
      e.emit("Eq");
      e.jump("JmpIfNot", fail);
      const inner = pattern.args[0];
      if (inner !== undefined) testPattern(f, inner, slot, fail);
      return;
    }
    case "tag":
    case "struct": {
      const matches = e.label();
      const differs = e.label();
      const height = e.height;
      e.emit("LoadLocal", slot);
      e.emit(
        "Match",
        e.addMatchTable([
          { tag: form.tag, target: matches },
          { tag: MATCH_TAGS.any, target: differs },
        ]),
      );
      e.placeLabel(differs);
      e.emit("Pop");
      e.jump("Jmp", fail);
      e.placeLabel(matches);
      e.height = height + 1;
      if (pattern.args.every((a) => a.kind === "wildcard")) {
        e.emit("Pop");
        return;
      }
      const payload = e.scratchSlot();
      e.emit("StoreLocal", payload);
      const inner = pattern.args[0];
      if (form.kind === "struct") testFields(f, pattern.args, payload, fail);
      else if (inner !== undefined) testPattern(f, inner, payload, fail);
    }
  }
}

function testFields(f: MatchLowering, args: readonly CheckedPattern[], slot: number, fail: Label): void {
  const e = f.emitter;
  args.forEach((arg, i) => {
    if (arg.kind === "wildcard") return;
    e.emit("LoadLocal", slot);
    e.emit("GetField", i);
    testPart(f, arg, fail);
  });
}
