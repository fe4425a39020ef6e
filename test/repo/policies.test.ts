/** Runs the page `docs/guide/policies.md` from top to bottom: its files are written, its commands print what the page says. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna } from "../cli/boruna.ts";
import { codeBlocksOf, wordsOf } from "./console-blocks.ts";
import { ROOT } from "./imports.ts";

const PAGE = readFileSync(join(ROOT, "docs/guide/policies.md"), "utf8");

test("docs/guide/policies.md", async () => {
  const folder = temporaryFolder();
  const languages: string[] = [];
  for (const { language, text, line } of codeBlocksOf(PAGE)) {
    languages.push(language);
    if (language === "console") {
      const [command = "", ...output] = text.trimEnd().split("\n");
      const [, code = "0"] = /^\(exit code ([0-9]+)\)$/.exec(output.at(-1) ?? "") ?? [];
      const expected = output.filter((part) => !part.startsWith("(exit code "));
      const ended = await boruna(wordsOf(command.replace(/^\$ boruna /, "")), { cwd: folder });
      const printed = `${ended.stdout}${ended.stderr}`.replace(/head [0-9a-f]{64}/g, "head …");
      expect(printed, `line ${line}: ${command}`).toContain(expected.join("\n"));
      expect(ended.code, `line ${line}: ${command}`).toBe(Number(code));
    } else {
      const name = /^\/\/ (\S+)\n/.exec(text)?.[1];
      expect(name, `line ${line}: the first line names the file`).toBeDefined();
      writeFileSync(join(folder, name ?? ""), text);
      if (name?.endsWith(".jsonc") !== true) continue;
      expect((await boruna(["policy", "validate", name], { cwd: folder })).code, `line ${line}`).toBe(0);
    }
  }
  expect(new Set(languages)).toEqual(new Set(["ax", "console", "jsonc"]));
  expect(languages.length).toBe([...PAGE.matchAll(/^```/gm)].length / 2);
});
