/** Tests of pools that compile source texts. The workers run `dist/`. */
import { Worker } from "node:worker_threads";
import { afterEach, describe, expect, test, vi } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CompileError } from "../../compiler/diagnostics.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { execute } from "../../runtime/execute.ts";
import { createPool, type Pool, type PoolOptions } from "../../runtime/pool/pool.ts";
import { BorunaError } from "../../vm/error.ts";
import { DEEP, someOf } from "../cases.ts";

const pools: Pool[] = [];
afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});
function poolOf(options: PoolOptions = {}): Pool {
  const pool = createPool({ threads: 1, ...options });
  pools.push(pool);
  return pool;
}

const common = { policy: "allow-all", tracing: false, limits: { max_alloc_bytes: 16 * 2 ** 20 } } as const;
const registry = createRegistry([
  {
    name: "own.double",
    version: "1",
    params: [{ name: "n", type: "Int" }],
    result: "Int",
    mayRepeat: true,
    handler: ([n]) => 2 * Number(n),
  },
]);
const source = (text: string): { readonly name: string; readonly text: string } => ({ name: "main.ax", text });
/** A program that takes seconds to compile. */
const LONG = source(
  `${Array.from({ length: 9_000 }, (_, i) => `fn f${i}(x: Int) -> Int { if x > ${i} { x + 1 } else { list.len([x, ${i}]) } }`).join("\n")}\nfn main() -> Int { f1(2) }\n`,
);

async function errorOf(promise: Promise<unknown>): Promise<BorunaError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof BorunaError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

describe.each(someOf(["thread", "process"] as const))("isolation by %s", (isolation) => {
  test("a source text gives the run of its program, with own capabilities, libraries, records and warnings", async () => {
    const pool = poolOf({ isolation });
    const text = `import "std-list"
type Pair { a: Int, b: Int }
fn main(n: Int) -> Option<Pair> !{own.double} { let unused = 1
 Some(Pair { a: own.double(n), b: list.len(take_last([1, 2, 3], 2)) }) }`;
    const options = { ...common, registry, live: true, args: { n: 21 }, runId: "run-1" } as const;
    const run = await pool.execute(source(text), options);
    const { resolveShipped } = await import("../../runtime/libraries.ts");
    const compiled = compile(source(text), { registry, resolve: resolveShipped });
    const { program: _, result: __, ...expected } = await execute(compiled, options);
    expect(run).toMatchObject(expected);
    expect(run.value).toEqual({ some: { a: 42, b: 2 } });
    expect(run.diagnostics).toEqual(compiled.diagnostics);
    expect(run.diagnostics?.map(({ code }) => code)).toEqual(["W004"]);
    expect(run.program).toBeUndefined();
  });

  test("errors come back as a CompileError with its diagnostics, and the text of a stranger reads no file", async () => {
    const pool = poolOf({ isolation });
    const text = 'import "./package.json"\nfn main() -> Int { nothing }\n';
    const error = await errorOf(pool.execute(source(text), common));
    const expected = await errorOf((async () => compile(source(text)))());
    if (!(error instanceof CompileError) || !(expected instanceof CompileError)) throw new Error("expected two CompileErrors");
    expect(error.diagnostics).toEqual(expected.diagnostics);
    expect([error.message, error.place, error.hint]).toEqual([expected.message, expected.place, expected.hint]);
    expect(error.diagnostics[0]?.message).toBe("cannot find `./package.json`");
    expect(pool.stats()).toMatchObject({ queued: 0, running: 0, ended: { rejected: 1 } });
  });

  test("a signal ends the compiling of a text, and the next text is compiled", async () => {
    const pool = poolOf({ isolation });
    const stop = new AbortController();
    const waits = new AbortController();
    const long = pool.execute(LONG, { ...common, signal: stop.signal });
    const waiting = pool.execute(source("fn main() -> Int { 2 }"), { ...common, signal: waits.signal });
    const next = pool.execute(source("fn main() -> Int { 3 }"), common);
    waits.abort();
    expect((await waiting).outcome).toBe("canceled");
    stop.abort();
    expect(await long).toMatchObject({ outcome: "canceled", error: { kind: "canceled" } });
    expect((await next).value).toBe(3);
    expect(pool.stats()).toMatchObject({ queued: 0, running: 0, workersLost: 0, ended: { canceled: 2, success: 1 } });
  });

  test("a text that takes too long is refused, and the pool goes on to run programs and to compile texts", async () => {
    const pool = poolOf({ isolation, maxCompileMs: 1 });
    for (let i = 0; i < 2; i++) {
      const error = await errorOf(pool.execute(LONG, common));
      expect([error.kind, error.message]).toEqual([
        "pool.compile",
        "the program could not be compiled: it took longer than maxCompileMs (1 ms)",
      ]);
      // The limit on compiling does not apply to a program.
      expect((await pool.execute(compile(source("fn main() -> Int { 3 }")), common)).value).toBe(3);
    }
    expect(pool.stats()).toMatchObject({ queued: 0, running: 0, workersLost: 0, ended: { rejected: 2, success: 2 } });
  });

  test("close rejects a text that is being compiled and one that waits", async () => {
    const pool = poolOf({ isolation });
    const runs = [errorOf(pool.execute(LONG, common)), errorOf(pool.execute(source("fn main() -> Int { 1 }"), common))];
    await pool.close();
    expect((await Promise.all(runs)).map(({ kind }) => kind)).toEqual(["pool.closed", "pool.closed"]);
  });
});

