/** The entry file of the worker thread that runs one tool call. It runs the tool, sends progress and the answer, and ends. */
import { parentPort, workerData } from "node:worker_threads";
import { startProcessTelemetry } from "../telemetry/process-telemetry.ts";
import { createRegistry } from "../gateway/own-capabilities.ts";
import { openImportedTools } from "../mcp-tools/imported-tools.ts";
import { BUILTIN_REGISTRY } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import { replaceUnsafe } from "../vm/terminal-text.ts";
import { errorAnswer } from "./answers.ts";
import { CANCEL, type FromThread, type Job } from "./job.ts";
import { PROGRAM_TOOLS, type ToolContext } from "./programs.ts";
import type { ToolAnswer } from "./settings.ts";

/** Minimum time between two progress messages, in milliseconds. A program may make thousands of calls in a second. */
const PROGRESS_INTERVAL_MS = 50;

const isJob = (data: unknown): data is Job => typeof data === "object" && data !== null && "tool" in data && "settings" in data;

async function work(job: Job): Promise<void> {
  const abort = new AbortController();
  parentPort?.on("message", (message: unknown) => {
    if (message === CANCEL) abort.abort();
  });
  const telemetry = await startProcessTelemetry((line) => process.stderr.write(`${replaceUnsafe(line)}\n`));
  let calls = 0;
  let sentAt = 0;
  const onCall: ToolContext["onCall"] = ({ call, capability, outcome }) => {
    calls += 1;
    const now = performance.now();
    if (now - sentAt < PROGRESS_INTERVAL_MS) return;
    sentAt = now;
    send({ type: "progress", progress: { calls, message: `call ${call} of ${capability}: ${outcome}` } });
  };
  const { settings, caller } = job;
  const tools = settings.tools.map((path) =>
    openImportedTools(path, { onWarning: (text) => process.stderr.write(`warning: ${replaceUnsafe(text)}\n`) }),
  );
  const registry = tools.length === 0 ? BUILTIN_REGISTRY : createRegistry(tools.flatMap(({ capabilities }) => capabilities));
  const context: ToolContext = { settings, signal: abort.signal, onCall, tracing: telemetry?.tracing, caller, registry };
  send(await answerOf(job, context));
  await Promise.all(tools.map((server) => server.close()));
  await telemetry?.close();
  // An open port would keep the thread alive.
  parentPort?.close();
}

async function answerOf(job: Job, context: ToolContext): Promise<FromThread> {
  const tool = PROGRAM_TOOLS.get(job.tool);
  if (tool === undefined) throw new BorunaError("internal", `no tool ${job.tool} in a thread`);
  try {
    return { type: "answer", answer: toPlainJson(await tool(job.args, context)), isError: false };
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
    return { type: "answer", answer: errorAnswer(error), isError: true };
  }
}

/** Returns the answer as plain JSON data, which a thread can send. Drops undefined members. */
function toPlainJson(answer: ToolAnswer): ToolAnswer {
  const copy: unknown = JSON.parse(JSON.stringify(answer));
  return typeof copy === "object" && copy !== null ? Object.fromEntries(Object.entries(copy)) : {};
}

function send(message: FromThread): void {
  parentPort?.postMessage(message);
}

// An error ends the thread, and the server gets the event `error`.
if (isJob(workerData)) void work(workerData);
