/** Runs the page `docs/guide/least-policy.md` from top to bottom, in a copy of its example. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { boruna, EXAMPLES, MAIN } from "../cli/boruna.ts";
import { codeBlocksOf, wordsOf } from "./console-blocks.ts";
import { ROOT } from "./imports.ts";

const PAGE = readFileSync(join(ROOT, "docs/guide/least-policy.md"), "utf8");
const EXAMPLE = join(EXAMPLES, "sales-totals");

test("docs/guide/least-policy.md", async () => {
  const folder = temporaryFolder();
  cpSync(EXAMPLE, folder, { recursive: true });
  for (const { language, text, line } of codeBlocksOf(PAGE)) {
    if (language === "sh") {
      writeFileSync(join(folder, "ci.sh"), text);
      continue;
    }
    if (language === "json") {
      const json = await boruna(["policy", "diff", "--program", "totals.ax", "changed.ax", "--json"], { cwd: folder });
      expect(JSON.parse(json.stdout)).toMatchObject({ ok: false, changes: expect.arrayContaining([JSON.parse(text)]) });
      continue;
    }
    if (language === "console") {
      const [command = "", ...output] = text.trimEnd().split("\n");
      const [, code = "0"] = /^\(exit code ([0-9]+)\)$/.exec(output.at(-1) ?? "") ?? [];
      const expected = output.filter((part) => !part.startsWith("(exit code "));
      const ended = await boruna(wordsOf(command.replace(/^\$ boruna /, "")), { cwd: folder });
      const printed = `${ended.stdout}${ended.stderr}`;
      // The line `recorded: …` is between the value and the messages of a run.
      expect(printed.replace(/^recorded: .*\n/m, ""), `line ${line}: ${command}`).toContain(expected.join("\n"));
      expect(ended.code, `line ${line}: ${command}`).toBe(Number(code));
    } else {
      const name = /^\/\/ (\S+)\n/.exec(text)?.[1] ?? "";
      expect(name, `line ${line}: the first line names the file`).not.toBe("");
      writeFileSync(join(folder, name), text);
    }
  }
});

test("the script for CI finds what a change of a library opens", async () => {
  const folder = temporaryFolder();
  const git = (...args: readonly string[]): void => {
    const ended = spawnSync("git", ["-c", "user.name=A", "-c", "user.email=a@a.example", ...args], { cwd: folder, encoding: "utf8" });
    expect(ended.status, ended.stderr).toBe(0);
  };
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const script = codeBlocksOf(PAGE).find(({ language }) => language === "sh")?.text ?? "";
  write("ci.sh", script);
  write("boruna", `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  chmodSync(join(folder, "boruna"), 0o755);
  write(".gitignore", "boruna\n");
  const page = (host: string): string => `export fn page(n: String) -> String !{net.fetch} { net.fetch("https://${host}/" ++ n) }\n`;
  write("page.ax", page("a.example"));
  write("app.ax", 'import "./page.ax"\nfn main(n: String) -> String !{net.fetch} { page(n) }\n');
  const hosts = (names: readonly string[]): string =>
    JSON.stringify({ rules: { "net.fetch": { allow: true } }, net_policy: { allowed_domains: names } });
  write("policy.json", hosts(["a.example"]));
  git("init", "--quiet", "--initial-branch=main");
  git("add", ".");
  git("commit", "--quiet", "-m", "first");
  const ci = () => {
    const env = { ...process.env, PATH: `${folder}:${process.env["PATH"]}` };
    const { status, stdout, stderr } = spawnSync("sh", ["ci.sh", "main"], { cwd: folder, env, encoding: "utf8" });
    return { status, lines: stdout.split("\n").filter((line) => line.startsWith("grows")), stderr };
  };
  expect(ci()).toMatchObject({ status: 0, lines: [] });
  write("page.ax", page("b.example"));
  write("policy.json", hosts(["a.example", "b.example"]));
  expect(ci()).toMatchObject({
    status: 1,
    lines: [
      'grows: net.fetch: url can be "https://b.example/…": main → page (app.ax:2:45) → page.ax:1:52',
      "grows: net_policy.allowed_domains: net.fetch may reach b.example",
    ],
  });
  write("page.ax", "fn");
  expect(ci().status).toBe(2);
});

test("the files of the example are those of the page", () => {
  const blocks = codeBlocksOf(PAGE).map(({ text }) => text);
  for (const name of ["scopes.jsonc", "policy.jsonc"]) expect(blocks).toContain(readFileSync(join(EXAMPLE, name), "utf8"));
  const [, ...code] = readFileSync(join(EXAMPLE, "totals.ax"), "utf8").split("\n");
  expect(blocks).toContain(["// totals.ax", ...code.slice(1)].join("\n"));
});
