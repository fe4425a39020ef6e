import { readdirSync, readFileSync } from "node:fs";
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
