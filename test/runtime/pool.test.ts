/** The runs of a pool with threads or processes equal runs without one, and one worker's end touches no other run. */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CapabilityFailure, machineHandler } from "../../gateway/handlers.ts";
import { execute } from "../../runtime/execute.ts";
import { PIECE_UNITS } from "../../runtime/pool/value-pieces.ts";
import { resume } from "../../runtime/resume.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { FloatValue, intFromBigInt } from "../../vm/value/value.ts";
import { temporaryFolder } from "../after-file.ts";
import { arbitraryOverlap, worldOf } from "../arbitrary-overlap.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { DEEP, scaledRuns, someOf } from "../cases.ts";
import {
  ADD,
  bothWays,
  common,
  gate,
  MIB,
  PAR,
  poolOf,
  programOf,
  registry,
  sharedPool,
  SMALL,
  SPIN,
  TEXTS,
  TREES,
  WAIT,
  workerKiller,
} from "./pools.ts";
const folder = temporaryFolder();

describe.each(["thread", "process"] as const)("isolation by %s", (isolation) => {
  // `npm test` runs the long tests with threads only.
  const inBoth = DEEP || isolation === "thread";

  test("any program with any answers gives the result and the log of a run outside", async () => {
    const pool = sharedPool(isolation);
    const text = fc.string({ unit: "grapheme", maxLength: 12 });
    const answers = fc.record({
      texts: fc.array(fc.record({ text, fails: fc.boolean() }), { minLength: 1, maxLength: 6 }),
      ints: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { minLength: 1, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(arbitraryProgram, answers, async (source, { texts, ints }) => {
        const program = verifyModule(compile({ name: "main.ax", text: source }).module);
        const failures = new Map<number, CapabilityFailure>();
        const textHandler = machineHandler((___, { callNumber }) => {
          const next = texts[callNumber % texts.length] ?? { text: "", fails: false };
          if (!next.fails) return next.text;
          // Both runs get the same error, which is then the cause of both.
          const failure = failures.get(callNumber) ?? new CapabilityFailure(next.text);
          failures.set(callNumber, failure);
          throw failure;
        });
        const int = (callNumber: number) => intFromBigInt(ints[callNumber % ints.length] ?? 0n);
        const handlers = {
          "net.fetch": textHandler,
          "fs.read": textHandler,
          "time.now": machineHandler((___, { callNumber }) => int(callNumber)),
          random: machineHandler((args, { callNumber }) => (args.length === 0 ? new FloatValue(0.5) : int(callNumber))),
        };
        await bothWays(pool, program, { policy: "allow-all", tracing: false, handlers, limits: { max_steps: 100_000, ...SMALL } });
      }),
      { numRuns: scaledRuns(200) },
    );
  });

  test("calls that overlap give the same result and log, in whatever order they are answered", async () => {
    const pool = sharedPool(isolation);
    await fc.assert(
      fc.asyncProperty(arbitraryOverlap, fc.nat(), async (source, seed) => {
        const program = verifyModule(compile({ name: "main.ax", text: source }).module);
        const { handlers } = worldOf(seed);
        await bothWays(pool, program, { policy: "allow-all", tracing: false, handlers, limits: { max_steps: 1_000_000, ...SMALL } });
      }),
      { numRuns: scaledRuns(50) },
    );
  });

  test.each(
    someOf<readonly [string, () => unknown]>([
      ["a wrong answer", () => "no number"],
      ["a function", () => () => 1],
      ["a proxy", () => new Proxy({}, {})],
      [
        "a getter",
        () => ({
          get n() {
            return 1;
          },
        }),
      ],
    ]),
  )("%s of a handler is the same host fault as without a pool", async (_, answer) => {
    const run = await sharedPool(isolation).execute(WAIT, { ...common, args: { n: 1 }, handlers: { "own.wait": answer } });
    const outside = await execute(WAIT, { ...common, args: { n: 1 }, handlers: { "own.wait": answer } });
    expect(run.error).toEqual(outside.error);
    expect(run.error?.kind).toBe("host_fault");
    expect(String(run.error?.cause)).toBe(String(outside.error?.cause));
  });

  test.runIf(DEEP)("values of every form reach the handler and the program, whatever their depth and size", async () => {
    const pool = sharedPool(isolation);
    const program =
      programOf(`fn deep(n: Int) -> Json { let mut tree = Json::Null\n for _ in list.range(0, n) { tree = Json::List([tree]) }\n tree }
      fn main() -> Json !{own.tree} { own.tree(own.tree(deep(3000))) }`);
    const large = { text: "x".repeat(10_000_000), floats: [-0, 1e300, 0.5], ints: [1, 2 ** 53 - 1, -(2n ** 62n)] };
    let calls = 0;
    const handlers = { "own.tree": ([tree]: readonly unknown[]) => ((calls += 1), calls % 2 === 1 ? tree : large) };
    const run = await bothWays(pool, program, { ...common, limits: { max_alloc_bytes: 256 * MIB }, handlers });
    expect(run.outcome).toBe("success");
  });

  test("long texts and lists give the result and the log of a run outside", async () => {
    const pool = sharedPool(isolation);
    // Around the size of a piece, with a pair, a lone surrogate, or a character that JSON escapes at its end.
    const text = fc
      .tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: -2, max: 2 }), fc.constantFrom("", "x", "é", "😀", "\ud83d", "\ude00", '"'))
      .map(([pieces, more, end]) => "x".repeat(Math.max(0, pieces * PIECE_UNITS + more - 1)) + end + end);
    const limits = { max_alloc_bytes: 64 * MIB };
    await fc.assert(
      fc.asyncProperty(
        fc.array(text, { minLength: 1, maxLength: 3 }),
        fc.integer({ min: 1, max: 1_200_000 }),
        async (texts, max_log_bytes) => {
          const handlers = { "own.text": (___: unknown, { callNumber }: { readonly callNumber: number }) => texts[callNumber - 1] };
          await bothWays(pool, TEXTS, { ...common, args: { n: texts.length }, handlers, limits: { ...limits, max_log_bytes } });
          const tree = { texts, [texts.join("")]: texts.map((part) => [part, part.length, { part, half: 0.5 }]) };
          const both = { "own.tree": () => tree };
          await bothWays(pool, TREES, { ...common, handlers: both, limits: { ...limits, max_log_bytes } });
        },
      ),
      { numRuns: scaledRuns(200) },
    );
  });

  test.runIf(inBoth)("a run can be canceled, suspended, lost or closed while a long value is on its way, and others go on", async () => {
    const long = "x".repeat(20_000_000);
    const pool = poolOf({ isolation, threads: 2 });
    const limits = { max_alloc_bytes: 1_024 * MIB };
    const handlers = { "own.text": () => long };
    const options = { ...common, limits, args: { n: 2 }, handlers };
    const stop = new AbortController();
    // The argument of the second call is on its way in one run, the first answer in the other.
    const canceled = [1, 2].map((n) =>
      pool.execute(TEXTS, {
        ...options,
        signal: stop.signal,
        handlers: {
          "own.text": (___: unknown, { callNumber }: { readonly callNumber: number }) => {
            if (callNumber === n) setImmediate(() => stop.abort());
            return long;
          },
        },
      }),
    );
    expect((await Promise.all(canceled)).map(({ outcome }) => outcome)).toEqual(["canceled", "canceled"]);
    const suspended = await pool.execute(PAR, {
      ...options,
      args: {},
      handlers: { "own.text": ([text]: readonly unknown[], context: { later(): unknown }) => (text === "b" ? long : context.later()) },
    });
    expect(suspended.outcome).toBe("suspended");
    expect((await pool.execute(TEXTS, options)).value).toHaveLength(long.length);
    const killOne = workerKiller(isolation);
    let isKilled = false;
    const kill = (): void => {
      if (!isKilled) killOne();
      isKilled = true;
    };
    // Each worker has one of the runs.
    const killing = { "own.text": () => (setImmediate(kill), long) };
    const lost = await Promise.all([1, 2].map(() => pool.execute(TEXTS, { ...options, handlers: killing })));
    expect(lost.map(({ outcome }) => outcome).toSorted()).toEqual(["lost", "success"]);
    expect((await pool.execute(TEXTS, options)).value).toHaveLength(long.length);
    const closed = pool.execute(TEXTS, { ...options, handlers: { "own.text": () => (setImmediate(() => void pool.close()), long) } });
    expect(["canceled", "lost"]).toContain((await closed).outcome);
  });

  test.runIf(inBoth)("a killed worker loses its own runs, each is reported, and another worker takes its place", async () => {
    const pool = poolOf({ isolation, threads: 2 });
    const { promise, open } = gate();
    const arrived = gate();
    let calls = 0;
    const aborted: number[] = [];
    const handlers = {
      "own.wait": async ([n]: readonly unknown[], { signal }: { readonly signal: AbortSignal }) => {
        signal.addEventListener("abort", () => aborted.push(Number(n)));
        calls += 1;
        if (calls === 8) arrived.open();
        await promise;
        return n;
      },
    };
    const kill = workerKiller(isolation);
    const record = (n: number): string => join(folder, `killed-${isolation}-${n}.jsonl`);
    const runs = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => pool.execute(WAIT, { ...common, args: { n }, handlers, record: record(n) }));
    await arrived.promise;
    kill();
    // The signals of the handlers of lost runs are aborted.
    while (aborted.length < 4) await new Promise(setImmediate);
    const stopped = [...aborted];
    open();
    const ended = await Promise.all(runs);
    expect(ended.filter(({ outcome }) => outcome === "success")).toHaveLength(4);
    const lost = ended.flatMap((run, i) => (run.outcome === "lost" ? [{ run, n: i + 1 }] : []));
    expect(lost.map(({ run }) => run.error?.kind)).toEqual(Array.from({ length: 4 }, () => "worker_lost"));
    expect(new Set(lost.map(({ n }) => n))).toEqual(new Set(stopped));
    expect(pool.stats()).toMatchObject({ running: 0, queued: 0, ended: { success: 4, lost: 4 }, workersLost: 1 });
    // The log of a lost run can be resumed in this process, with the result of an undisturbed run.
    for (const { n } of lost) {
      const resumed = await resume(record(n), { registry, handlers: { "own.wait": ([m]) => m }, tracing: false });
      expect([resumed.outcome, resumed.value]).toEqual(["success", 2 * n]);
    }
    const again = await Promise.all([1, 2, 3, 4].map((n) => pool.execute(WAIT, { ...common, args: { n }, handlers })));
    expect(again.map(({ value }) => value)).toEqual([2, 4, 6, 8]);
  });

  test.runIf(inBoth)("a signal cancels runs that spin, wait for a call, or wait in the queue", async () => {
    const pool = poolOf({ isolation, maxRunsPerWorker: 2 });
    const stop = new AbortController();
    const { signal } = stop;
    const asked = gate();
    const handlers = {
      "own.wait": (___: unknown, context: { readonly signal: AbortSignal }) =>
        new Promise((____, reject) => {
          context.signal.addEventListener("abort", () => reject(new Error("stopped")));
          asked.open();
        }),
    };
    const runs = [
      pool.execute(SPIN, { ...common, limits: { max_steps: 1e15, ...SMALL }, signal }),
      pool.execute(WAIT, { ...common, args: { n: 1 }, handlers, signal }),
      pool.execute(ADD, { ...common, args: { a: 1, b: 2 }, signal }),
    ];
    await asked.promise;
    stop.abort();
    expect((await Promise.all(runs)).map(({ outcome, error }) => [outcome, error?.kind])).toEqual([
      ["canceled", "canceled"],
      ["canceled", "canceled"],
      ["canceled", "canceled"],
    ]);
    expect((await pool.execute(ADD, { ...common, args: { a: 1, b: 2 }, signal })).outcome).toBe("canceled");
    expect((await pool.execute(ADD, { ...common, args: { a: 1, b: 2 } })).value).toBe(3);
  });

  test.runIf(inBoth)("an allocation bomb ends at its limit, beside a run that goes on", async () => {
    const pool = sharedPool(isolation);
    const bomb = programOf('fn main() -> Int { let mut xs = [""]\n while true { xs = list.push(xs, string.repeat("x", 1000)) }\n 0 }');
    const limits = { max_steps: 1e12, max_alloc_bytes: 100 * MIB };
    const bombs = Array.from({ length: 2 }, () => pool.execute(bomb, { ...common, limits }));
    const small = pool.execute(ADD, { ...common, args: { a: 1, b: 2 } });
    expect((await small).value).toBe(3);
    expect((await Promise.all(bombs)).map(({ outcome }) => outcome)).toEqual(bombs.map(() => "limit_exceeded"));
    expect(pool.stats().workersLost).toBe(0);
  });
});
