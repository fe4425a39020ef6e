/** Runs the snippets of the README, and the commands of docs/guide/examples.md. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna } from "../cli/boruna.ts";
import { blocksOf, words } from "./console-blocks.ts";
import { ROOT } from "./imports.ts";

const README = readFileSync(join(ROOT, "README.md"), "utf8");
const EXAMPLES = readFileSync(join(ROOT, "docs", "guide", "examples.md"), "utf8");
const blocks = blocksOf(README);
const folder = temporaryFolder();
/** What `npm start` leaves in the root of the repository. */
const logs = join(folder, "start");

describe("README", () => {
  beforeAll(() => {
    for (const { text } of blocks.filter((b) => b.language === "ax")) {
      const name = /^\/\/ (\S+\.ax)\n/.exec(text)?.[1];
      if (name !== undefined) writeFileSync(join(folder, name), text);
    }
    const ended = spawnSync(process.execPath, ["examples/news-digest/start.mjs", logs], { cwd: ROOT, encoding: "utf8" });
    expect(ended).toMatchObject({ status: 0 });
  });

  const commands = blocks.filter((b) => b.language === "console").map((b) => b.text.trimEnd().split("\n"));
  test.each(commands)("%s", async (line, ...output) => {
    const ended = await boruna(words(line.replace(/^\$ boruna /, "").replaceAll(".boruna/start", logs)), {
      cwd: line.includes("page.ax") ? folder : ROOT,
    });
    expect(`${ended.stdout}${ended.stderr}`).toContain(output.join("\n"));
  });

  test("is short: a screen and a half", () => {
    expect(commands.length).toBe(4);
    expect(README.split("\n").length).toBeLessThan(100);
  });

  test("no link is broken, and links to other sites are https", () => {
    const links = [...README.matchAll(/\]\(([^)]+)\)/g)].map(([, target = ""]) => target);
    const own = links.filter((target) => !target.startsWith("https://"));
    expect(links.length - own.length).toBeGreaterThan(5);
    expect(own.filter((target) => !existsSync(join(ROOT, target.split("#")[0] ?? "")))).toEqual([]);
  });
});

describe("docs/guide/examples.md", () => {
  const commands = [...EXAMPLES.matchAll(/`cd (\S+) && boruna (.*?)`/g)].map(([, where = "", line = ""]) => [where, line] as const);
  test.each(commands)("in %s: boruna %s", async (where, line) => {
    const ended = await boruna(words(line), { cwd: join(ROOT, where) });
    expect(ended.code).toBe(where === "examples/refused" ? 3 : 0);
  });

  test("names every example", () => {
    expect(commands.length).toBe(4);
    const rows = [...EXAMPLES.matchAll(/^\| \[(\S+)\]\(\.\.\/\.\.\/examples\/(\S+)\) \|/gm)].map(([, name = ""]) => name);
    expect(rows.toSorted()).toEqual(readdirSync(join(ROOT, "examples")).toSorted());
  });
});
