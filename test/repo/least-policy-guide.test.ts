/** Runs the page `docs/guide/least-policy.md` from top to bottom, in a copy of its example. */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna, EXAMPLES } from "../cli/boruna.ts";
import { blocksOf, words } from "./console-blocks.ts";
import { ROOT } from "./imports.ts";

const PAGE = readFileSync(join(ROOT, "docs/guide/least-policy.md"), "utf8");
const EXAMPLE = join(EXAMPLES, "sales-totals");

test("docs/guide/least-policy.md", async () => {
  const folder = temporaryFolder();
  cpSync(EXAMPLE, folder, { recursive: true });
  for (const { language, text, line } of blocksOf(PAGE)) {
    if (language === "sh") continue;
    if (language === "console") {
      const [command = "", ...output] = text.trimEnd().split("\n");
      const [, code = "0"] = /^\(exit code ([0-9]+)\)$/.exec(output.at(-1) ?? "") ?? [];
      const expected = output.filter((part) => !part.startsWith("(exit code "));
      const ended = await boruna(words(command.replace(/^\$ boruna /, "")), { cwd: folder });
      const printed = `${ended.stdout}${ended.stderr}`;
      // Between the value and the messages of a run stands where it was recorded.
      expect(printed.replace(/^recorded: .*\n/m, ""), `line ${line}: ${command}`).toContain(expected.join("\n"));
      expect(ended.code, `line ${line}: ${command}`).toBe(Number(code));
    } else {
      const name = /^\/\/ (\S+)\n/.exec(text)?.[1] ?? "";
      expect(name, `line ${line}: the first line names the file`).not.toBe("");
      writeFileSync(join(folder, name), text);
    }
  }
});

test("the files of the example are those of the page", () => {
  const blocks = blocksOf(PAGE).map(({ text }) => text);
  for (const name of ["scopes.jsonc", "policy.jsonc"]) expect(blocks).toContain(readFileSync(join(EXAMPLE, name), "utf8"));
  const [, ...code] = readFileSync(join(EXAMPLE, "totals.ax"), "utf8").split("\n");
  expect(blocks).toContain(["// totals.ax", ...code.slice(1)].join("\n"));
});
