/** Compiles a pattern to a program, whose instructions contain the indices of their successors. */
import type { Assertion, Pattern } from "./pattern.ts";
import { rangesContain, NEWLINE, type Ranges, WORD } from "./ranges.ts";

export type RegexInstruction =
  | { readonly op: "match" }
  /** Consumes one code point of the set. */
  | { readonly op: "set"; readonly ranges: Ranges; readonly next: number }
  | { readonly op: "assert"; readonly test: Assertion; readonly next: number }
  /** Stores the position in a slot. Slot 2n is for the start of group n, and slot 2n + 1 is for its end. */
  | { readonly op: "mark"; readonly slot: number; readonly next: number }
  /** Tries `first`, then `second`. */
  | { readonly op: "split"; readonly first: number; readonly second: number };

/**
 * What can be before or after a position: the start or end of the text (`EDGE`), a word character, a newline, or another code point.
 * Assertions compare these kinds. If no assertion of the program tests for word characters or newlines, these count as `OTHER`. In a
 * program without assertions, everything counts as `EDGE`.
 */
export const EDGE = 0;
const OTHER = 1;
const WORD_KIND = 2;
const NEWLINE_KIND = 3;

export interface RegexProgram {
  readonly code: readonly RegexInstruction[];
  readonly start: number;
  /** The predecessors of all instructions. Those of instruction `i` begin at index `sourceStarts[i]`. */
  readonly sources: Int32Array;
  readonly sourceStarts: Int32Array;
  /** The lowest and the highest code point that each instruction consumes. If an instruction consumes none, the lowest is above the highest. */
  readonly lowest: Int32Array;
  readonly highest: Int32Array;
  /** The first code point of each class, in ascending order. All code points of a class belong to the same sets and satisfy the same assertions. */
  readonly classStarts: Int32Array;
  /** The kind of each class, from EDGE to NEWLINE_KIND. */
  readonly classKinds: Uint8Array;
}

/** The index of the only match instruction. */
export const MATCH = 0;

/** Compiles the pattern to `pattern.size` instructions and the match instruction. */
export function compilePattern(pattern: Pattern): RegexProgram {
  const code: RegexInstruction[] = [{ op: "match" }];
  const start = emit(code, pattern, MATCH);
  const classStarts = classesOf(code);
  const lowest = Int32Array.from(code, (instruction) => (instruction.op === "set" ? (instruction.ranges[0] ?? 1) : 1));
  const highest = Int32Array.from(code, (instruction) => (instruction.op === "set" ? (instruction.ranges.at(-1) ?? 0) : 0));
  return { code, start, lowest, highest, ...sourcesOf(code), classStarts, classKinds: kindsOf(code, classStarts) };
}

/**
 * Emits instructions for `pattern` that continue at instruction `next`. Returns the index of the first instruction. The depth of patterns
 * is limited, so recursion is safe.
 */
function emit(code: RegexInstruction[], pattern: Pattern, next: number): number {
  switch (pattern.kind) {
    case "empty":
      return next;
    case "set":
      return code.push({ op: "set", ranges: pattern.ranges, next }) - 1;
    case "assert":
      return code.push({ op: "assert", test: pattern.test, next }) - 1;
    case "group": {
      const end = code.push({ op: "mark", slot: 2 * pattern.index + 1, next }) - 1;
      const body = emit(code, pattern.part, end);
      return code.push({ op: "mark", slot: 2 * pattern.index, next: body }) - 1;
    }
    case "sequence":
      return pattern.parts.reduceRight((after, part) => emit(code, part, after), next);
    case "choice": {
      const entries = pattern.parts.map((part) => emit(code, part, next));
      return entries.reduceRight((others, entry) => emitSplit(code, entry, others, true));
    }
    case "repeat": {
      const { part, min, max, greedy } = pattern;
      let entry = next;
      let copies = min;
      if (max === Number.POSITIVE_INFINITY) {
        const loop = emitSplit(code, next, next, true);
        const body = emit(code, part, loop);
        replaceSplit(code, loop, body, next, greedy);
        // If x can match the empty text, x* is compiled as (x+)?, with a split before the body and one after it. With one split,
        // an empty iteration of x would return to a split that was already visited at this position, and be lost.
        entry = min > 0 ? body : part.nullable ? emitSplit(code, body, next, greedy) : loop;
        copies = Math.max(0, min - 1);
      } else for (let i = min; i < max; i++) entry = emitSplit(code, emit(code, part, entry), next, greedy);
      for (let i = 0; i < copies; i++) entry = emit(code, part, entry);
      return entry;
    }
  }
}

