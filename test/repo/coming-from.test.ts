/** Every code in the last column of the tables of `docs/guide/coming-from.md` compiles, among the declarations that the page names. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { resolve } from "../outcome.ts";

const PAGE = readFileSync(new URL("../../docs/guide/coming-from.md", import.meta.url), "utf8");

interface Cell {
  /** The line of the row, from 1. */
  readonly line: number;
  readonly code: string;
}

/** The code spans in the last column of every table that has a column for each language. */
const cells: readonly Cell[] = PAGE.split("\n").flatMap((row, i) => {
  const columns = row.split(/(?<!\\)\|/);
  const isRow = columns.length === 6 && !/^ (?:Python|-)/.test(columns[1] ?? "");
  const spans = isRow ? [...(columns[4] ?? "").matchAll(/`([^`]+)`/g)] : [];
  return spans.map(({ 1: code = "" }) => ({ line: i + 1, code: code.replaceAll("\\|", "|") }));
});

const isItem = (code: string): boolean => /^(?:fn \w+[<(]|type|enum|import|test)/.test(code);

/** Returns a program with the code as an item, or as a statement among the variables of the page. */
function programWith(code: string): string {
  const [item, statement] = isItem(code) ? [code, ""] : ["", code];
  return `${item}
type Point { x: Int, y: Int }
fn main(
    n: Int, x: Float, s: String, xs: List<Int>, names: List<String>, m: Map<String, Int>, o: Option<Int>, r: Result<Int, String>,
    p: Point,
) -> Result<Int, String> !{fs.read, net.fetch, random, time.now} {
    let mut total = 0
    ${statement}
    Ok(total)
}
`;
}

describe("docs/guide/coming-from.md", () => {
  test("has a cell for most rows", () => expect(cells.length).toBeGreaterThan(70));

  test.each(cells)("line $line: $code", ({ code }) => {
    const { diagnostics } = check({ name: "main.ax", text: programWith(code) }, { resolve });
    expect(diagnostics.filter((d) => d.severity === "error").map((d) => d.message)).toEqual([]);
  });

  test("a wrong cell is found", () => {
    const { diagnostics } = check({ name: "main.ax", text: programWith("xs.length") }, { resolve });
    expect(diagnostics.some((d) => d.severity === "error")).toBe(true);
  });
});
