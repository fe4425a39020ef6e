/** Calls that differ in their arguments: missing arguments count as their defaults, and each argument that differs is named. */
import { expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { diffLogs, type LogDifference } from "../../../replay/diff.ts";
import { parseLog, type ParsedLog } from "../../../replay/log/log-reader.ts";
import { memorySource } from "../../../replay/log/log-source.ts";
import { memoryRecorder, type MemoryRecorder } from "../../../replay/log/recorder.ts";
import { replayRun } from "../../../replay/replay.ts";
import { differenceReport, logDifferenceJson } from "../../../replay/report/diff-report.ts";
import { replayJson, replayLines } from "../../../replay/report/replay-report.ts";
import { execute } from "../../../runtime/execute.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { jsonToJs } from "../../../vm/json/js-interop.ts";

const programOf = (call: string) => verifyModule(compile({ name: "app.ax", text: `fn main() -> String !{net.fetch} { ${call} }` }).module);

async function logOf(call: string): Promise<ParsedLog> {
  const recorders: MemoryRecorder[] = [];
  await execute(programOf(call), {
    policy: "allow-all",
    handlers: { "net.fetch": () => "ok" },
    tracing: false,
    record: (facts) => {
      const recorder = memoryRecorder(facts);
      recorders.push(recorder);
      return recorder;
    },
  });
  const [recorder] = recorders;
  if (recorder === undefined) throw new Error("no log");
  return parseLog(memorySource(recorder.bytes(), recorder.blobs));
}

const PLAIN = 'net.fetch("https://a.example/")';
const WITH_DEFAULTS = 'net.fetch("https://a.example/", "GET", "")';
const OTHER = 'net.fetch("https://b.example/", "PUT", "x", { "a": "b" })';

/** Returns the calls with different arguments in the logs of two programs. */
const differences = async (a: string, b: string): Promise<readonly LogDifference[]> =>
  [...diffLogs(await logOf(a), await logOf(b))].filter(({ kind }) => kind === "arguments");

test("a default that is written out is no difference", async () => {
  expect(await differences(PLAIN, WITH_DEFAULTS)).toEqual([]);
  expect(await differences(WITH_DEFAULTS, PLAIN)).toEqual([]);
  for (const [recorded, replayed] of [
    [PLAIN, WITH_DEFAULTS],
    [WITH_DEFAULTS, PLAIN],
  ] as const)
    expect((await replayRun(await logOf(recorded), { program: programOf(replayed) })).divergence).toBe(undefined);
});

test("each argument that differs is named, the first three also in the text", async () => {
  const report = await replayRun(await logOf(PLAIN), { program: programOf(OTHER) });
  expect(replayLines(report).slice(1, 11)).toEqual([
    "  args[0] (url), after 8 equal characters:",
    '    expected "https://a.example/"',
    '    actual   "https://b.example/"',
    "  args[1] (method):",
    '    expected "GET"',
    '    actual   "PUT"',
    "  args[2] (body):",
    '    expected ""',
    '    actual   "x"',
    "  and 1 more argument",
  ]);
  const names = ["url", "method", "body", "headers"].map((parameter) => ({ parameter }));
  expect(jsonToJs(replayJson(report))).toMatchObject({ divergence: { difference: { parameter: "url" }, differences: names } });
  const [found] = await differences(PLAIN, OTHER);
  if (found === undefined) throw new Error("no difference");
  expect(differenceReport(found).filter((line) => line.startsWith("  a") && !line.startsWith("  a:"))).toEqual([
    "  at args[0] (url), after 8 equal characters:",
    "  at args[1] (method):",
    "  at args[2] (body):",
    "  and 1 more argument",
  ]);
  expect(jsonToJs(logDifferenceJson(found))).toMatchObject({ difference: { parameter: "url" }, differences: names });
});
