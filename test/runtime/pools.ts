/** Pools, programs and checks for the tests of pools, whose workers run the built package. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { expect, onTestFinished, vi } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { execute, type RunOptions } from "../../runtime/execute.ts";
import { createPool, type Pool, type PoolOptions } from "../../runtime/pool/pool.ts";
import type { PoolRunOptions } from "../../runtime/pool/prepare.ts";
import type { PoolExecution } from "../../runtime/pool/pool-run.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { BorunaError } from "../../vm/error.ts";
import { afterFile, temporaryFolder } from "../after-file.ts";

export const MIB = 2 ** 20;
export const SMALL = { max_alloc_bytes: 16 * MIB } as const;

/** Creates a pool with these settings. It is closed after the test. */
export function poolOf(options: PoolOptions = {}): Pool {
  const pool = createPool({ threads: 1, ...options });
  onTestFinished(() => pool.close());
  return pool;
}

const sharedPools = new Map<string, Pool>();

/** Returns a pool for all tests of this file that need no settings, because it takes time to start a worker. */
export function sharedPool(isolation: "thread" | "process" = "thread"): Pool {
  const existing = sharedPools.get(isolation);
  if (existing !== undefined) return existing;
  const pool = createPool({ threads: 1, isolation });
  sharedPools.set(isolation, pool);
  afterFile(() => {
    sharedPools.delete(isolation);
    return pool.close();
  });
  return pool;
}

export const registry = createRegistry([
  { name: "own.wait", version: "1", params: [{ name: "n", type: "Int" }], result: "Int", mayRepeat: true },
  { name: "own.tree", version: "1", params: [{ name: "tree", type: "Json" }], result: "Json", mayRepeat: true },
  { name: "own.text", version: "1", params: [{ name: "text", type: "String" }], result: "String", mayRepeat: true },
]);
export const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }, { registry }).module, registry);
export const SPIN = programOf("fn main() -> Int { let mut i = 0\n while true { i = i + 1 }\n i }");
export const ADD = programOf("fn main(a: Int, b: Int) -> Int { a + b }");
export const WAIT = programOf("fn main(n: Int) -> Int !{own.wait} { own.wait(n) + own.wait(n) }");
/** Each answer is the argument of the next call. */
export const TEXTS = programOf(`fn main(n: Int) -> String !{own.text} {
  let mut text = ""
  for _ in list.range(0, n) { text = own.text(text) }
  text
}`);
export const TREES = programOf("fn main() -> Json !{own.tree} { own.tree(own.tree(Json::Null)) }");
export const PAR = programOf('fn main() -> (String, String) !{own.text} { par { own.text("a"), own.text("b") } }');
export const common = { policy: "allow-all", tracing: false, limits: SMALL } as const;

/** Returns a promise, and the function that resolves it. */
export function gate(): { readonly promise: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const promise = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { promise, open };
}

/** Returns the kind of the error with which the promise rejects, and "none" if it resolves. */
export async function kindOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return error instanceof BorunaError ? error.kind : String(error);
  }
}

/** Runs a program without the pool and in it, compares results and logs, and returns the pool's result. */
export async function bothWays(pool: Pool, program: Program, options: PoolRunOptions & RunOptions): Promise<PoolExecution> {
  const here = temporaryFolder();
  const outside = join(here, "outside.jsonl");
  const inside = join(here, "inside.jsonl");
  const expected = await execute(program, { ...options, record: outside });
  const run = await pool.execute(program, { ...options, record: inside });
  const { program: _, result: __, log, ...rest } = expected;
  expect(readFileSync(inside).equals(readFileSync(outside))).toBe(true);
  expect(readdirSync(`${inside}.blobs`).toSorted()).toEqual(readdirSync(`${outside}.blobs`).toSorted());
  expect(run).toMatchObject({ ...rest, log: { path: inside, head: log?.head } });
  expect(run.error?.cause).toEqual(expected.error?.cause);
  expect(run.result?.value).toEqual(expected.result.value);
  return run;
}

/** Returns a function that kills one worker of the pool that was created last. */
export function workerKiller(isolation: "thread" | "process"): () => void {
  if (isolation === "process") {
    return () => {
      const children = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").trim().split(" ");
      const isWorker = (pid: string): boolean => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("pool/worker.js");
      // The shared pool's process is an older one.
      process.kill(Number(children.findLast(isWorker)), "SIGKILL");
    };
  }
  const post = vi.spyOn(Worker.prototype, "postMessage");
  onTestFinished(() => post.mockRestore());
  return () => {
    const worker: unknown = post.mock.contexts[0];
    if (!(worker instanceof Worker)) throw new Error("no thread got a message");
    void worker.terminate();
  };
}