test("runs of programs go on while a text is compiled, also those of texts that were compiled before", async () => {
  const pool = poolOf();
  const short = source("fn main(n: Int) -> Int { n }");
  expect((await pool.execute(short, { ...common, args: { n: 0 } })).value).toBe(0);
  const stop = new AbortController();
  let isDone = false;
  const long = pool.execute(LONG, { ...common, signal: stop.signal }).then((run) => ((isDone = true), run));
  for (let n = 1; n <= 20; n++) expect((await pool.execute({ ...short }, { ...common, args: { n } })).value).toBe(n);
  expect(isDone).toBe(false);
  stop.abort();
  expect((await long).outcome).toBe("canceled");
});

test("tenants take turns", async () => {
  const pool = poolOf();
  const order: string[] = [];
  const run = async (tenant: string, n: number): Promise<void> => {
    await pool.execute(source(`fn main() -> Int { ${n} }`), { ...common, tenant });
    order.push(tenant);
  };
  await Promise.all([...Array.from({ length: 10 }, (_, n) => run("many", n)), ...Array.from({ length: 2 }, (_, n) => run("few", 100 + n))]);
  expect(order.indexOf("few")).toBeLessThan(4);
});

test("texts count for the limit of the queue like runs", async () => {
  const pool = poolOf({ maxQueuedPerTenant: 2 });
  const runs = [1, 2].map((n) => pool.execute(source(`fn main() -> Int { ${n} }`), common));
  expect((await errorOf(pool.execute(source("fn main() -> Int { 3 }"), common))).kind).toBe("pool.full");
  expect((await Promise.all(runs)).map(({ value }) => value)).toEqual([1, 2]);
});

test("what is neither a program nor a text is refused", async () => {
  const wrong: { readonly name: string; readonly text: string } = JSON.parse('{ "name": "a.ax", "text": 1 }');
  const { kind, message } = await errorOf(poolOf().execute(wrong, common));
  expect([kind, message]).toEqual(["usage", "the program: expected { name, text }, two texts, or a program"]);
});

test.runIf(DEEP)("a worker keeps at most 32 MiB of modules", async () => {
  const pool = poolOf();
  const post = vi.spyOn(Worker.prototype, "postMessage");
  const body = `string.len("${"x".repeat(900_000)}")`;
  for (let n = 0; n < 24; n++) expect((await pool.execute(source(`fn main() -> Int { ${body} + ${n} }`), common)).value).toBe(900_000 + n);
  const kept = new Map<number, number>();
  let forgotten = 0;
  for (const [message] of post.mock.calls) {
    if (message.type === "program") kept.set(message.program, message.module.length);
    if (message.type === "forget") forgotten += Number(kept.delete(message.program));
  }
  expect(forgotten).toBeGreaterThan(0);
  expect([...kept.values()].reduce((sum, bytes) => sum + bytes, 0)).toBeLessThanOrEqual(32 * 2 ** 20);
  expect(pool.stats()).toMatchObject({ ended: { success: 24 }, workersLost: 0 });
});
