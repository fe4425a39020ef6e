/** The regex engine: syntax, results compared with RegExp and with a simple backtracking matcher, hostile patterns. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compilePattern, EDGE, assertionHolds, MATCH, type RegexProgram } from "../../../vm/regex/compile.ts";
import { createMatcher, eachMatch, type Matcher, occurs } from "../../../vm/regex/match.ts";
import type { Pattern } from "../../../vm/regex/pattern.ts";
import { parsePattern, REGEX_LIMITS } from "../../../vm/regex/parse.ts";
import { scaledRuns } from "../../cases.ts";

function matcher(pattern: string, withGroups: boolean = false): Matcher {
  const parsed = parsePattern(pattern, { withGroups });
  if ("message" in parsed) throw new Error(`${pattern}: ${parsed.character}: ${parsed.message}`);
  const program = compilePattern(parsed.pattern);
  expect(program.code).toHaveLength(parsed.pattern.size + 1);
  return createMatcher(program);
}

function spans(m: Matcher, text: string): string[] {
  const found: string[] = [];
  eachMatch(m, text, (start, end) => found.push(`${start}-${end}`) > 0);
  expect(occurs(m, text)).toBe(found.length > 0);
  return found;
}

function findAll(pattern: string, text: string): string[] {
  return spans(matcher(pattern), text).map((span) => text.slice(...span.split("-").map(Number)));
}

/** `character: message`, or "" for a valid pattern. */
function problem(pattern: string): string {
  const parsed = parsePattern(pattern);
  return "message" in parsed ? `${parsed.character}: ${parsed.message}` : "";
}

describe("finds", () => {
  test.each<[pattern: string, text: string, found: string[]]>([
    ["a+|b", "caaab", ["aaa", "b"]],
    ["a|ab", "ab", ["a"]],
    ["ab|a", "ab", ["ab"]],
    [".", "a😀\nb", ["a", "😀", "b"]],
    ["(?s).", "a\n", ["a", "\n"]],
    ["[^a]", "a😀é", ["😀", "é"]],
    ["[\\x{1F600}-\\x{1F64F}]+", "x😀😁y", ["😀😁"]],
    ["\\x41\\x{42}", "AB", ["AB"]],
    ["a{2,3}", "aaaaa", ["aaa", "aa"]],
    ["a{2,3}?", "aaaaa", ["aa", "aa"]],
    ["a{2}", "aaaaa", ["aa", "aa"]],
    ["a{2,}", "aaaaa", ["aaaaa"]],
    ["(?U)a+", "aa", ["a", "a"]],
    ["(?U)a+?", "aa", ["aa"]],
    ["^a", "aa\na", ["a"]],
    ["(?m)^a$", "a\na\nba", ["a", "a"]],
    ["a$", "a\na", ["a"]],
    ["\\Aa|a\\z", "aaa", ["a", "a"]],
    ["\\bfoo\\b", "foo foobar foo", ["foo", "foo"]],
    ["\\Boo", "foo oo", ["oo"]],
    ["(?i)hel{2}o", "hello HELLO", ["hello", "HELLO"]],
    ["(?i)[^k]", "kK\u212a", ["\u212a"]],
    ["a(?i)b|c", "aB C ab", ["aB", "C", "ab"]],
    ["(?i:a)b", "Ab AB", ["Ab"]],
    ["(?i)a(?-i:b)", "Ab AB", ["Ab"]],
    ["(?P<x>a)(?<y>b)(?:c)", "abc", ["abc"]],
    ["[]a]+", "a]", ["a]"]],
    ["[a-]+", "a-b", ["a-"]],
    ["[\\w-.]+", "a-b.c d", ["a-b.c", "d"]],
    ["[[:upper:][:digit:]]+", "aB1c", ["B1"]],
    ["[[:^alpha:]]+", "a12b", ["12"]],
    ["[[:]+", "[:", ["[:"]],
    ["[^\\D5]+", "1256", ["12", "6"]],
    ["[\\]\\\\]+", "a]\\", ["]\\"]],
    ["[^\\x00-\\x{10FFFF}]", "abc", []],
    ["a{,2}b{x}{", "a{,2}b{x}{", ["a{,2}b{x}{"]],
    ["\\a\\f\\t\\n\\r\\v", "\u0007\f\t\n\r\v", ["\u0007\f\t\n\r\v"]],
    ['\\.\\*\\_\\-\\ \\"', '.*_- "', ['.*_- "']],
    ["\\s+", "a \t\n\f\r\v\u00a0b", [" \t\n\f\r"]],
    ["\\w+", "aé_1", ["a", "_1"]],
    ["", "ab", ["", "", ""]],
    ["()|a", "a", ["", ""]],
    ["a*", "baac", ["", "aa", ""]],
    ["a*", "😀", ["", ""]],
    ["a*?", "aa", ["", "", ""]],
    ["(|a)*", "aa", ["", "", ""]],
    ["(|a)+", "aa", ["", "", ""]],
    ["(a|)+", "aab", ["aa", ""]],
    ["(a*)*", "aab", ["aa", ""]],
    ["(a*)+", "b", ["", ""]],
    ["(a?){3}", "aaaa", ["aaa", "a"]],
    ["(^)*a", "aa", ["a", "a"]],
    ["a{0}b", "ab", ["b"]],
  ])("%j in %j", (pattern, text, found) => {
    expect(findAll(pattern, text)).toEqual(found);
  });
});

