/**
 * A process whose thread context (ids of the current span) the tests read. At each stage, it prints a line and blocks until it reads one.
 * Arguments: how it ends (`return`, `exit`, `throw`, `signal`, `handled signal`), then `worker` to run the program in a worker, `endless
 * worker` for a worker that never ends, `replay` to run the program in the mode of a replay.
 */
import { spawn } from "node:child_process";
import { readSync, writeSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { NodeTracerProvider, type Span, type SpanProcessor } from "@opentelemetry/sdk-trace-node";
import { compile } from "../../../compiler/compile.ts";
import { executeProgram } from "../../../gateway/run.ts";
import type { Handler } from "../../../gateway/handlers.ts";
import { ALLOW_ALL } from "../../../policy/policy.ts";
import { chosenTracing } from "../../../telemetry/default-tracing.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";

const [end = "return", ...more]: readonly string[] = isMainThread ? process.argv.slice(2) : workerData;

const PROGRAM = `fn main() -> Unit !{time.now, random} {
    let _ = debug("running")
    let _ = time.now()
    let _ = debug("resumed")
    let _ = random("int", 0, 9)
    let _ = debug("continued")
}
`;

let ids = "";
const processor: SpanProcessor = {
  onStart: (span: Span) => {
    const { traceId, spanId } = span.spanContext();
    if (span.name === "boruna.run") ids = `${traceId} ${spanId}`;
  },
  onEnd: () => undefined,
  forceFlush: () => Promise.resolve(),
  shutdown: () => Promise.resolve(),
};

function reachStage(name: string, detail = ids): void {
  writeSync(1, `${name} ${detail}\n`);
  readSync(0, Buffer.alloc(1));
}

const waitingHandler: Handler = async () => {
  await setImmediate();
  const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
  reachStage("waiting", String(child.pid));
  child.stdin.end();
  return 1;
};

const blockingHandler: Handler = () => {
  reachStage("handling");
  return 1;
};

async function run(): Promise<void> {
  new NodeTracerProvider({ spanProcessors: [processor] }).register();
  const tracing = await chosenTracing(undefined, undefined);
  reachStage("before");
  const program = verifyModule(compile({ name: "stages.ax", text: PROGRAM }).module);
  const result = await executeProgram(program, {
    policy: ALLOW_ALL,
    mode: more.includes("replay") ? "replay" : "mock",
    handlers: new Map([
      ["time.now", waitingHandler],
      ["random", blockingHandler],
    ]),
    runId: "stages",
    tracing,
    onDebug: (text) => reachStage(text.replaceAll(`"`, "")),
  });
  reachStage("after", result.outcome);
}

if (more.includes("worker") && isMainThread) {
  await chosenTracing(undefined, undefined);
  const worker = new Worker(new URL(import.meta.url), { workerData: process.argv.slice(2) });
  await new Promise((resolve) => worker.once("message", resolve).once("exit", resolve));
} else if (more.includes("endless")) {
  await chosenTracing(undefined, undefined);
  parentPort?.postMessage("ready");
  for (;;);
} else await run();

if (isMainThread) reachStage("ending");
if (end === "exit") process.exit(3);
if (end === "throw") throw new Error("nobody catches this");
if (end === "handled signal") process.once("SIGTERM", () => process.exit(9));
if (end.endsWith("signal")) {
  process.kill(process.pid, "SIGTERM");
  // The signal arrives while the event loop runs.
  setInterval(() => undefined, 1_000);
}
