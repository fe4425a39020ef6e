import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "./imports.ts";

const FOLDER = join(ROOT, "docs", "internals", "adr");

/** The row of a decision's page, from its title and its status line. */
function rowOf(file: string): string | undefined {
  const text = readFileSync(join(FOLDER, file), "utf8");
  const [, number = "", title = ""] = /^# (\d{3}): (.+)\n/.exec(text) ?? [];
  const [, status = "", date = ""] = /\n\nStatus: (accepted|amended|replaced), (\d{4}-\d\d-\d\d)/.exec(text) ?? [];
  return number === "" || date === "" ? undefined : `| ${number} | [${title}](${file}) | ${status} | ${date} |`;
}

test("the index lists every decision with its title, status and date", () => {
  const files = readdirSync(FOLDER).filter((name) => name !== "README.md");
  const rows = readFileSync(join(FOLDER, "README.md"), "utf8")
    .split("\n")
    .filter((line) => /^\| \d/.test(line));
  expect(rows).toEqual(files.toSorted().map(rowOf));
});

test.each(["docs/internals/architecture.md", "CONTRIBUTING.md"])(
  "every source file that %s names exists, and so do the functions",
  (page) => {
    const text = readFileSync(join(ROOT, page), "utf8");
    const paths = [...text.matchAll(/`((?:\w[\w-]*\/)+[\w.-]+\.ts)`/g)].map(([, path = ""]) => path);
    expect(paths.length).toBeGreaterThan(5);
    expect(paths.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
    // "`name` in `path`", where the name may be a method: `Gateway.#authorize`.
    const named = [...text.matchAll(/`(?:\w+\.)?(#?\w+)`(?: and `\w+`)? (?:in|\() ?`((?:\w[\w-]*\/)+[\w.-]+\.ts)`/g)];
    const isDefined = ([, name = "", path = ""]: readonly string[]): boolean => readFileSync(join(ROOT, path), "utf8").includes(name);
    expect(named.filter((match) => !isDefined(match)).map(([whole]) => whole)).toEqual([]);
  },
);
