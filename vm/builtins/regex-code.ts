/** The native builtins of the module `regex`; the matcher is in `vm/regex/`. */
import { BYTES, MAX_STRING_UNITS, stringCharge, UNITS } from "../cost.ts";
import { ListValue } from "../value/list.ts";
import { MachineTrap, type Meter, WorkMeter } from "../meter.ts";
import { compilePattern } from "../regex/compile.ts";
import { createMatcher, eachMatch, forgetStates, type Matcher, occurs } from "../regex/match.ts";
import { parsePattern, type PatternProblem } from "../regex/parse.ts";
import { ErrValue, NONE, OkValue, SomeValue, UNIT, type Value } from "../value/value.ts";
import { type BuiltinCode, code, expectString } from "./code.ts";

/** A pattern that is ready for searching. */
interface Search {
  readonly pattern: string;
  readonly withGroups: boolean;
  readonly matcher: Matcher;
  /** The start and end of the match, followed by the start and end of each capturing group. */
  readonly slots: Int32Array;
}

/** The search that was used last. Results and charges do not depend on this variable or on the cache. */
let latest: Search | undefined;
/** The searches that were used before `latest`, in the order of use. */
const cache = new Map<string, Search>();
const CACHE_SIZE = 16;

/** Returns the key of a search in the cache: the pattern with a prefix, which is `(` if groups are captured, otherwise a space. */
const keyOf = (pattern: string, withGroups: boolean): string => `${withGroups ? "(" : " "}${pattern}`;

const problemText = (problem: PatternProblem): string => `character ${problem.character}: ${problem.message}`;

/** Takes the search from the cache, or parses and compiles the pattern. Charges first for parsing, then for compiling and searching. */
function prepare(work: WorkMeter, name: string, source: string, pattern: string, withGroups: boolean = false): Search {
  work.add(pattern.length * UNITS.convertedCodeUnit);
  const cachedSearch = takeSearch(pattern, withGroups);
  if (cachedSearch !== undefined) {
    work.add(searchUnits(source, cachedSearch.matcher.program.code.length));
    return cachedSearch;
  }
  const parseResult = parsePattern(pattern, { withGroups });
  if ("message" in parseResult)
    throw new MachineTrap("invalid_value", `${name}: the pattern is wrong at ${problemText(parseResult)} (regex.check tests a pattern)`);
  work.add(searchUnits(source, parseResult.pattern.size + 1));
  const matcher = createMatcher(compilePattern(parseResult.pattern));
  return { pattern, withGroups, matcher, slots: new Int32Array(2 * (parseResult.groups + 1)) };
}

/** Removes the search for a pattern from the cache and returns it; undefined if it is not there. `putBack` puts the search back. */
function takeSearch(pattern: string, withGroups: boolean): Search | undefined {
  let search = latest;
  if (search?.pattern === pattern && search.withGroups === withGroups) latest = undefined;
  else {
    const key = keyOf(pattern, withGroups);
    search = cache.get(key);
    cache.delete(key);
  }
  return search;
}

/** Returns the units of work charged for a search: about the code units of the text times the instructions of the pattern's program. */
const searchUnits = (source: string, instructions: number): number =>
  (source.length * UNITS.codeUnit + UNITS.value) * (instructions + UNITS.value);

/** Puts a search back into the cache, as the latest. Drops its automaton's states if they take too much memory. */
function putBack(search: Search): void {
  forgetStates(search.matcher);
  if (latest !== undefined) {
    cache.set(keyOf(latest.pattern, latest.withGroups), latest);
    const [oldest] = cache.size > CACHE_SIZE ? cache.keys() : [];
    if (oldest !== undefined) cache.delete(oldest);
  }
  latest = search;
}

function matches(meter: Meter, source: string, pattern: string): Value {
  const search = prepare(new WorkMeter(meter), "regex.matches", source, pattern);
  const isMatch = occurs(search.matcher, source);
  putBack(search);
  return isMatch;
}

function findAll(meter: Meter, source: string, pattern: string): Value {
  const work = new WorkMeter(meter);
  const search = prepare(work, "regex.find_all", source, pattern);
  meter.allocateList(0);
  const matchTexts: string[] = [];
  eachMatch(search.matcher, source, (start, end) => {
    work.add(UNITS.value);
    meter.allocateList(matchTexts.length + 1, BYTES.slot + stringCharge(end - start));
    matchTexts.push(source.slice(start, end));
    return true;
  });
  putBack(search);
  return ListValue.of(matchTexts);
}

