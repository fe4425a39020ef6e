/** A thousand runs at once, whose calls wait for each other. Each run gets its answer, and finished runs leave no memory behind. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { memoryRecorder } from "../../replay/log/recorder.ts";
import { execute } from "../../runtime/execute.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { DEEP } from "../cases.ts";

const RUNS = 1_000;
const WARM_UP_ROUNDS = 2;
const ROUNDS = 6;
/** Maximum for each run of the measured rounds. A run that leaked its log, events or context would leave many times as much. */
const MAX_LEFT_BYTES = 500;

setFlagsFromString("--expose-gc");
const collectGarbage: unknown = runInNewContext("gc");

function usedBytes(): number {
  if (typeof collectGarbage !== "function") throw new Error("no garbage collector to call");
  collectGarbage();
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const registry = createRegistry([
  { name: "own.meet", version: "1", params: [{ name: "n", type: "Int" }], result: "List<Int>", mayRepeat: true },
]);
const TEXT = "fn main(n: Int) -> Int !{own.meet, time.now} { let numbers = own.meet(n)\n list.sum(numbers) + time.now() % 2 }";
const program = verifyModule(compile({ name: "meet.ax", text: TEXT }, { registry }).module, registry);

/** Starts all runs. No call is answered before every run has made its call. */
async function round(): Promise<void> {
  let resolve = (): void => undefined;
  const allThere = new Promise<void>((done) => {
    resolve = done;
  });
  let waiting = 0;
  const meet = async ([n]: readonly unknown[]): Promise<unknown> => {
    waiting += 1;
    if (waiting === RUNS) resolve();
    await allThere;
    return [n, waiting, "x".length];
  };
  const runs = await Promise.all(
    Array.from({ length: RUNS }, (_, n) =>
      execute(program, {
        policy: "allow-all",
        tracing: false,
        args: { n },
        handlers: { "own.meet": meet },
        record: (description) => memoryRecorder(description),
      }),
    ),
  );
  expect(runs.map((run) => run.value)).toEqual(runs.map((_, n) => n + RUNS + 1));
}

test.runIf(DEEP)("a thousand runs at once, again and again, leave no memory behind", async () => {
  for (let i = 0; i < WARM_UP_ROUNDS; i++) await round();
  const before = usedBytes();
  for (let i = 0; i < ROUNDS; i++) await round();
  expect((usedBytes() - before) / (ROUNDS * RUNS)).toBeLessThan(MAX_LEFT_BYTES);
});
