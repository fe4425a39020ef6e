/** The main file of a worker, a thread or a process. It keeps verified programs and runs what the pool sends. */
import { parentPort } from "node:worker_threads";
import { decodeModule } from "../../vm/bytecode/codec.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { BUILTIN_REGISTRY, registryOf } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { isJsonArray, parseJson } from "../../vm/json/json.ts";
import { lazily } from "../../vm/lazy.ts";
import { declareCapability } from "../../vm/own-capabilities.ts";
import type { FromWorker, ToWorker, WireError } from "./messages.ts";
import { WorkerRun } from "./worker-run.ts";

/** Programs by number. A program is verified for its first run, so that an error belongs to a run. */
const programs = new Map<number, () => Program>();
const runs = new Map<number, WorkerRun>();

function send(message: FromWorker): void {
  if (parentPort !== null) parentPort.postMessage(message);
  else process.send?.(message);
}

function receive(message: ToWorker): void {
  switch (message.type) {
    case "program":
      programs.set(
        message.program,
        lazily(() => readProgram(message.module, message.capabilities)),
      );
      return;
    case "forget":
      programs.delete(message.program);
      return;
    case "run":
      void run(message);
      return;
    case "answer":
      runs.get(message.run)?.answer(message.call, message.answer);
      return;
    case "abort":
      runs.get(message.run)?.abort();
      return;
    case "read":
      runs.get(message.run)?.reportsRead(message.reports, message.isWanted);
      return;
  }
}

function readProgram(module: Uint8Array, capabilities: string): Program {
  const declarations = parseJson(capabilities);
  const own = isJsonArray(declarations) ? declarations.map(declareCapability) : [];
  const registry = own.length === 0 ? BUILTIN_REGISTRY : registryOf(own);
  return verifyModule(decodeModule(module, registry), registry);
}

async function run({ run: id, program, data }: ToWorker & { readonly type: "run" }): Promise<void> {
  const started = new WorkerRun(id, data, send);
  runs.set(id, started);
  try {
    const readyProgram = programs.get(program)?.();
    if (readyProgram === undefined) throw new BorunaError("internal", "a run of a program that the worker does not have");
    send(await started.execute(readyProgram));
  } catch (error) {
    send({ type: "failed", run: id, error: wireError(error) });
  } finally {
    runs.delete(id);
  }
}

function wireError(error: unknown): WireError {
  if (error instanceof BorunaError) return { kind: error.kind, message: error.message, place: error.place, hint: error.hint };
  const message = error instanceof Error ? error.message : String(error);
  return { kind: "internal", message: `the run failed with an unexpected error: ${message}`, place: undefined, hint: undefined };
}

if (parentPort !== null) parentPort.on("message", receive);
else {
  process.on("message", receive);
  // The process of the pool has ended.
  process.on("disconnect", () => process.exit());
}
send({ type: "ready" });