test.each<[pattern: string, problem: string]>([
  ["a(b", "2: `(` without `)`; close the group, or write `\\(` for the character"],
  ["😀b)", "3: `)` without `(`; write `\\)` for the character"],
  ["*a", "1: `*` has nothing to repeat before it; write `\\*` for the character"],
  ["a|+", "3: `+` has nothing to repeat before it; write `\\+` for the character"],
  ["(?i)?", "5: `?` has nothing to repeat before it; write `\\?` for the character"],
  ["a**", "3: `*` repeats a repetition; put what stands before it in a group"],
  ["a*+", "3: `+` repeats a repetition; put what stands before it in a group"],
  ["a{2}{3}", "5: `{3}` repeats a repetition; put what stands before it in a group"],
  ["a{3,2}", "2: the counts are in the wrong order; write the smaller one first"],
  ["a{1001}", "2: a count above 1000; use a smaller one, or `*` for any number"],
  ["a{99999999999999999999,}", "2: a count above 1000; use a smaller one, or `*` for any number"],
  ["[a", "1: `[` without `]`; close the class, or write `\\[` for the character"],
  ["[]", "1: `[` without `]`; close the class, or write `\\[` for the character"],
  ["[a-", "1: `[` without `]`; close the class, or write `\\[` for the character"],
  ["x[z-a]", "3: the range ends before it begins; swap its ends"],
  ["[a-\\d]", "2: a range that ends in a class of characters; put the `-` first or last for the character"],
  [
    "[[:foo:]]",
    "2: no such class; there are alnum, alpha, ascii, blank, cntrl, digit, graph, lower, print, punct, space, upper, word, xdigit",
  ],
  ["a(?=b)", "2: looking ahead or behind cannot be done in linear time; match the surroundings too and cut them off"],
  ["(?<!b)", "1: looking ahead or behind cannot be done in linear time; match the surroundings too and cut them off"],
  ["(?x)a", "1: after `(?` there must be `:`, `P<name>`, or flags of i, m, s and U, as in `(?i)` or `(?i-s:…)`"],
  ["(?i", "1: after `(?` there must be `:`, `P<name>`, or flags of i, m, s and U, as in `(?i)` or `(?i-s:…)`"],
  ["(?<a-b>c)", "1: a group's name is ASCII letters, digits and `_`, and ends with `>`"],
  ["(a)\\1", "4: a backreference cannot be matched in linear time; for a character by its number write `\\x{…}`"],
  ["\\012", "1: there are no octal numbers; write `\\x` and two hexadecimal digits"],
  ["\\pL", "1: there are no Unicode classes; write the ranges of code points, as in `[\\x{400}-\\x{4FF}]`"],
  ["\\q", "1: `\\q` means nothing; write a character that is no ASCII letter or digit without the backslash"],
  ["\\é", "1: `\\é` means nothing; write a character that is no ASCII letter or digit without the backslash"],
  ["a\\", "2: a backslash at the end; write `\\\\` for the character"],
  ["\\x4", "1: `\\x` needs two hexadecimal digits, or a code point up to 10FFFF in braces"],
  ["\\x{110000}", "1: `\\x` needs two hexadecimal digits, or a code point up to 10FFFF in braces"],
  ["\\x{}", "1: `\\x` needs two hexadecimal digits, or a code point up to 10FFFF in braces"],
])("%j is wrong", (pattern, wanted) => {
  expect(problem(pattern)).toBe(wanted);
});