function emitSplit(code: RegexInstruction[], body: number, other: number, greedy: boolean): number {
  return code.push(greedy ? { op: "split", first: body, second: other } : { op: "split", first: other, second: body }) - 1;
}

/** Replaces the split at index `splitIndex`. */
function replaceSplit(code: RegexInstruction[], splitIndex: number, body: number, other: number, greedy: boolean): void {
  code[splitIndex] = greedy ? { op: "split", first: body, second: other } : { op: "split", first: other, second: body };
}

function sourcesOf(code: readonly RegexInstruction[]): { readonly sources: Int32Array; readonly sourceStarts: Int32Array } {
  const lists: number[][] = code.map(() => []);
  code.forEach((instruction, i) => {
    for (const target of targetsOf(instruction)) lists[target]?.push(i);
  });
  const sourceStarts = new Int32Array(code.length + 1);
  lists.forEach((list, i) => {
    sourceStarts[i + 1] = (sourceStarts[i] ?? 0) + list.length;
  });
  return { sources: Int32Array.from(lists.flat()), sourceStarts };
}

function targetsOf(instruction: RegexInstruction): readonly number[] {
  if (instruction.op === "match") return [];
  return instruction.op === "split" ? [instruction.first, instruction.second] : [instruction.next];
}

const hasAssertion = (code: readonly RegexInstruction[], ...wanted: readonly Assertion[]): boolean =>
  code.some((instruction) => instruction.op === "assert" && wanted.includes(instruction.test));

function classesOf(code: readonly RegexInstruction[]): Int32Array {
  const starts = new Set([0]);
  const addedSets = new Set<Ranges>();
  const add = (ranges: Ranges): void => {
    if (addedSets.has(ranges)) return;
    addedSets.add(ranges);
    ranges.forEach((bound, i) => starts.add(i % 2 === 0 ? bound : bound + 1));
  };
  for (const instruction of code) if (instruction.op === "set") add(instruction.ranges);
  if (hasAssertion(code, "word_border", "no_word_border")) add(WORD);
  if (hasAssertion(code, "line_start", "line_end")) add(NEWLINE);
  return Int32Array.from(starts).sort();
}

function kindsOf(code: readonly RegexInstruction[], classStarts: Int32Array): Uint8Array {
  const testsWords = hasAssertion(code, "word_border", "no_word_border");
  const testsLines = hasAssertion(code, "line_start", "line_end");
  const testsEdges = testsWords || testsLines || hasAssertion(code, "text_start", "text_end");
  return Uint8Array.from(classStarts, (point) => {
    if (testsWords && rangesContain(WORD, point)) return WORD_KIND;
    if (testsLines && rangesContain(NEWLINE, point)) return NEWLINE_KIND;
    return testsEdges ? OTHER : EDGE;
  });
}

/** Returns whether an assertion holds between code points of these kinds. */
export function assertionHolds(test: Assertion, before: number, after: number): boolean {
  switch (test) {
    case "text_start":
      return before === EDGE;
    case "text_end":
      return after === EDGE;
    case "line_start":
      return before === EDGE || before === NEWLINE_KIND;
    case "line_end":
      return after === EDGE || after === NEWLINE_KIND;
    case "word_border":
      return (before === WORD_KIND) !== (after === WORD_KIND);
    case "no_word_border":
      return (before === WORD_KIND) === (after === WORD_KIND);
  }
}
