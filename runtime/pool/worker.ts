/** The main file of a worker (a thread or a process). The worker either keeps and runs the programs that the pool sends, or only compiles. */
import { parentPort } from "node:worker_threads";
import { CompileError } from "../../compiler/diagnostics.ts";
import { keepThreadFree } from "../../gateway/turns.ts";
import { decodeModule, encodeModule } from "../../vm/bytecode/codec.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { BorunaError } from "../../vm/error.ts";
import { lazily } from "../../vm/lazy.ts";
import { Outbox } from "./long-values.ts";
import type { CompileResult, FromWorker, RunReport, ToWorker, WireError } from "./messages.ts";
import { registryFromText } from "./programs.ts";
import { WorkerRun } from "./worker-run.ts";

/** Programs by number. A program is verified when its first run begins. If that fails, the run reports the error. */
const programs = new Map<number, () => Program>();
const runs = new Map<number, WorkerRun>();

function send(message: FromWorker): void {
  if (parentPort !== null) parentPort.postMessage(message);
  else process.send?.(message);
}

const outbox = new Outbox<RunReport>(parentPort === null ? "process" : "thread", false, send);

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
    case "compile":
      void compile(message).then((result) => send({ type: "compiled", job: message.job, result }));
      return;
    case "run":
      void run(message);
      return;
    case "piece":
      runs.get(message.run)?.addPiece(message.piece);
      // The event loop reads messages as long as there are any. Runs must get their turn before the next piece comes.
      setImmediate(() => send({ type: "taken" }));
      return;
    case "taken":
      outbox.taken();
      return;
    case "answer":
      runs.get(message.run)?.answer(message.call, message.answer);
      return;
    case "abort":
      runs.get(message.run)?.abort();
      return;
    case "read":
      runs.get(message.run)?.acknowledgeReports(message.reports, message.isWanted);
      return;
  }
}

function readProgram(module: Uint8Array, capabilities: string): Program {
  const registry = registryFromText(capabilities);
  return verifyModule(decodeModule(module, registry), registry);
}

/** Compiles a text. Never rejects. The compiler is loaded only by a worker that compiles. */
async function compile({ source, capabilities }: ToWorker & { readonly type: "compile" }): Promise<CompileResult> {
  try {
    const compiler = await import("../compile.ts");
    const registry = registryFromText(capabilities);
    const { module, diagnostics } = compiler.compile(source, { registry });
    return { module: encodeModule(module, { debug: true, registry }), types: module.types, diagnostics };
  } catch (error) {
    return error instanceof CompileError ? { diagnostics: error.diagnostics } : { error: wireError(error) };
  }
}

async function run({ run: id, program, data }: ToWorker & { readonly type: "run" }): Promise<void> {
  const started = new WorkerRun(id, data, outbox);
  runs.set(id, started);
  try {
    const readyProgram = programs.get(program)?.();
    if (readyProgram === undefined) throw new BorunaError("internal", "a run of a program that the worker does not have");
    await started.execute(readyProgram);
  } catch (error) {
    outbox.send({ type: "failed", run: id, error: wireError(error) });
  } finally {
    runs.delete(id);
  }
}

function wireError(error: unknown): WireError {
  if (error instanceof BorunaError) return { kind: error.kind, message: error.message, place: error.place, hint: error.hint };
  const message = error instanceof Error ? error.message : String(error);
  return { kind: "internal", message: `the worker met an unexpected error: ${message}`, place: undefined, hint: undefined };
}

// Messages that start or abort runs must not wait for a run.
keepThreadFree();
if (parentPort !== null) parentPort.on("message", receive);
else {
  process.on("message", receive);
  // The channel is disconnected if the process of the pool has ended.
  process.on("disconnect", () => process.exit());
}
send({ type: "ready" });
