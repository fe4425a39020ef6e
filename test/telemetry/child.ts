/**
 * Starts and stops telemetry like the command line, with a run that consists of spans only. Arguments: number of calls,
 * exit code, and any of "twice" (start the SDK twice), "wait" (wait for room in the span queue), "exit" (call
 * process.exit at the end) and "modules" (print the loaded modules).
 */
import { createRequire } from "node:module";
import { start } from "../../telemetry/sdk.ts";
import { readTelemetrySettings } from "../../telemetry/settings.ts";
import { incomingContext } from "../../telemetry/context.ts";

const [calls = "1", exitCode = "0", ...flags] = process.argv.slice(2);
const printError = (line: string): void => void process.stderr.write(`${line}\n`);
const settings = readTelemetrySettings(process.env);
if ("problem" in settings) printError(settings.problem);
const sdk = "on" in settings && settings.on ? await start(settings, process.env, printError) : undefined;
for (const warning of sdk?.warnings ?? []) printError(`telemetry: ${warning}`);
if (flags.includes("twice") && "on" in settings && settings.on) {
  await start(settings, process.env, printError).catch((error: unknown) => printError(error instanceof Error ? error.message : "?"));
}

if (sdk !== undefined && "on" in settings && settings.on) {
  const { otelTracing } = await import("../../telemetry/otel.ts");
  const tracing = otelTracing({ backpressure: () => sdk.backpressure() });
  const run = tracing.startRun({
    runId: () => "id",
    programName: "child",
    moduleHash: "sha256:00",
    policyHash: "sha256:11",
    mode: "mock",
    ...incomingContext({}, process.env, settings.propagators),
  });
  const total = Number(calls);
  for (let call = 0; call < total; call++) {
    const span = run.startCall({
      capability: "time.now",
      call,
      mode: "mock",
      known: true,
      argumentCount: 0,
      bytesIn: 1,
      place: () => ({ function: "main", pc: call, file: "a.ax", line: 1 + call }),
    });
    span.run(() => undefined);
    span.end({ bytesOut: 0 });
    const wait = flags.includes("wait") ? run.backpressure() : undefined;
    if (wait !== undefined) await wait;
  }
  const counters = { total, dispatched: total, denied: 0, unknown: 0, budget_exceeded: 0, failed: 0 };
  run.end({ outcome: "success", steps: 10, allocBytes: 20, counters, spansDropped: 0, exitCode: Number(exitCode) });
}
if (flags.includes("modules")) {
  const loaded = Object.keys(createRequire(import.meta.url).cache).filter((file) =>
    /node_modules\/(@opentelemetry|protobufjs)\//.test(file),
  );
  process.stdout.write(`loaded ${loaded.length}\n${loaded.map((file) => `${file}\n`).join("")}`);
}
process.stdout.write("work done\n");
const report = await sdk?.shutdown();
if (report !== undefined) process.stdout.write(`${JSON.stringify(report)}\n`);
if (report?.notice !== undefined) printError(`telemetry: ${report.notice}`);
if (flags.includes("exit")) process.exit(Number(exitCode));
process.exitCode = Number(exitCode);
