/** Runs `npm start`, the snippets of the README that use its logs, and the commands of docs/guide/examples.md. */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { DEEP } from "../cases.ts";
import { boruna } from "../cli/boruna.ts";
import { codeBlocksOf, wordsOf } from "./console-blocks.ts";
import { ROOT } from "./imports.ts";

const README = readFileSync(join(ROOT, "README.md"), "utf8");
const EXAMPLES = readFileSync(join(ROOT, "docs", "guide", "examples.md"), "utf8");
const blocks = codeBlocksOf(README);
const folder = temporaryFolder();
/** The folder for the logs and spans of `npm start`. */
const logs = join(folder, "start");

/** Runs the example. `onText` gets what it has printed so far, and the process. Resolves to the exit code and all that was printed. */
async function start(args: readonly string[], onText: (text: string, stop: () => void) => void) {
  const child = spawn(process.execPath, ["examples/news-digest/start.mjs", ...args], { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      onText(text, () => child.kill("SIGINT"));
    });
  }
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  return { code, text };
}

/** What each step prints. */
const STEPS = [
  'denied: the host "elsewhere.example" is not allowed',
  "suspended: call 8 of net.fetch",
  "boruna.cap  llm.call",
  "approved by ada",
  "(killed by SIGKILL)",
  'Ok("posted")',
  "(the news API and the model got 7 requests in all, and the board has 1 post)",
  "replay: identical (18 events, 8 answers",
  "verify: ok",
  "replay: the replay did exactly what the log says",
];

describe("README", () => {
  let started: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => {
    for (const { text } of blocks.filter((b) => b.language === "ax")) {
      const name = /^\/\/ (\S+\.ax)\n/.exec(text)?.[1];
      if (name !== undefined) writeFileSync(join(folder, name), text);
    }
    started = await start([logs], () => undefined);
  });

  test("npm start shows each step and ends by itself", () => {
    expect(STEPS.filter((step) => !started.text.includes(step))).toEqual([]);
    expect(started.text).toContain(`$ node dist/bin/boruna.js view ${logs} --store ${logs}/spans.jsonl\n`);
    expect(started.code).toBe(0);
    expect(["denied.jsonl", "post.jsonl", "spans.jsonl"].filter((name) => !existsSync(join(logs, name)))).toEqual([]);
  });

  test.runIf(DEEP)("with --view, npm start serves the viewer until Ctrl-C", async () => {
    let page: Promise<number | undefined> | undefined;
    const { code, text } = await start(["--view", join(folder, "view")], (printed, stop) => {
      if (page !== undefined || !printed.includes("The viewer is open until Ctrl-C")) return;
      page = new Promise<number | undefined>((resolve, reject) => {
        get(/^page: (\S+)$/m.exec(printed)?.[1] ?? "", (response) => resolve(response.resume().statusCode)).once("error", reject);
      }).finally(stop);
    });
    expect(STEPS.filter((step) => !text.includes(step))).toEqual([]);
    expect(await page).toBe(200);
    expect(code).toBe(0);
  });

  const commands = blocks.filter((b) => b.language === "console").map((b) => b.text.trimEnd().split("\n"));
  test.each(commands)("%s", async (line, ...output) => {
    const ended = await boruna(wordsOf(line.replace(/^\$ boruna /, "").replaceAll(".boruna/start", logs)), {
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
    const ended = await boruna(wordsOf(line), { cwd: join(ROOT, where) });
    expect(ended.code).toBe(where === "examples/refused" ? 3 : 0);
  });

  test("names every example", () => {
    expect(commands.length).toBe(4);
    const rows = [...EXAMPLES.matchAll(/^\| \[(\S+)\]\(\.\.\/\.\.\/examples\/(\S+)\) \|/gm)].map(([, name = ""]) => name);
    expect(rows.toSorted()).toEqual(readdirSync(join(ROOT, "examples")).toSorted());
  });
});
