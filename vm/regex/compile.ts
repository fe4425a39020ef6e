/** Turns a pattern into a program: instructions that each know where to go next, without any jump. */
import type { Assertion, Pattern } from "./pattern.ts";
import { contains, NEWLINE, type Ranges, WORD } from "./ranges.ts";

export type RegexInstruction =
  | { readonly op: "match" }
  /** Takes one code point of the set. */
  | { readonly op: "set"; readonly ranges: Ranges; readonly next: number }
  | { readonly op: "assert"; readonly test: Assertion; readonly next: number }
  /** Notes the position: slot 2n where group n begins, 2n + 1 where it ends. */
  | { readonly op: "mark"; readonly slot: number; readonly next: number }
  /** Prefers `first`. */
  | { readonly op: "split"; readonly first: number; readonly second: number };

/** What a position's neighbour is to the assertions. Those that no assertion of the program tells apart are one. */
export const EDGE = 0;
export const OTHER = 1;
export const WORD_KIND = 2;
export const NEWLINE_KIND = 3;

export interface RegexProgram {
  readonly code: readonly RegexInstruction[];
  readonly start: number;
  /** The instructions that lead to each one, one after the other; those that lead to `i` begin at `sourceStarts[i]`. */
  readonly sources: Int32Array;
  readonly sourceStarts: Int32Array;
  /** The lowest and highest code point that each instruction takes; for those that take none, the lowest is above the highest. */
  readonly lowest: Int32Array;
  readonly highest: Int32Array;
  /** First code points of the classes: code points between two of them are the same to every set and assertion. */
  readonly classStarts: Int32Array;
  /** EDGE to NEWLINE_KIND of each class. */
  readonly classKinds: Uint8Array;
}

/** Index of the one match instruction. */
export const MATCH = 0;

/** As many instructions as the pattern's size, and the match. */
export function compilePattern(pattern: Pattern): RegexProgram {
  const code: RegexInstruction[] = [{ op: "match" }];
  const start = emit(code, pattern, MATCH);
  const classStarts = classesOf(code);
  const lowest = Int32Array.from(code, (instruction) => (instruction.op === "set" ? (instruction.ranges[0] ?? 1) : 1));
  const highest = Int32Array.from(code, (instruction) => (instruction.op === "set" ? (instruction.ranges.at(-1) ?? 0) : 0));
  return { code, start, lowest, highest, ...sourcesOf(code), classStarts, classKinds: kindsOf(code, classStarts) };
}

/** Instructions for `pattern` and then `next`; gives the index of the first. The pattern's depth is bounded, and so is this recursion. */
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
      return entries.reduceRight((others, entry) => split(code, entry, others, true));
    }
    case "repeat": {
      const { part, min, max, greedy } = pattern;
      let entry = next;
      let copies = min;
      if (max === Number.POSITIVE_INFINITY) {
        const loop = split(code, next, next, true);
        const body = emit(code, part, loop);
        link(code, loop, body, next, greedy);
        // x* of an x that can be empty is (x+)?: with one split for both, an empty round would not count as x's first choice.
        entry = min > 0 ? body : part.nullable ? split(code, body, next, greedy) : loop;
        copies = Math.max(0, min - 1);
      } else for (let i = min; i < max; i++) entry = split(code, emit(code, part, entry), next, greedy);
      for (let i = 0; i < copies; i++) entry = emit(code, part, entry);
      return entry;
    }
  }
}

function split(code: RegexInstruction[], body: number, other: number, greedy: boolean): number {
  return code.push(greedy ? { op: "split", first: body, second: other } : { op: "split", first: other, second: body }) - 1;
}

function link(code: RegexInstruction[], at: number, body: number, other: number, greedy: boolean): void {
  code[at] = greedy ? { op: "split", first: body, second: other } : { op: "split", first: other, second: body };
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

const tests = (code: readonly RegexInstruction[], ...wanted: readonly Assertion[]): boolean =>
  code.some((instruction) => instruction.op === "assert" && wanted.includes(instruction.test));

function classesOf(code: readonly RegexInstruction[]): Int32Array {
  const starts = new Set([0]);
  const seen = new Set<Ranges>();
  const add = (ranges: Ranges): void => {
    if (seen.has(ranges)) return;
    seen.add(ranges);
    ranges.forEach((bound, i) => starts.add(i % 2 === 0 ? bound : bound + 1));
  };
  for (const instruction of code) if (instruction.op === "set") add(instruction.ranges);
  if (tests(code, "word_border", "no_word_border")) add(WORD);
  if (tests(code, "line_start", "line_end")) add(NEWLINE);
  return Int32Array.from(starts).sort();
}

function kindsOf(code: readonly RegexInstruction[], classStarts: Int32Array): Uint8Array {
  const words = tests(code, "word_border", "no_word_border");
  const lines = tests(code, "line_start", "line_end");
  const edges = words || lines || tests(code, "text_start", "text_end");
  return Uint8Array.from(classStarts, (point) => {
    if (words && contains(WORD, point)) return WORD_KIND;
    if (lines && contains(NEWLINE, point)) return NEWLINE_KIND;
    return edges ? OTHER : EDGE;
  });
}

/** Whether an assertion holds between two neighbours. */
export function holds(test: Assertion, before: number, after: number): boolean {
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
