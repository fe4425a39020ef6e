/**
 * Logs that were recorded once and stay as they are: whoever changes what a step, a byte of allocation, an event or a
 * module is makes the logs that users keep worthless. `golden/` has the programs and policies they were recorded with.
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { readLog } from "../../replay/log.ts";
import { replayRun } from "../../replay/replay.ts";
import { replayLines } from "../../replay/report.ts";
import { verifyLog } from "../../replay/verify.ts";

const FOLDER = fileURLToPath(new URL("golden/", import.meta.url));
const HEADS: ReadonlyMap<string, string> = new Map([
  ["effects.jsonl", "8cf6474ad9a41c503648d37196cf5ead82e539cf8c17ea232d4e3d1685ca16d7"],
  ["over-budget.jsonl", "f048f9ca3c5b1f20b4003e137daef4759cf2894466d62d21da4a5b6a55ceef95"],
  ["values.jsonl", "3e1fc3b23b06d81c7ffd371f7c0905d2ecbd914ddc9bbbfc955d8529fa757683"],
]);

test("each of them is known here", () => {
  expect(readdirSync(FOLDER).filter((name) => name.endsWith(".jsonl"))).toEqual([...HEADS.keys()]);
});

describe.each([...HEADS])("%s", (name, head) => {
  test.each(["interpreter", "compiled", "auto"] as const)("replays on %s", async (engine) => {
    const report = await replayRun(readLog(`${FOLDER}${name}`), { engine, tracing: false });
    expect(replayLines(report)[0]).toMatch(/^replay: identical/);
    expect(report).toMatchObject({ status: "identical", sameProgram: true });
  });

  test("verifies, with the head that it was recorded with", async () => {
    expect(await verifyLog(`${FOLDER}${name}`, { expectHead: head })).toMatchObject({ ok: true });
  });
});
