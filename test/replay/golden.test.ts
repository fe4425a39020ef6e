/**
 * Logs that were recorded once and must replay for ever. A change of steps, allocation, events or modules would break the
 * logs that users keep. `golden/` also has the programs and policies of these runs.
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { readLog } from "../../replay/log/log-reader.ts";
import { replayRun } from "../../replay/replay.ts";
import { replayLines } from "../../replay/report/replay-report.ts";
import { verifyLog } from "../../replay/verify.ts";

const FOLDER = fileURLToPath(new URL("golden/", import.meta.url));
const HEADS: ReadonlyMap<string, string> = new Map([
  // Suspended three times, with a signed approval, an unsigned one and a signed refusal.
  ["approved.jsonl", "1cc122c54445292ad25f3fa2982a63af852067eb7e19ff4352b83495c0596c30"],
  // Ended by a refusal, whose reason is in the log.
  ["denied.jsonl", "c9a97ef55673735219008179dcf2b62bf1d9fbde22d24e45b487515821194ba1"],
  ["effects.jsonl", "d5572c9c8b56f477fc6a1851887b009af76bc2e9adff436951fac1452d03badc"],
  // Recorded before logging was charged: long texts, and a header without max_log_bytes.
  ["logged-texts.jsonl", "e9e9561b32cc7c1830237ad860afa966fee56c70314a9144f3c9bb7a8af29d76"],
  ["over-budget.jsonl", "2d954f8c8267e6b4de9c03b32f6be83e79b5b99c5b29f425e3d22341dc49dac8"],
  // Calls that overlap, of an actor and of nested branches.
  ["overlap.jsonl", "83f360b1cf07227bae67d4835afd1a75aa0dc1bee8632fae260b210c915ff9ad"],
  // Resumed twice. Its second open call failed in doubt.
  ["resumed.jsonl", "46b956ad28038770383119f7cc93b9e6ac6a3cb8c8ea6af6d42ab015e060f9b7"],
  ["values.jsonl", "108e0405289f913bfe1290b37f67cff233d71824d8727b94fd7b0c0c94f775c0"],
]);

test("every golden log has its head here", () => {
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
