/** Runs the examples of `docs/guide/logs.md` and `docs/guide/evidence.md` in their order. A `…` in a line matches any text. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { MAIN } from "../cli/boruna.ts";
import { ROOT } from "./imports.ts";

const PAGES = ["docs/guide/logs.md", "docs/guide/evidence.md"] as const;
const blocks = PAGES.flatMap((page) => [...readFileSync(join(ROOT, page), "utf8").matchAll(/```(\w+)\n([\s\S]*?)```/g)]).map(
  ([, language = "", text = ""]) => ({ language, text }),
);
const folder = temporaryFolder();
for (const { language, text } of blocks) {
  const name = /^\/\/ (\S+)\n/.exec(text)?.[1];
  if (language !== "console" && name !== undefined) writeFileSync(join(folder, name), text);
}

/** Each command with the output that the page shows below it. */
const examples = blocks
  .filter(({ language }) => language === "console")
  .flatMap(({ text }) => text.split(/^\$ /m).slice(1))
  .map((example) => {
    const [command = "", ...output] = example.trimEnd().split("\n");
    return { command, output };
  });

describe(PAGES.join(" and "), () => {
  test.each(examples)("$command", ({ command, output }) => {
    const { stdout } = spawnSync(
      "sh",
      ["-c", `boruna() { ${JSON.stringify(process.execPath)} ${JSON.stringify(MAIN)} "$@"; }; ${command}`],
      {
        cwd: folder,
        encoding: "utf8",
        env: { ...process.env, NO_COLOR: "1" },
      },
    );
    const printed = stdout.split("\n").slice(0, output.length);
    // In a line with `…`, only the parts around it are compared.
    const shown = printed.map((line, i) => {
      const parts = (output[i] ?? "").split("…");
      return parts.length > 1 && line.startsWith(parts[0] ?? "") && line.endsWith(parts.at(-1) ?? "") ? output[i] : line;
    });
    expect(shown).toEqual(output);
  });

  test("has an example of each part", () => {
    const commands = examples.map(({ command }) => command).join("\n");
    for (const part of ["log show", "--call", "diff", "--policy stricter", "--edit", "--program", "evidence pack", "--redact"])
      expect(commands).toContain(part);
  });
});
