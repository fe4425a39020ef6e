/** Runs the snippets of the README. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { boruna, temporaryFolder } from "../cli/boruna.ts";
import { blocksOf, words } from "./console-blocks.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const README = readFileSync(join(ROOT, "README.md"), "utf8");
const blocks = blocksOf(README);
const folder = temporaryFolder();

for (const { text } of blocks.filter((b) => b.language === "ax")) {
  const name = /^\/\/ (\S+\.ax)\n/.exec(text)?.[1];
  if (name !== undefined) writeFileSync(join(folder, name), text);
}

describe("README", () => {
  test.each(blocks.filter((b) => b.language === "console").map((b) => b.text.trimEnd().split("\n")))("%s", async (line, ...output) => {
    const ended = await boruna(words(line.replace(/^\$ boruna /, "")), { cwd: folder });
    expect(`${ended.stdout}${ended.stderr}`).toContain(output.join("\n"));
  });

  test("the embedding snippet", () => {
    mkdirSync(join(folder, "node_modules"), { recursive: true });
    symlinkSync(ROOT, join(folder, "node_modules", "boruna"));
    const text = blocks.find((b) => b.language === "ts")?.text ?? "";
    writeFileSync(join(folder, "embed.mjs"), text);
    const ended = spawnSync(process.execPath, ["embed.mjs"], { cwd: folder, encoding: "utf8" });
    expect(ended).toMatchObject({ status: 0, stdout: `${/console\.log\(.*\); \/\/ (.*)/.exec(text)?.[1] ?? ""}\n`, stderr: "" });
  });

  const commands = [...README.matchAll(/`cd (\S+) && boruna (.*?)`/g)].map(([, where = "", line = ""]) => [where, line] as const);
  test.each(commands)("in %s: boruna %s", async (where, line) => {
    const ended = await boruna(words(line), { cwd: join(ROOT, where) });
    expect(ended.code).toBe(where === "examples/refused" ? 3 : 0);
  });

  test("no link is broken", () => {
    const links = [...README.matchAll(/\]\(([^)]+)\)/g)].map(([, target = ""]) => target);
    expect(links.filter((target) => !existsSync(join(ROOT, target.split("#")[0] ?? "")))).toEqual([]);
    expect(commands.length).toBe(4);
  });
});
