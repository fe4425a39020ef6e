/** The upgrade check replays recorded runs and says which still do what they did. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { type CheckedRun, checkUpgrade, findLogs, type UpgradeOptions, type UpgradeSummary } from "../../replay/upgrade.ts";
import { checkedRunLines, upgradeSummaryLine } from "../../replay/report/upgrade-report.ts";
import { execute } from "../../runtime/execute.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import type { Program } from "../../vm/bytecode/program.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-upgrade-"));
afterAll(() => rmSync(folder, { recursive: true }));
const pathOf = (name: string): string => join(folder, name);

const programOf = (text: string): Program => verifyModule(compile({ name: "app.ax", text }).module);
const OLD = programOf('fn main(path: String) -> String !{fs.read} { fs.read(path) ++ fs.read("b.txt") }\n');
const REWRITTEN = programOf(
  'fn main(path: String) -> String !{fs.read} {\n    let a = fs.read(path)\n    let b = fs.read("b.txt")\n    a ++ b\n}\n',
);
const CHANGED = programOf(
  'fn main(path: String) -> String !{fs.read} {\n    let second = if path == "a.txt" { "b.txt" } else { "c.txt" }\n    fs.read(path) ++ fs.read(second)\n}\n',
);
const OTHER_ARGUMENT = programOf("fn main(name: String) -> String { name }\n");

beforeAll(async () => {
  mkdirSync(pathOf("logs/deep"), { recursive: true });
  mkdirSync(pathOf("logs/.hidden"));
  for (const [file, path] of [
    ["logs/a.jsonl", "a.txt"],
    ["logs/deep/x.jsonl", "x.txt"],
  ] as const)
    await execute(OLD, { policy: "allow-all", args: { path }, tracing: false, record: pathOf(file) });
  cpSync(pathOf("logs/a.jsonl"), pathOf("logs/.hidden/a.jsonl"));
  writeFileSync(pathOf("logs/notes.json"), '{ "note": "no log" }\n');
  writeFileSync(pathOf("logs/deep/notes.txt"), "text");
  symlinkSync(pathOf("logs/a.jsonl"), pathOf("logs/link.jsonl"));
});

async function checkLogs(
  logs: readonly string[],
  options: UpgradeOptions = {},
): Promise<UpgradeSummary & { readonly runs: readonly CheckedRun[] }> {
  const runs: CheckedRun[] = [];
  const checks = checkUpgrade(logs, options);
  let next = await checks.next();
  for (; next.done !== true; next = await checks.next()) runs.push(next.value);
  return { ...next.value, runs };
}

describe("a folder", () => {
  test("its logs are found, sorted, without links, hidden folders, blobs and other files", () => {
    expect(findLogs([pathOf("logs")])).toEqual([pathOf("logs/a.jsonl"), pathOf("logs/deep/x.jsonl")]);
    expect(findLogs([pathOf("logs/a.jsonl"), pathOf("logs")])).toHaveLength(2);
  });

  test("without a log is an error", () => {
    mkdirSync(pathOf("empty"), { recursive: true });
    expect(() => findLogs([pathOf("empty")])).toThrow("holds no log");
  });
});

describe("recorded runs", () => {
  test("are the same under this version, on both engines", async () => {
    const checked = await checkLogs(findLogs([pathOf("logs")]), { engines: ["interpreter", "compiled"] });
    expect(checked).toMatchObject({ counts: { same: 4, diverges: 0, fails: 0 }, exitCode: 0 });
    expect(checked.runs.map(({ engine, events }) => [engine, events])).toEqual([
      ["interpreter", 4],
      ["compiled", 4],
      ["interpreter", 4],
      ["compiled", 4],
    ]);
  });

  test("are the same with a program that was rewritten and does the same", async () => {
    expect((await checkLogs(findLogs([pathOf("logs")]), { program: () => REWRITTEN })).counts).toEqual({ same: 2, diverges: 0, fails: 0 });
  });

  test("diverge with a program that does something else, at an event", async () => {
    const checked = await checkLogs(findLogs([pathOf("logs")]), { program: () => CHANGED });
    expect(checked).toMatchObject({ counts: { same: 1, diverges: 1, fails: 0 }, exitCode: 5 });
    expect(checked.runs[1]).toMatchObject({
      verdict: "diverges",
      events: 2,
      divergence: { event: 3, difference: { expected: '"b.txt"', actual: '"c.txt"' } },
    });
    const [first = "", ...details] = checked.runs.slice(1).flatMap(checkedRunLines);
    expect(first).toBe(`${pathOf("logs/deep/x.jsonl")}: same until event 3`);
    expect(details.join("\n")).toContain("fs.read(path) ++ fs.read(second)");
    expect(upgradeSummaryLine(checked)).toBe("1 run the same, 1 diverging, 0 failing");
  });

  test("fail with a program that does not take their arguments, or if the log is damaged or missing", async () => {
    writeFileSync(pathOf("damaged.jsonl"), '{"args":{},"boruna_log":1}\n');
    expect((await checkLogs([pathOf("logs/a.jsonl")], { program: () => OTHER_ARGUMENT })).runs[0]).toMatchObject({
      verdict: "fails",
      error: { kind: "usage" },
    });
    const checked = await checkLogs([pathOf("damaged.jsonl"), pathOf("missing.jsonl"), pathOf("logs/a.jsonl")]);
    expect(checked).toMatchObject({ counts: { same: 1, diverges: 0, fails: 2 }, exitCode: 1 });
    expect(checked.runs.map(({ error }) => error?.kind)).toEqual(["log.form", "log.io_error", undefined]);
    expect((await checkLogs([pathOf("logs/a.jsonl")], { limits: { max_steps: 1 } })).runs[0]).toMatchObject({
      error: { kind: "log.replay_limit" },
    });
  });

  test("that were killed are the same as far as their log goes", async () => {
    const killed = pathOf("killed.jsonl");
    cpSync(pathOf("logs/a.jsonl.blobs"), `${killed}.blobs`, { recursive: true });
    writeFileSync(killed, readFileSync(pathOf("logs/a.jsonl")).subarray(0, -30));
    const { runs } = await checkLogs([killed]);
    expect(runs[0]).toMatchObject({ verdict: "same", notes: expect.arrayContaining([expect.stringContaining("no end record")]) });
  });
});
