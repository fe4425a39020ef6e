/**
 * Parses patterns in the syntax of RE2 (https://github.com/google/re2/wiki/Syntax), except for syntax that needs Unicode tables.
 * Do not change the error messages here: traps of the `regex` builtins contain them.
 */
import { type Assertion, assertion, choice, EMPTY, group, type Pattern, repeat, sequence, set } from "./pattern.ts";
import { complement, DIGIT, foldCase, MAX_CODE_POINT, NEWLINE, type Ranges, rangesOf, SPACE, WORD } from "./ranges.ts";

/** Limits on a pattern. A pattern that exceeds a limit is invalid. */
export const REGEX_LIMITS = {
  /** UTF-16 code units of the pattern's text. */
  units: 65_536,
  /** The nesting of groups. */
  nesting: 200,
  /** The largest count in `{n,m}`. */
  repeats: 1_000,
  /** Instructions of the compiled program, in which counted repetitions are expanded. */
  instructions: 10_000,
} as const;

interface ParsedPattern {
  readonly pattern: Pattern;
  /** The number of capturing groups, which are numbered from 1. */
  readonly groups: number;
}

export interface PatternProblem {
  /** The 1-based position in code points. */
  readonly character: number;
  /** What is wrong and what to write instead. */
  readonly message: string;
}