describe("limits", () => {
  const { units, nesting, repeats, instructions } = REGEX_LIMITS;
  const over = "10000 instructions with every repetition written out";

  test("just under and just over", () => {
    expect(problem(`[${"a".repeat(units - 2)}]`)).toBe("");
    expect(problem(`[${"a".repeat(units - 1)}]`)).toContain("longer than");
    expect(problem(`${"(".repeat(nesting)}a${")".repeat(nesting)}`)).toBe("");
    expect(problem(`${"(".repeat(nesting + 1)}a${")".repeat(nesting + 1)}`)).toContain("nested deeper");
    expect(problem(`a{${repeats}}`)).toBe("");
    expect(problem(`a{${repeats + 1}}`)).toContain("a count above");
    expect(problem("a".repeat(instructions - 1))).toBe("");
    expect(problem("a".repeat(instructions))).toContain(over);
  });

  test.each([
    ["(a{1000}){1000}", over],
    ["((a{100}){100}){100}", over],
    [`${"(".repeat(100)}a${"{1000})".repeat(100)}`, over],
    [`${"(".repeat(150)}a?${"){2,}".repeat(150)}`, over],
    [`x${"(".repeat(60_000)}`, "nested deeper"],
    [`${"(?:".repeat(20_000)}`, "nested deeper"],
    [`${"|a".repeat(20_000)}`, over],
  ])("%# is refused at once", (pattern, wanted) => {
    expect(problem(pattern)).toContain(wanted);
  });

  test.each([
    ["empty groups, repeated", `${"(".repeat(100)}${"{1000})".repeat(99)}`.replace("({", "(){")],
    ["many empty groups", "()".repeat(30_000)],
    ["many flags", "(?i)".repeat(16_000)],
    [
      "a class of many characters",
      `[${Array.from({ length: 60_000 }, (_, i) => String.fromCharCode(0x1000 + ((i * 7919) % 45_000))).join("")}]`,
    ],
    ["a long program of classes", Array.from({ length: 9_000 }, (_, i) => String.fromCodePoint(0x4e00 + i)).join("")],
  ])("%s: no harm", (_, pattern) => {
    findAll(pattern, "a中b".repeat(100));
  });
});