/** The maximum number of pieces that are collected before they are joined. An array of more pieces would take more memory than the text. */
const MAX_PIECES = 8_192;

function replaceAll(meter: Meter, source: string, pattern: string, replacement: string): Value {
  const work = new WorkMeter(meter);
  const search = prepare(work, "regex.replace_all", source, pattern);
  meter.allocateString(0);
  let units = 0;
  let done = "";
  let pieces: string[] = [];
  const add = (piece: string): void => {
    units += piece.length;
    work.add(piece.length * UNITS.codeUnit);
    if (units > MAX_STRING_UNITS) throw new MachineTrap("alloc_limit", `a String of more than ${MAX_STRING_UNITS} code units`);
    meter.allocate(piece.length * BYTES.codeUnit);
    pieces.push(piece);
    if (pieces.length < MAX_PIECES) return;
    done += pieces.join("");
    pieces = [];
  };
  let from = 0;
  eachMatch(search.matcher, source, (start, end) => {
    work.add(UNITS.value);
    add(source.slice(from, start));
    add(replacement);
    from = end;
    return true;
  });
  add(source.slice(from));
  putBack(search);
  return done + pieces.join("");
}

/** Calls `onMatch` with each match and its groups, until it returns false. */
function eachCapture(meter: Meter, name: string, source: string, pattern: string, onMatch: (match: ListValue) => boolean): void {
  const work = new WorkMeter(meter);
  const search = prepare(work, name, source, pattern, true);
  const { slots } = search;
  slots.fill(-1);
  eachMatch(
    search.matcher,
    source,
    (start, end) => {
      slots[0] = start;
      slots[1] = end;
      meter.allocateList(slots.length / 2);
      const groupTexts: string[] = [];
      for (let i = 0; i < slots.length; i += 2) {
        const from = slots[i] ?? -1;
        const to = from < 0 ? from : (slots[i + 1] ?? from);
        work.add(UNITS.value);
        meter.allocateString(to - from);
        groupTexts.push(from < 0 ? "" : source.slice(from, to));
      }
      slots.fill(-1);
      return onMatch(ListValue.of(groupTexts));
    },
    slots,
  );
  putBack(search);
}

function captures(meter: Meter, source: string, pattern: string): Value {
  let found: ListValue | undefined;
  eachCapture(meter, "regex.captures", source, pattern, (match) => {
    found = match;
    return false;
  });
  if (found === undefined) return NONE;
  meter.allocate(BYTES.wrapper);
  return new SomeValue(found);
}

function capturesAll(meter: Meter, source: string, pattern: string): Value {
  const found: ListValue[] = [];
  eachCapture(meter, "regex.captures_all", source, pattern, (match) => {
    meter.allocateList(found.length + 1, BYTES.slot);
    found.push(match);
    return true;
  });
  return ListValue.of(found);
}

function check(meter: Meter, pattern: string): Value {
  meter.charge(pattern.length * UNITS.convertedCodeUnit);
  meter.allocate(BYTES.wrapper);
  // The pattern is parsed with groups, which is the strictest check. If it is valid, it is valid for every regex builtin.
  const parseResult = parsePattern(pattern, { withGroups: true });
  if (!("message" in parseResult)) return new OkValue(UNIT);
  const problem = problemText(parseResult);
  meter.allocateString(problem.length);
  return new ErrValue(problem);
}

export const REGEX_CODE: readonly (readonly [string, BuiltinCode])[] = [
  ["regex.matches", code(2, (meter, a, b) => matches(meter, expectString(a), expectString(b)))],
  ["regex.find_all", code(2, (meter, a, b) => findAll(meter, expectString(a), expectString(b)))],
  ["regex.replace_all", code(3, (meter, a, b, c) => replaceAll(meter, expectString(a), expectString(b), expectString(c)))],
  ["regex.captures", code(2, (meter, a, b) => captures(meter, expectString(a), expectString(b)))],
  ["regex.captures_all", code(2, (meter, a, b) => capturesAll(meter, expectString(a), expectString(b)))],
  ["regex.check", code(1, (meter, a) => check(meter, expectString(a)))],
];
