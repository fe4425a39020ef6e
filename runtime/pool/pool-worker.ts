/** The pool's side of one worker: the runs that it executes, and the programs that were sent to it. */
import { BorunaError } from "../../vm/error.ts";
import { Outbox } from "./long-values.ts";
import type { AnswerMessage, RunReport } from "./messages.ts";
import type { PoolRun } from "./pool-run.ts";
import { type PoolProgram, registryToText } from "./programs.ts";
import type { Isolation, WorkerLink } from "./worker-link.ts";

/** Maximum number of programs that a worker keeps. */
const MAX_PROGRAMS = 256;
/** Maximum bytes of all modules that a worker keeps. In its heap, a module takes seven times its bytes. A larger module is alone in its worker. */
const MAX_MODULE_BYTES = 32 * 2 ** 20;

export class PoolWorker {
  readonly link: WorkerLink;
  /** The answers to the calls of the runs. */
  readonly answers: Outbox<AnswerMessage>;
  readonly runs = new Map<number, PoolRun>();
  isReady = false;
  /** The bytes that the worker's runs may allocate: the sum of their `max_alloc_bytes`. */
  bytes = 0;
  /** The programs that the worker has, by number, with their module's bytes and the number of running runs. The last used one is at the end. */
  readonly #programs = new Map<number, { readonly bytes: number; runs: number }>();

  constructor(isolation: Isolation, start: (worker: PoolWorker) => WorkerLink) {
    this.answers = new Outbox(isolation, true, (message) => this.link.send(message));
    this.link = start(this);
  }

  /** Whether the program fits beside the programs of the worker's runs. */
  hasRoomFor({ id, module }: PoolProgram): boolean {
    if (this.#programs.has(id)) return true;
    const inUse = [...this.#programs.values()].filter(({ runs }) => runs > 0);
    return inUse.length === 0 || sumOf(inUse) + module.length <= MAX_MODULE_BYTES;
  }

  begin(run: PoolRun): void {
    const { program, allocBytes } = run.prepared;
    const { id, module, registry } = program;
    const known = this.#programs.get(id);
    if (known === undefined) {
      this.#forgetOld(module.length);
      this.link.send({ type: "program", program: id, module, capabilities: registryToText(registry).text });
    }
    this.#programs.delete(id);
    this.#programs.set(id, { bytes: module.length, runs: (known?.runs ?? 0) + 1 });
    this.runs.set(run.id, run);
    this.bytes += allocBytes;
    run.start(id, (message) => this.link.send(message), this.answers);
  }

  /** Handles a message about a run. Returns the run if it has ended. Ends a worker whose messages do not contain values. */
  receive(message: RunReport): PoolRun | undefined {
    const run = this.runs.get(message.run);
    try {
      if (message.type !== "piece") return run?.receive(message) === true ? run : undefined;
      run?.addPiece(message.piece);
      this.link.send({ type: "taken" });
    } catch (error) {
      if (!(error instanceof BorunaError)) throw error;
      this.link.stop();
    }
    return undefined;
  }

  end(run: PoolRun): void {
    const { program, allocBytes } = run.prepared;
    const known = this.#programs.get(program.id);
    if (known !== undefined) known.runs -= 1;
    this.runs.delete(run.id);
    this.answers.forget(run.id);
    this.bytes -= allocBytes;
  }

  /** Forgets programs that no run uses, the oldest first, until there is room for one with this number of bytes. */
  #forgetOld(newBytes: number): void {
    let bytes = sumOf(this.#programs.values());
    for (const [program, known] of this.#programs) {
      if (this.#programs.size < MAX_PROGRAMS && bytes + newBytes <= MAX_MODULE_BYTES) return;
      if (known.runs > 0) continue;
      this.#programs.delete(program);
      bytes -= known.bytes;
      this.link.send({ type: "forget", program });
    }
  }
}

function sumOf(programs: Iterable<{ readonly bytes: number }>): number {
  let sum = 0;
  for (const { bytes } of programs) sum += bytes;
  return sum;
}