describe("takes linear time in the text", () => {
  const long = "a".repeat(200_000);

  test.each<[pattern: string, text: string, matches: number]>([
    ["(a+)+$", `${long}b`, 0],
    ["(a|a)*b", long, 0],
    ["(a*)*b", long, 0],
    ["(?:a?){30}a{30}", long, 3_333],
    ["(a|aa)+$", `${long}b`, 0],
    // Whether a match starts is known only at the end of the text.
    [".*x|a", long, 200_000],
    ["(.*)(.*)(.*)(.*)x", long, 0],
    ["(a{1,100}){1,40}b", long.slice(0, 2_000), 0],
  ])("%s", (pattern, text, count) => {
    expect(findAll(pattern, text)).toHaveLength(count);
  });

  test("blocks of the text and dropped states do not change the matches", () => {
    // The automaton of the reversed pattern has 2^16 states, more than are kept.
    const m = matcher("a[ab]{16}c|b😀?");
    let text = "";
    for (let i = 0, seed = 1; i < 100_000; i++) {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) | 0;
      text += ["a", "b", "b😀", "c"][(seed >>> 16) % 29 === 0 ? 3 : (seed >>> 16) % 3] ?? "";
    }
    const wanted = [...text.matchAll(/a[ab]{16}c|b\u{1F600}?/gu)].map((found) => `${found.index}-${found.index + found[0].length}`);
    expect(spans(m, text)).toEqual(wanted);
  });
});

/** Patterns with the same meaning for RegExp. Nothing that can be empty is repeated, since the two differ there. */
const NODE = fc.letrec<{ node: { source: string; nullable: boolean } }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc
      .constantFrom(
        "a",
        "b",
        "A",
        "é",
        "😀",
        ".",
        "[ab]",
        "[^a]",
        "[^b\\d]",
        "[a-z😀]",
        "\\d",
        "\\D",
        "\\w",
        "\\W",
        "\\s",
        "\\S",
        "\\x{62}",
      )
      .map((source) => ({ source, nullable: false })),
    fc.constantFrom("", "^", "$", "\\b", "\\B").map((source) => ({ source, nullable: true })),
    fc.array(tie("node"), { minLength: 2, maxLength: 4 }).map((nodes) => ({
      source: nodes.map((node) => node.source).join(""),
      nullable: nodes.every((node) => node.nullable),
    })),
    fc.array(tie("node"), { minLength: 2, maxLength: 3 }).map((nodes) => ({
      source: `(${nodes.map((node) => node.source).join("|")})`,
      nullable: nodes.some((node) => node.nullable),
    })),
    fc.tuple(tie("node"), fc.constantFrom("*", "+", "?", "*?", "+?", "??", "{2}", "{0,2}", "{1,2}?", "{2,}")).map(([node, times]) => ({
      source: `(?:${node.source})${times}`,
      nullable: node.nullable || /^[*?]|^\{0/.test(times),
    })),
  ),
}));
const ALPHABET = fc.constantFrom("a", "b", "A", "B", "1", "_", " ", "\n", "é", "😀", "\u{10ffff}");
const TEXT = fc.string({ unit: ALPHABET, maxLength: 12 });
const isLowSurrogate = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff;
const FLAGS = fc.subarray(["i", "m", "s"]).map((flags) => flags.join(""));

test("finds what RegExp finds", () => {
  const repeatsEmpty = (part: Pattern): boolean => {
    if (part.kind === "repeat") return part.part.nullable || repeatsEmpty(part.part);
    return part.kind === "sequence" || part.kind === "choice" ? part.parts.some(repeatsEmpty) : false;
  };
  fc.assert(
    fc.property(NODE.node, FLAGS, fc.array(TEXT, { minLength: 1, maxLength: 5 }), ({ source }, flags, texts) => {
      const parsed = parsePattern(source);
      fc.pre("pattern" in parsed && !repeatsEmpty(parsed.pattern));
      const m = matcher(flags === "" ? source : `(?${flags})${source}`);
      const host = new RegExp(source.replaceAll("\\x{62}", "b"), `gu${flags}`);
      for (const text of texts) {
        const wanted: string[] = [];
        let last = -1;
        for (const found of text.matchAll(host)) {
          const end = found.index + found[0].length;
          // RegExp also finds empty matches directly after other matches and inside surrogate pairs.
          if (end > last && !isLowSurrogate(text.charCodeAt(found.index))) wanted.push(`${found.index}-${end}`);
          last = end;
        }
        expect(spans(m, text)).toEqual(wanted);
      }
    }),
    { numRuns: scaledRuns(3_000) },
  );
});

