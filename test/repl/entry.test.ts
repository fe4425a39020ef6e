/** Entries of a session: any text can be read, and offsets in an entry and in the draft map to each other. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SessionProgram, type EntryText } from "../../repl/draft.ts";
import { readEntry } from "../../repl/entry.ts";
import { scaledRuns } from "../cases.ts";

const WORDS = [
  "fn",
  "f",
  "main",
  "(",
  ")",
  "{",
  "}",
  "[",
  "]",
  "let",
  "x",
  "=",
  "1",
  "+",
  "-",
  ";",
  '"a"',
  'f"{',
  '}"',
  '"""',
  "\n",
  "//",
  "type",
  "T",
  "import",
  "test",
  "match",
  "=>",
  "if",
  "else",
  "module",
  "record",
  "export",
  "é",
  "\u{1F600}",
];
const texts = fc.array(fc.constantFrom(...WORDS), { maxLength: 14 }).map((words) => words.join(" "));

test("any text is items, statements, nothing, or wrong with diagnostics", () => {
  fc.assert(
    fc.property(texts, (text) => {
      const read = readEntry({ name: "entry", text });
      if (read.kind === "wrong") expect(read.diagnostics.length).toBeGreaterThan(0);
      if (read.kind === "statements" && read.valueSpan !== undefined)
        expect(text.slice(read.valueSpan.start, read.valueSpan.end).trim()).not.toBe("");
    }),
    { numRuns: scaledRuns(20_000) },
  );
});

test("each character of an entry is at its offset in the draft, which maps back to the entry", () => {
  fc.assert(
    fc.property(texts, texts, (first, second) => {
      const entries: readonly EntryText[] = [
        { name: "a", text: first },
        { name: "b", text: second },
      ];
      const draft = new SessionProgram();
      const [a, b] = entries;
      if (a === undefined || b === undefined) return;
      draft.addEntry(a);
      draft.addGenerated("\nfn main() {\n");
      draft.addStatements(b);
      draft.addGenerated("\n}\n");
      for (const entry of entries)
        for (let k = 0; k < entry.text.length; k++) {
          const offset = draft.offsetOf(entry, k);
          if (offset === undefined) throw new Error("an offset has no place");
          expect(draft.text.charAt(offset)).toBe(entry.text.charAt(k));
          expect(draft.entryAt({ start: offset, end: offset + 1 })).toMatchObject({ entry, span: { start: k } });
        }
    }),
    { numRuns: scaledRuns(1_000) },
  );
});

describe("what is missing", () => {
  test.each([
    ["fn f() {", "bracket"],
    ["list.map(", "bracket"],
    ['"""\n    a', "bracket"],
    ["1 +", "more"],
    ["let x =", "more"],
    ["fn f() -> Int", "more"],
    ["1 + 2", "nothing"],
    ["let let", "nothing"],
    ["1 )", "nothing"],
    ["}", "nothing"],
    ["fn(n: Int) { n }", "nothing"],
  ])("%j: %s", (text, missing) => {
    const read = readEntry({ name: "entry", text });
    expect(read.kind === "wrong" ? read.missing : "nothing").toBe(missing);
  });
});
