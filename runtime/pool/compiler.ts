/**
 * Compiles source texts for a pool, in a worker that does nothing else: compiling cannot be interrupted, so it would delay runs in the same
 * worker. The worker starts with the first text. It compiles one text at a time. The others wait in a queue that is fair between tenants. If
 * a text takes too long, or its caller gives up, the worker is ended, and the next text starts another. A cache keeps compiled programs, so
 * the same text is not compiled twice.
 */
import { createHash } from "node:crypto";
import { CompileError } from "../../compiler/diagnostics.ts";
import type { SourceFile } from "../../compiler/source.ts";
import type { CapabilityRegistry } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { memoizePerObject } from "../../vm/lazy.ts";
import { FairQueue } from "./fair-queue.ts";
import type { CompileResult, FromWorker } from "./messages.ts";
import { newProgram, type PoolProgram, registryToText } from "./programs.ts";
import { type Isolation, startWorker, type WorkerLink } from "./worker-link.ts";

/** Limit on the heap of the worker. The longest source text, 1 MiB, needs less than half of it. */
const HEAP_BYTES = 2048 * 2 ** 20;
/** Maximum bytes of all compiled modules in the cache. */
const MAX_CACHED_BYTES = 64 * 2 ** 20;

/** A text that waits or is being compiled. */
interface Job {
  readonly id: number;
  readonly cacheKey: string;
  readonly source: SourceFile;
  readonly registry: CapabilityRegistry;
  readonly tenant: string;
  /** Called with undefined if the caller has given up. */
  readonly resolve: (program: PoolProgram | undefined) => void;
  readonly reject: (error: unknown) => void;
}

export class PoolCompiler {
  readonly #isolation: Isolation;
  readonly #maxMs: number;
  /** The queue needs no limits, because each job has a place in the queue of the pool. */
  readonly #queue = new FairQueue<Job>({ maxQueued: Number.POSITIVE_INFINITY, maxQueuedPerTenant: Number.POSITIVE_INFINITY });
  /** The compiled programs by `cacheKeyOf`. The one that was used last is at the end. */
  readonly #cache = new Map<string, PoolProgram>();
  #cachedBytes = 0;
  #jobs = 0;
  #current: Job | undefined;
  #timer: NodeJS.Timeout | undefined;
  #worker: { readonly link: WorkerLink; isReady: boolean } | undefined;
  /** The error that `close` was called with. */
  #closedWith: BorunaError | undefined;

  constructor(isolation: Isolation, maxMs: number) {
    this.#isolation = isolation;
    this.#maxMs = maxMs;
  }

