/** Reads of `string.chars` and `string.codepoints`, for which compiled code makes no list. */
import { describe, expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { textListsOf } from "../../../vm/compiled/text-lists.ts";
import { countsOf, sameOnBoth } from "../engines.ts";

const programOf = (source: string): Program =>
  verifyModule(compile({ name: "texts.ax", text: `${source}\nfn main() -> String { string.inspect(made()) }` }).module);

/** Returns how many lists each function of a program has for which compiled code can use the text. */
const listsOf = (program: Program): readonly number[] => program.functions.map((fn) => textListsOf(program, fn).length);

const PROGRAMS: readonly (readonly [name: string, lists: number, source: string, value: string])[] = [
  [
    "loops and indices, also for characters of two code units",
    4,
    `fn count(text: String) -> Int {
    let mut vowels = 0
    for c in string.chars(text) { if c == "a" || c == "é" || c == "😀" { vowels += 1 } }
    vowels
}
fn sum(text: String) -> Int {
    let codes = string.codepoints(text)
    let mut total = 0
    let mut i = 0
    while i < list.len(codes) {
        total += codes[i] * (i + 1)
        i += 1
    }
    for code in codes { total += code }
    total
}
fn is_palindrome(text: String) -> Bool {
    let letters = string.chars(text)
    let last = list.len(letters) - 1
    for i in 0..last { if letters[i] != letters[last - i] { return false } }
    true
}
fn places(text: String) -> String {
    let mut found = ""
    for (i, c) in list.enumerate(string.chars(text)) { if c == "a" { found ++= f"{i}{c}" } }
    found
}
fn made() -> List<(Int, Int, Bool, String)> {
    list.map(["", "a", "banana", "aéa", "a😀éa", "anna and otto have had a banana, and 😀 had another"], fn(text) {
        (count(text), sum(text), is_palindrome(text), places(text))
    })
}`,
    '[(0, 0, true, ""), (1, 194, true, "0a"), (3, 2751, false, "1a3a5a"), (3, 1281, true, "0a2a"), (4, 387147, false, "0a3a"), (13, 5125465, false, "0a3a5a15a20a23a26a28a30a33a40a43a")]',
  ],
  [
    "a list that is used in another way",
    0,
    `fn kept(text: String) -> List<String> {
    let letters = string.chars(text)
    if list.len(letters) > 2 && letters[0] == "x" { return [letters[1]] }
    letters
}
fn changed(text: String) -> List<Int> {
    let mut codes = string.codepoints(text)
    codes[0] = codes[1]
    codes
}
fn either(text: String) -> String {
    let mut letters = string.chars(text)
    if list.len(letters) > 3 { letters = ["z"] }
    letters[0]
}
fn passed(text: String) -> Int {
    let letters = string.chars(text)
    let all = letters
    list.count(all, fn(c) { c == "a" }) + list.len(letters)
}
fn made() -> List<(List<String>, List<Int>, String, Int)> {
    list.map(["xa", "xab", "aaaa"], fn(text) { (kept(text), changed(text), either(text), passed(text)) })
}`,
    '[(["x", "a"], [97, 97], "x", 3), (["a"], [97, 97, 98], "x", 4), (["a", "a", "a", "a"], [97, 97, 97, 97], "z", 8)]',
  ],
  [
    "a list for each turn of a loop",
    2,
    `fn longest(texts: List<String>) -> String {
    let mut best = ""
    for text in texts {
        let letters = string.chars(text)
        let codes = string.codepoints(text)
        let mut run = 1
        while run < list.len(letters) && letters[run] == letters[0] && codes[run] == codes[0] { run += 1 }
        if run > string.len(best) { best = string.repeat(letters[0], run) }
    }
    best
}
fn made() -> String { longest(["a", "aab", "bbbb", "ccccc", "😀"]) }`,
    '"ccccc"',
  ],
];

describe.each(PROGRAMS)("%s", (_, lists, source, value) => {
  const program = programOf(source);

  test("the lists are found", () => {
    expect(listsOf(program).reduce((sum, count) => sum + count)).toBe(lists);
  });

  test("both engines do the same at every limit", () => {
    const whole = sameOnBoth(program);
    expect(whole.end).toContain(value.replaceAll('"', '\\"'));
    for (let steps = 1; steps < whole.steps; steps += 1 + Math.floor(whole.steps / 60))
      sameOnBoth(program, { limits: { max_steps: steps } });
    for (let bytes = 1; bytes < whole.allocBytes; bytes += 1 + Math.floor(whole.allocBytes / 60))
      sameOnBoth(program, { limits: { max_alloc_bytes: bytes } });
  });
});

test.each(["-1", "3", "9223372036854775807"])("the element at index %s is a trap on both engines", (index) => {
  const program = programOf(`fn at(text: String, i: Int) -> String {
    let letters = string.chars(text)
    letters[i]
}
fn made() -> String { at("abc", 2) ++ at("abc", ${index}) }`);
  expect(sameOnBoth(program, {}).end).toContain("index out of bounds");
  expect(countsOf(program).entered).toBeGreaterThan(0);
});

test("a loop that is entered in the middle has a list", () => {
  const program = programOf(`fn made() -> (Int, Int) {
    let codes = string.codepoints(string.repeat("abc", 2000))
    let mut sum = 0
    for (i, c) in list.enumerate(codes) { sum += i * c }
    let mut other = 0
    for c in string.chars(string.repeat("xy", 2000)) { if c == "x" { other += 1 } }
    (sum + list.len(codes), other)
}`);
  expect(listsOf(program)).toContain(2);
  expect(sameOnBoth(program, {}, "auto").end).toContain("value");
  const { entered, deoptimized } = countsOf(program, "auto");
  expect(entered).toBeGreaterThan(0);
  expect(deoptimized).toBe(0);
});
