/** However a command ends, its spans arrive before it exits: at the OpenTelemetry Collector, or without it at a collector of our own. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { temporaryFolder } from "../after-file.ts";
import { someOf } from "../cases.ts";
import { type CollectedSpan, startCollector } from "../telemetry/collector.ts";
import { HAS_OTELCOL, startOtelcol } from "../telemetry/otelcol.ts";
import { boruna, type RunOptions } from "./boruna.ts";

const folder = temporaryFolder();
const HOUR_MS = "3600000";

const PROGRAM = `fn main(how: String) -> Int !{time.now, random, net.fetch} {
    let zero = time.now() * 0
    if how == "trap" {
        1 / zero
    } else if how == "denied" {
        string.len(net.fetch("https://example.com/"))
    } else if how == "random" {
        if random() > 0.5 { 1 } else { 0 }
    } else if how == "spin" {
        debug("ready")
        let mut n = 0
        while true { n = 1 - n }
        n
    } else {
        zero
    }
}
`;
const POLICY = {
  schema_version: 1,
  default_allow: false,
  rules: { "time.now": { allow: true, budget: 5 }, random: { allow: true, budget: 5 } },
  limits: { max_steps: 9_007_199_254_740_991 },
};
/** Makes a handler throw, and makes SIGUSR2 throw where nothing catches it. */
const BROKEN = `import crypto from "node:crypto";
crypto.randomFillSync = () => { throw new TypeError("broken handler"); };
process.on("SIGUSR2", () => { throw new TypeError("broken callback"); });
`;
/** Makes the disk full for the answer of a call. */
const FULL = `import fs from "node:fs";
const { writeSync } = fs;
fs.writeSync = (file, data, ...more) => {
  if (file > 2 && Buffer.from(data).includes("CapResult")) throw Object.assign(new Error("full"), { code: "ENOSPC" });
  return writeSync(file, data, ...more);
};
`;

beforeAll(() => {
  writeFileSync(join(folder, "exits.ax"), PROGRAM);
  writeFileSync(join(folder, "policy.json"), JSON.stringify(POLICY));
  writeFileSync(join(folder, "broken.mjs"), BROKEN);
  writeFileSync(join(folder, "full.mjs"), FULL);
});

interface Receiver {
  readonly url: string;
  /** Stops the receiver and returns the spans that have arrived. */
  end(): Promise<readonly CollectedSpan[]>;
}

async function startReceiver(): Promise<Receiver> {
  if (!HAS_OTELCOL) {
    const collector = await startCollector();
    return { url: collector.url, end: () => collector.close().then(() => collector.spans()) };
  }
  const collector = await startOtelcol();
  const end = async (): Promise<readonly CollectedSpan[]> => {
    await collector.stop();
    const spans = collector.spans();
    await collector.close();
    return spans;
  };
  return { url: collector.url, end };
}

const brokenHandler: RunOptions = { nodeFlags: ["--import", join(folder, "broken.mjs")] };
const fullDisk: RunOptions = { nodeFlags: ["--import", join(folder, "full.mjs")] };
const signalOnReady = (signal: NodeJS.Signals): RunOptions => ({ signalAfter: { text: "ready", signal } });

test.each(
  someOf<[string, readonly string[], RunOptions, { code: number; outcome: string; calls: number; stderr: string }]>([
    ["the end of the program", ["how=end"], {}, { code: 0, outcome: "success", calls: 1, stderr: "" }],
    ["a trap", ["how=trap"], {}, { code: 1, outcome: "program_error", calls: 1, stderr: "division by zero" }],
    ["a denied call", ["how=denied"], {}, { code: 3, outcome: "denied", calls: 2, stderr: "denied" }],
    ["a limit", ["how=spin", "--max-steps", "5000"], {}, { code: 4, outcome: "limit_exceeded", calls: 1, stderr: "limit exceeded" }],
    ["SIGINT", ["how=spin"], signalOnReady("SIGINT"), { code: 130, outcome: "canceled", calls: 1, stderr: "canceled" }],
    ["SIGTERM", ["how=spin"], signalOnReady("SIGTERM"), { code: 143, outcome: "canceled", calls: 1, stderr: "canceled" }],
    ["SIGHUP", ["how=spin"], signalOnReady("SIGHUP"), { code: 129, outcome: "canceled", calls: 1, stderr: "canceled" }],
    ["a handler that throws", ["how=random"], brokenHandler, { code: 1, outcome: "runtime_error", calls: 2, stderr: "random" }],
    ["a log that cannot be written", ["how=end"], fullDisk, { code: 2, outcome: "fatal", calls: 1, stderr: "the disk is full" }],
    [
      "an error that nothing catches",
      ["how=spin"],
      { ...brokenHandler, ...signalOnReady("SIGUSR2") },
      { code: 70, outcome: "fatal", calls: 1, stderr: "internal error: broken callback\n" },
    ],
  ]),
)("%s", async (_what, args, options, expected) => {
  const receiver = await startReceiver();
  const ended = await boruna(
    ["run", "exits.ax", "--policy", "policy.json", "--live", "--record", "exits.jsonl", "--force", "--arg", ...args],
    {
      cwd: folder,
      env: { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_EXPORTER_OTLP_TIMEOUT: HOUR_MS, BORUNA_OTEL_SHUTDOWN_MS: HOUR_MS },
      ...options,
    },
  );
  const spans = await receiver.end();
  expect(ended).toMatchObject({ code: expected.code, stderr: expect.stringContaining(expected.stderr) });
  expect(ended.stderr).not.toContain("telemetry:");
  expect(ended.stderr).not.toMatch(/^ {4}at /m);
  expect(spans.filter((span) => span.name === "boruna.run").map((span) => span.attributes)).toMatchObject([
    { "boruna.run.outcome": expected.outcome, "process.exit.code": expected.code, "boruna.run.calls.total": expected.calls },
  ]);
  expect(spans.filter((span) => span.name === "boruna.cap")).toHaveLength(expected.calls);
  // The log of the run whose log could not be written has no end.
  expect(await boruna(["verify", "exits.jsonl"], { cwd: folder })).toMatchObject({ code: options === fullDisk ? 6 : 0 });
});