class PatternError extends Error {
  /** The position in code units. */
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

interface Flags {
  readonly ignoreCase: boolean;
  readonly multiLine: boolean;
  readonly dotAll: boolean;
  readonly ungreedy: boolean;
}

const NO_FLAGS: Flags = { ignoreCase: false, multiLine: false, dotAll: false, ungreedy: false };
const FLAG_NAMES: ReadonlyMap<string, keyof Flags> = new Map([
  ["i", "ignoreCase"],
  ["m", "multiLine"],
  ["s", "dotAll"],
  ["U", "ungreedy"],
]);

/** The group that is being read. */
interface GroupScope {
  /** The current flags. `(?i)` changes them for the rest of the group. */
  flags: Flags;
  readonly depth: number;
}

interface Reader {
  readonly source: string;
  offset: number;
  /** The number of capturing groups read so far. */
  groups: number;
  readonly withGroups: boolean;
}

const peek = (r: Reader): string => r.source.charAt(r.offset);

/** Moves past `text` if it is next. Returns whether it was. */
function accept(r: Reader, text: string): boolean {
  if (!r.source.startsWith(text, r.offset)) return false;
  r.offset += text.length;
  return true;
}

/** Reads one code point. The reader must not be at the end. */
function takePoint(r: Reader): number {
  const point = r.source.codePointAt(r.offset) ?? 0;
  r.offset += point > 0xffff ? 2 : 1;
  return point;
}

/**
 * Parses a pattern. Returns a problem if the pattern is invalid. Takes linear time, except for sorting the ranges of classes. If
 * `withGroups` is true, the pattern has nodes for groups, so that its program stores their positions.
 */
export function parsePattern(source: string, options: { readonly withGroups?: boolean } = {}): ParsedPattern | PatternProblem {
  if (source.length > REGEX_LIMITS.units)
    return { character: 1, message: `the pattern is longer than ${REGEX_LIMITS.units} code units; search for its parts one by one` };
  const reader: Reader = { source, offset: 0, groups: 0, withGroups: options.withGroups === true };
  try {
    const pattern = readChoice(reader, NO_FLAGS, 0);
    if (reader.offset < source.length) throw new PatternError(reader.offset, "`)` without `(`; write `\\)` for the character");
    return { pattern, groups: reader.groups };
  } catch (error) {
    if (error instanceof PatternError) return { character: Array.from(source.slice(0, error.offset)).length + 1, message: error.message };
    throw error;
  }
}

/** Reads alternatives up to the end of the pattern or a `)`. `REGEX_LIMITS.nesting` limits the recursion. */
function readChoice(r: Reader, flags: Flags, depth: number): Pattern {
  const start = r.offset;
  const scope: GroupScope = { flags, depth };
  const branches: Pattern[] = [];
  let items: Pattern[] = [];
  while (r.offset < r.source.length && peek(r) !== ")") {
    if (accept(r, "|")) {
      branches.push(sequence(items));
      items = [];
    } else items.push(readItem(r, scope));
  }
  branches.push(sequence(items));
  return requireSize(choice(branches), start);
}

/** Returns the pattern. Throws if its program would be too large. */
function requireSize(pattern: Pattern, offset: number): Pattern {
  if (pattern.size >= REGEX_LIMITS.instructions)
    throw new PatternError(
      offset,
      `too large: more than ${REGEX_LIMITS.instructions} instructions with every repetition written out; use smaller counts or split the pattern`,
    );
  return pattern;
}

/** Reads an atom and the repetition after it, if there is one. */
function readItem(r: Reader, scope: GroupScope): Pattern {
  const start = r.offset;
  refuseRepetition(r, NOTHING_TO_REPEAT);
  const atom = readAtom(r, scope);
  const bounds = readBounds(r);
  if (bounds === undefined) return atom;
  const lazy = accept(r, "?");
  refuseRepetition(r, REPEATED_TWICE);
  return requireSize(repeat(atom, bounds.min, bounds.max, lazy === scope.flags.ungreedy), start);
}

interface Bounds {
  readonly min: number;
  readonly max: number;
}

function refuseRepetition(r: Reader, problem: (repetition: string) => string): void {
  const start = r.offset;
  if (readBounds(r) !== undefined) throw new PatternError(start, problem(r.source.slice(start, r.offset)));
}

const NOTHING_TO_REPEAT = (found: string): string => `\`${found}\` has nothing to repeat before it; write \`\\${found}\` for the character`;
const REPEATED_TWICE = (found: string): string => `\`${found}\` repeats a repetition; put what stands before it in a group`;

/**
 * Reads a repetition. If no repetition follows, consumes nothing and returns undefined. As in RE2, a `{` that does not
 * start a valid count, such as `{2,3}`, is a literal.
 */
function readBounds(r: Reader): Bounds | undefined {
  if (accept(r, "*")) return { min: 0, max: Number.POSITIVE_INFINITY };
  if (accept(r, "+")) return { min: 1, max: Number.POSITIVE_INFINITY };
  if (accept(r, "?")) return { min: 0, max: 1 };
  const start = r.offset;
  if (!accept(r, "{")) return undefined;
  const min = readCount(r);
  const comma = accept(r, ",");
  const max = comma ? readCount(r) : min;
  if (min === undefined || !accept(r, "}")) {
    r.offset = start;
    return undefined;
  }
  if (min > REGEX_LIMITS.repeats || (max ?? 0) > REGEX_LIMITS.repeats)
    throw new PatternError(start, `a count above ${REGEX_LIMITS.repeats}; use a smaller one, or \`*\` for any number`);
  if (max !== undefined && max < min) throw new PatternError(start, "the counts are in the wrong order; write the smaller one first");
  return { min, max: max ?? Number.POSITIVE_INFINITY };
}

function readCount(r: Reader): number | undefined {
  if (!isDigit(peek(r))) return undefined;
  let count = 0;
  while (isDigit(peek(r))) {
    // Above the limit, the exact count does not matter.
    count = Math.min(count * 10 + Number(peek(r)), REGEX_LIMITS.repeats + 1);
    r.offset += 1;
  }
  return count;
}

function readAtom(r: Reader, scope: GroupScope): Pattern {
  const { flags } = scope;
  if (peek(r) === "(") return readGroup(r, scope);
  if (peek(r) === "[") return set(readClass(r, flags));
  if (accept(r, ".")) return set(flags.dotAll ? complement([]) : complement(NEWLINE));
  if (accept(r, "^")) return assertion(flags.multiLine ? "line_start" : "text_start");
  if (accept(r, "$")) return assertion(flags.multiLine ? "line_end" : "text_end");
  if (peek(r) !== "\\") return literal(takePoint(r), flags);
  const test = ASSERTIONS.get(r.source.charAt(r.offset + 1));
  if (test !== undefined) {
    r.offset += 2;
    return assertion(test);
  }
  const ranges = readEscape(r);
  return set(flags.ignoreCase ? foldCase(ranges) : ranges);
}

function literal(point: number, flags: Flags): Pattern {
  const ranges = [point, point];
  return set(flags.ignoreCase ? foldCase(ranges) : ranges);
}

const ASSERTIONS: ReadonlyMap<string, Assertion> = new Map([
  ["A", "text_start"],
  ["z", "text_end"],
  ["b", "word_border"],
  ["B", "no_word_border"],
]);

const LOOKAROUND = ["?=", "?!", "?<=", "?<!"];

/** Reads a group from `(` to `)`, or flags such as `(?i)` for the rest of the enclosing group. */
function readGroup(r: Reader, scope: GroupScope): Pattern {
  const start = r.offset;
  if (scope.depth >= REGEX_LIMITS.nesting)
    throw new PatternError(start, `groups nested deeper than ${REGEX_LIMITS.nesting}; take some of them apart`);
  r.offset += 1;
  if (LOOKAROUND.some((head) => r.source.startsWith(head, r.offset)))
    throw new PatternError(start, "looking ahead or behind cannot be done in linear time; match the surroundings too and cut them off");
  let { flags } = scope;
  let index: number | undefined;
  if (accept(r, "?P<") || accept(r, "?<")) {
    readName(r, start);
    index = nextGroup(r);
  } else if (!accept(r, "?")) index = nextGroup(r);
  else {
    flags = readFlags(r, start, flags);
    if (accept(r, ")")) {
      scope.flags = flags;
      refuseRepetition(r, NOTHING_TO_REPEAT);
      return EMPTY;
    }
    r.offset += 1;
  }
  const body = readChoice(r, flags, scope.depth + 1);
  if (!accept(r, ")")) throw new PatternError(start, "`(` without `)`; close the group, or write `\\(` for the character");
  return index !== undefined && r.withGroups ? group(body, index) : body;
}

function nextGroup(r: Reader): number {
  r.groups += 1;
  return r.groups;
}

const DIGITS = "0123456789";
const WORD_CHARACTERS = `_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz${DIGITS}`;

const isDigit = (character: string): boolean => character !== "" && DIGITS.includes(character);
const isWord = (character: string): boolean => character !== "" && WORD_CHARACTERS.includes(character);

/** Reads and ignores the name of a group, because groups are used only by number. */
function readName(r: Reader, start: number): void {
  const from = r.offset;
  while (isWord(peek(r))) r.offset += 1;
  if (r.offset === from || !accept(r, ">"))
    throw new PatternError(start, "a group's name is ASCII letters, digits and `_`, and ends with `>`");
}

/** Reads flags up to a `:` or `)`. */
function readFlags(r: Reader, start: number, outer: Flags): Flags {
  let flags = outer;
  let enables = true;
  while (peek(r) !== ":" && peek(r) !== ")") {
    const name = FLAG_NAMES.get(peek(r));
    if (name !== undefined) flags = { ...flags, [name]: enables };
    else if (enables && peek(r) === "-") enables = false;
    else throw new PatternError(start, "after `(?` there must be `:`, `P<name>`, or flags of i, m, s and U, as in `(?i)` or `(?i-s:…)`");
    r.offset += 1;
  }
  return flags;
}

const NAMED_CLASSES: ReadonlyMap<string, Ranges> = new Map([
  ["alnum", rangesOf([48, 57, 65, 90, 97, 122])],
  ["alpha", rangesOf([65, 90, 97, 122])],
  ["ascii", [0, 127]],
  ["blank", [9, 9, 32, 32]],
  ["cntrl", [0, 31, 127, 127]],
  ["digit", DIGIT],
  ["graph", [33, 126]],
  ["lower", [97, 122]],
  ["print", [32, 126]],
  ["punct", [33, 47, 58, 64, 91, 96, 123, 126]],
  ["space", [9, 13, 32, 32]],
  ["upper", [65, 90]],
  ["word", WORD],
  ["xdigit", [48, 57, 65, 70, 97, 102]],
]);

/** Reads a character class from `[` to `]`. */
function readClass(r: Reader, flags: Flags): Ranges {
  const start = r.offset;
  r.offset += 1;
  const negated = accept(r, "^");
  const pairs: number[] = [];
  let isFirst = true;
  while (isFirst || peek(r) !== "]") {
    if (r.offset >= r.source.length) throw new PatternError(start, "`[` without `]`; close the class, or write `\\[` for the character");
    isFirst = false;
    for (const bound of readClassItem(r)) pairs.push(bound);
  }
  r.offset += 1;
  const ranges = flags.ignoreCase ? foldCase(rangesOf(pairs)) : rangesOf(pairs);
  return negated ? complement(ranges) : ranges;
}

/** Reads a character, a range, an escape or a `[:name:]`. */
function readClassItem(r: Reader): Ranges {
  const start = r.offset;
  const named = readNamedClass(r);
  if (named !== undefined) return named;
  const low = readClassPoint(r);
  const afterNext = r.source.charAt(r.offset + 1);
  if (!isSinglePoint(low) || peek(r) !== "-" || afterNext === "]" || afterNext === "") return low;
  r.offset += 1;
  const high = readClassPoint(r);
  if (!isSinglePoint(high))
    throw new PatternError(start, "a range that ends in a class of characters; put the `-` first or last for the character");
  const [lo = 0] = low;
  const [hi = 0] = high;
  if (hi < lo) throw new PatternError(start, "the range ends before it begins; swap its ends");
  return [lo, hi];
}

const isSinglePoint = (ranges: Ranges): boolean => ranges.length === 2 && ranges[0] === ranges[1];

/** Reads a `[:name:]`. If no such class follows, consumes nothing and returns undefined. */
function readNamedClass(r: Reader): Ranges | undefined {
  const start = r.offset;
  if (!accept(r, "[:")) return undefined;
  const negated = accept(r, "^");
  const from = r.offset;
  while (isWord(peek(r))) r.offset += 1;
  const ranges = NAMED_CLASSES.get(r.source.slice(from, r.offset));
  if (!accept(r, ":]")) {
    r.offset = start;
    return undefined;
  }
  if (ranges === undefined) throw new PatternError(start, `no such class; there are ${[...NAMED_CLASSES.keys()].join(", ")}`);
  return negated ? complement(ranges) : ranges;
}

function readClassPoint(r: Reader): Ranges {
  if (peek(r) === "\\") return readEscape(r);
  const point = takePoint(r);
  return [point, point];
}

const CONTROLS: ReadonlyMap<string, number> = new Map([
  ["a", 7],
  ["t", 9],
  ["n", 10],
  ["v", 11],
  ["f", 12],
  ["r", 13],
]);

const CLASSES: ReadonlyMap<string, Ranges> = new Map([
  ["d", DIGIT],
  ["D", complement(DIGIT)],
  ["s", SPACE],
  ["S", complement(SPACE)],
  ["w", WORD],
  ["W", complement(WORD)],
]);

/** Reads an escape and returns the characters that it matches. The reader is at its backslash. */
function readEscape(r: Reader): Ranges {
  const start = r.offset;
  r.offset += 1;
  if (r.offset >= r.source.length) throw new PatternError(start, "a backslash at the end; write `\\\\` for the character");
  const point = takePoint(r);
  const character = String.fromCodePoint(point);
  const ranges = CLASSES.get(character);
  if (ranges !== undefined) return ranges;
  const control = CONTROLS.get(character);
  if (control !== undefined) return [control, control];
  if (character === "x") return readHex(r, start);
  if (character === "_" || (point < 0x80 && !isWord(character))) return [point, point];
  if (character === "0") throw new PatternError(start, "there are no octal numbers; write `\\x` and two hexadecimal digits");
  if (isDigit(character))
    throw new PatternError(start, "a backreference cannot be matched in linear time; for a character by its number write `\\x{…}`");
  if (character === "p" || character === "P")
    throw new PatternError(start, "there are no Unicode classes; write the ranges of code points, as in `[\\x{400}-\\x{4FF}]`");
  throw new PatternError(
    start,
    `\`\\${character}\` means nothing; write a character that is no ASCII letter or digit without the backslash`,
  );
}

const HEX = "0123456789abcdefABCDEF";

/** Reads what follows `\x`: two hexadecimal digits, or any number of them in braces. */
function readHex(r: Reader, start: number): Ranges {
  const problem = (): PatternError => new PatternError(start, "`\\x` needs two hexadecimal digits, or a code point up to 10FFFF in braces");
  const braces = accept(r, "{");
  const from = r.offset;
  while (peek(r) !== "" && HEX.includes(peek(r)) && (braces || r.offset < from + 2)) r.offset += 1;
  const digits = r.source.slice(from, r.offset);
  if (braces ? digits === "" || !accept(r, "}") : digits.length < 2) throw problem();
  const point = Number.parseInt(digits, 16);
  if (point > MAX_CODE_POINT) throw problem();
  return [point, point];
}