  /**
   * Compiles a text. Resolves to undefined if the signal aborts first. Throws `CompileError`, `pool.compile` if compiling takes too long or too
   * much memory, and the error that was given to `close`.
   */
  async compile(
    source: SourceFile,
    registry: CapabilityRegistry,
    tenant: string,
    signal: AbortSignal | undefined,
  ): Promise<PoolProgram | undefined> {
    if (this.#closedWith !== undefined) throw this.#closedWith;
    if (signal?.aborted === true) return undefined;
    const cacheKey = cacheKeyOf(source, registry);
    const known = this.#cached(cacheKey);
    if (known !== undefined) return known;
    let giveUp = (): void => undefined;
    try {
      return await new Promise((resolve, reject) => {
        this.#jobs += 1;
        const job: Job = { id: this.#jobs, cacheKey, source, registry, tenant, resolve, reject };
        giveUp = () => this.#abandon(job);
        signal?.addEventListener("abort", giveUp, { once: true });
        this.#queue.reserve(tenant);
        this.#queue.add(tenant, job);
        this.#next();
      });
    } finally {
      signal?.removeEventListener("abort", giveUp);
    }
  }

  /** Rejects all texts with the error, and ends the worker. */
  close(error: BorunaError): void {
    this.#closedWith = error;
    this.#stopWorker();
    this.#end((job) => job.reject(error));
    for (let job = this.#queue.start(() => true); job !== undefined; job = this.#queue.start(() => true)) job.reject(error);
  }

  /** Ends the job because its caller has given up. */
  #abandon(job: Job): void {
    if (this.#current === job) {
      this.#stopWorker();
      this.#end(() => job.resolve(undefined));
    } else if (this.#queue.remove(job.tenant, job)) job.resolve(undefined);
  }

  /** Begins to compile the next text, if none is being compiled. */
  #next(): void {
    while (this.#current === undefined && this.#closedWith === undefined) {
      const job = this.#queue.start(() => true);
      if (job === undefined) return;
      // The same text may have been compiled since this job joined the queue.
      const known = this.#cached(job.cacheKey);
      if (known === undefined) {
        this.#current = job;
        this.#begin(job);
      } else {
        this.#queue.ended(job.tenant);
        job.resolve(known);
      }
    }
  }

  /** Sends the text to the worker. If the worker is not ready yet, `#receive` calls this again when it is. */
  #begin({ id, source, registry }: Job): void {
    this.#worker ??= this.#startWorker();
    if (!this.#worker.isReady) return;
    this.#worker.link.send({
      type: "compile",
      job: id,
      source: { name: source.name, text: source.text },
      capabilities: registryToText(registry).text,
    });
    this.#timer = setTimeout(() => {
      this.#stopWorker();
      this.#end((job) => job.reject(compileFailure(`it took longer than maxCompileMs (${this.#maxMs} ms)`)));
    }, this.#maxMs);
    // The pool's other workers keep the process alive.
    this.#timer.unref();
  }

  /** Ends the current job with `settle`, and begins the next. */
  #end(settle: (job: Job) => void): void {
    clearTimeout(this.#timer);
    const job = this.#current;
    this.#current = undefined;
    if (job !== undefined) {
      this.#queue.ended(job.tenant);
      settle(job);
    }
    this.#next();
  }

  #startWorker(): { readonly link: WorkerLink; isReady: boolean } {
    const link: WorkerLink = startWorker(this.#isolation, HEAP_BYTES, {
      onMessage: (message) => {
        if (this.#worker?.link === link) this.#receive(message);
      },
      onExit: (why) => {
        if (this.#worker?.link !== link) return;
        this.#worker = undefined;
        this.#end((job) => job.reject(compileFailure(`its worker ${why}`)));
      },
    });
    return { link, isReady: false };
  }

  #stopWorker(): void {
    this.#worker?.link.stop();
    this.#worker = undefined;
  }

  #receive(message: FromWorker): void {
    if (message.type === "ready") {
      if (this.#worker !== undefined) this.#worker.isReady = true;
      if (this.#current !== undefined) this.#begin(this.#current);
    } else if (message.type === "compiled" && message.job === this.#current?.id) {
      this.#end((job) => this.#settleJob(job, message.result));
    }
  }

  #settleJob(job: Job, result: CompileResult): void {
    const { source, registry } = job;
    if ("error" in result) {
      const { kind, message, hint } = result.error;
      job.reject(new BorunaError(kind, message, { hint }));
    } else if ("module" in result) {
      const program = newProgram({ ...result, registry, program: undefined });
      this.#addToCache(job.cacheKey, program);
      job.resolve(program);
    } else job.reject(new CompileError(result.diagnostics, (file) => (file === source.name ? source.text : undefined)));
  }

  #addToCache(cacheKey: string, program: PoolProgram): void {
    this.#cache.set(cacheKey, program);
    this.#cachedBytes += program.module.length;
    for (const [oldest, { module }] of this.#cache) {
      if (this.#cachedBytes <= MAX_CACHED_BYTES) return;
      this.#cache.delete(oldest);
      this.#cachedBytes -= module.length;
    }
  }

  #cached(cacheKey: string): PoolProgram | undefined {
    const known = this.#cache.get(cacheKey);
    if (known === undefined) return undefined;
    this.#cache.delete(cacheKey);
    this.#cache.set(cacheKey, known);
    return known;
  }
}

let registries = 0;
const numberOf = memoizePerObject(() => {
  registries += 1;
  return { number: registries };
});

/** Texts with the same key compile to the same program. */
function cacheKeyOf({ name, text }: SourceFile, registry: CapabilityRegistry): string {
  const hash = createHash("sha256").update(JSON.stringify(name)).update("\n").update(text, "utf16le").digest("base64");
  return `${numberOf(registry).number} ${hash}`;
}

const compileFailure = (why: string): BorunaError =>
  new BorunaError("pool.compile", `the program could not be compiled: ${why}`, { hint: "Send a shorter program, or raise maxCompileMs." });
