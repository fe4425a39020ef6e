/** `npm start` tells the life of a run to its end, with and without `--view`. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { DEEP } from "../cases.ts";
import { ROOT } from "./imports.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-start-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

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

test("npm start shows each step and ends by itself", async () => {
  const out = join(folder, "plain");
  const { code, text } = await start([out], () => undefined);
  expect(STEPS.filter((step) => !text.includes(step))).toEqual([]);
  expect(text).toContain(`$ node dist/bin/boruna.js view ${out} --store ${out}/spans.jsonl\n`);
  expect(code).toBe(0);
  expect(["denied.jsonl", "post.jsonl", "spans.jsonl"].filter((name) => !existsSync(join(out, name)))).toEqual([]);
});

test.runIf(DEEP)("with --view the viewer serves its page until Ctrl-C", async () => {
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