/** Tries alternatives in the order of preference, and each instruction at most once per position. Returns the slots, those of the match first. */
function backtrack(program: RegexProgram, points: readonly string[], start: number): readonly number[] | undefined {
  const kindAt = (i: number): number => {
    const point = points[i]?.codePointAt(0);
    if (point === undefined) return EDGE;
    return program.classKinds[program.classStarts.findLastIndex((first) => first <= point)] ?? EDGE;
  };
  const tried = new Set<number>();
  const units = (count: number): number => points.slice(0, count).join("").length;
  const stack: (readonly [number, number, readonly number[]])[] = [[program.start, start, Array.from({ length: 20 }, () => -1)]];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    const [at, place, slots] = top;
    if (at === MATCH) return [units(start), units(place), ...slots.slice(2)];
    const key = at * (points.length + 1) + place;
    if (tried.has(key)) continue;
    tried.add(key);
    const instruction = program.code[at];
    const point = points[place]?.codePointAt(0);
    if (instruction?.op === "split") stack.push([instruction.second, place, slots], [instruction.first, place, slots]);
    if (instruction?.op === "mark") stack.push([instruction.next, place, slots.with(instruction.slot, units(place))]);
    if (instruction?.op === "assert" && assertionHolds(instruction.test, kindAt(place - 1), kindAt(place)))
      stack.push([instruction.next, place, slots]);
    if (instruction?.op !== "set" || point === undefined) continue;
    if (instruction.ranges.some((lo, i) => i % 2 === 0 && lo <= point && point <= (instruction.ranges[i + 1] ?? 0)))
      stack.push([instruction.next, place + 1, slots]);
  }
  return undefined;
}

test("finds what a backtracking matcher finds, groups included", () => {
  fc.assert(
    fc.property(NODE.node, FLAGS, fc.array(TEXT, { minLength: 1, maxLength: 5 }), ({ source }, flags, texts) => {
      fc.pre(source.replaceAll("(?", "").split("(").length <= 10);
      const pattern = flags === "" ? source : `(?${flags})${source}`;
      const plain = matcher(pattern);
      const m = matcher(pattern, true);
      for (const text of texts) {
        const points = Array.from(text);
        const wanted: (readonly number[])[] = [];
        let last = -1;
        for (let from = 0; from <= points.length; ) {
          const slots = backtrack(m.program, points, from);
          const [start = 0, end = -1] = slots ?? [];
          if (slots !== undefined && end > last) wanted.push(slots);
          if (slots !== undefined) last = end;
          from = end > start ? Array.from(text.slice(0, end)).length : from + 1;
        }
        expect(spans(plain, text)).toEqual(wanted.map(([start, end]) => `${start}-${end}`));
        const found: (readonly number[])[] = [];
        const slots = new Int32Array(20).fill(-1);
        eachMatch(
          m,
          text,
          (start, end) => {
            found.push([start, end, ...slots.subarray(2)]);
            slots.fill(-1);
            return true;
          },
          slots,
        );
        expect(found).toEqual(wanted);
      }
    }),
    { numRuns: scaledRuns(3_000) },
  );
});

test("any text is a pattern or has a problem at a position inside it", () => {
  const pieces = fc.constantFrom(
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "?",
    "*",
    "+",
    "|",
    "\\",
    "^",
    "$",
    "-",
    ":",
    ",",
    "1",
    "i",
    "P<",
    "[:",
    ":]",
    "x",
    "😀",
    ".",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), TEXT, (parts, text) => {
      const source = parts.join("");
      const parsed = parsePattern(source);
      if (!("message" in parsed)) {
        findAll(source, text);
        return;
      }
      expect(parsed.character).toBeGreaterThanOrEqual(1);
      expect(parsed.character).toBeLessThanOrEqual(Array.from(source).length + 1);
      expect(parsed.message).toMatch(/^[^A-Z]/);
    }),
    { numRuns: scaledRuns(2_000) },
  );
});
