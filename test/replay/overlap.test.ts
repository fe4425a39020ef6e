/** Overlapping calls: the log depends only on the program and the answers, not on their order of arrival, and it replays and resumes. */
import { copyFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { execute } from "../../runtime/execute.ts";
import { resume } from "../../runtime/resume.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { arbitraryOverlap, worldOf } from "../arbitrary-overlap.ts";
import { scaledRuns, DEEP } from "../cases.ts";
import { fixedSample } from "../choices.ts";
import { MACHINE_LIMITS } from "../../vm/limits.ts";
import { CapabilityFailure } from "../../gateway/handlers.ts";
import { recorded, type Recorded, replayed } from "./recorded.ts";

const LIMITS = { max_steps: 2_000_000 };
const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }).module);

test.runIf(DEEP)("the generator makes calls that overlap, in actors and in branches", async () => {
  const counts = { overlapping: 0, failed: 0, spawns: 0 };
  for (const text of fixedSample(arbitraryOverlap, 40)) {
    const world = worldOf(1);
    const { run, bytes } = await recorded(programOf(text), { handlers: world.handlers, live: true, runId: "r", limits: LIMITS });
    if (world.mostAtOnce > 1) counts.overlapping += 1;
    if (run.outcome !== "success") counts.failed += 1;
    if (new TextDecoder().decode(bytes).includes("ActorSpawn")) counts.spawns += 1;
  }
  expect(counts.overlapping).toBeGreaterThan(10);
  expect(counts.spawns).toBeGreaterThan(5);
  expect(counts.failed).toBeGreaterThan(2);
});

test("equal answers give equal logs, whatever arrives first, and each log replays", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryOverlap, fc.nat(1_000), async (text, seed) => {
      const program = programOf(text);
      const logs = new Set<string>();
      for (const [i, maxParallelCalls] of [1, 2, 16].entries()) {
        for (const engine of ["interpreter", "compiled"] as const) {
          const world = worldOf(i === 0 && engine === "compiled" ? undefined : seed + i);
          const recording = await recorded(program, {
            handlers: world.handlers,
            live: true,
            runId: "r",
            limits: LIMITS,
            maxParallelCalls,
            engine,
          });
          expect(world.mostAtOnce).toBeLessThanOrEqual(maxParallelCalls);
          logs.add(Buffer.from(recording.bytes).toString("latin1"));
          if (logs.size > 1) break;
          const report = await replayed(recording, recording.bytes, { engine: i === 1 ? "interpreter" : "compiled" });
          expect(report.divergence).toBeUndefined();
          expect(report.status).toBe("identical");
        }
      }
      expect(logs.size).toBe(1);
    }),
    { numRuns: scaledRuns(400) },
  );
});

test("a run that fails while another branch waits for its next slice replays", async () => {
  // When the call of the first branch fails, the second branch has used up its slice of steps. The run ends at that step.
  const program = programOf(`fn main() -> Int !{net.fetch} {
    let (a, b) = par {
      string.len(net.fetch("a")),
      { let mut sum = 0
        for i in list.range(0, 30000) { sum = sum + i % 3 }
        sum + string.len(net.fetch("b")) }
    }
    a + b
  }`);
  for (const engine of ["interpreter", "compiled"] as const) {
    const fail = (): never => {
      throw new CapabilityFailure("no network");
    };
    const run = async (maxSteps: number): Promise<Recorded> =>
      recorded(program, { handlers: { "net.fetch": fail }, live: true, runId: "r", limits: { max_steps: maxSteps }, engine });
    const recording = await run(2_000_000);
    expect(recording.run.error).toMatchObject({ kind: "capability_failed", message: "no network" });
    expect(recording.run.steps).toBeGreaterThan(MACHINE_LIMITS.taskSliceSteps);
    for (const other of ["interpreter", "compiled"] as const) {
      expect(await replayed(recording, recording.bytes, { engine: other })).toMatchObject({ status: "identical" });
    }
    // A limit of exactly the used steps gives the same run.
    const { run: limited } = await run(recording.run.steps);
    expect(limited).toMatchObject({ outcome: recording.run.outcome, error: recording.run.error, steps: recording.run.steps });
  }
});

const ANSWER = /"Cap(?:Result|Error)"/;

test("a log cut at any event and resumed has the bytes of the undisturbed run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "boruna-overlap-"));
  try {
    await fc.assert(
      fc.asyncProperty(
        arbitraryOverlap,
        fc.nat(1_000),
        fc.array(fc.nat(10_000), { minLength: 4, maxLength: 4 }),
        async (text, seed, cuts) => {
          const path = join(mkdtempSync(join(folder, "run-")), "run.jsonl");
          const program = programOf(text);
          const { handlers } = worldOf(seed);
          const run = await execute(program, {
            policy: "allow-all",
            live: true,
            tracing: false,
            runId: "r",
            limits: LIMITS,
            handlers,
            record: path,
          });
          expect(existsSync(`${path}.open`)).toBe(false);
          const bytes = readFileSync(path);
          const ends = [...bytes.entries()].flatMap(([i, byte]) => (byte === 0x0a ? [i + 1] : []));
          for (const [i, cut] of cuts.entries()) {
            const copy = `${path}.${i}`;
            copyFileSync(path, copy);
            cpSync(`${path}.blobs`, `${copy}.blobs`, { recursive: true });
            truncateSync(copy, ends[cut % ends.length]);
            const world = worldOf(seed + 1 + i);
            const resumed = await resume(copy, {
              handlers: world.handlers,
              tracing: false,
              inDoubt: "retry",
              maxParallelCalls: 1 + (i % 3),
            });
            expect(readFileSync(copy).equals(bytes)).toBe(true);
            expect(resumed).toMatchObject({ outcome: run.outcome, steps: run.steps, counters: run.counters });
            // No call whose answer is in the log was made again.
            const kept = bytes.subarray(0, ends[cut % ends.length]).toString("latin1");
            const countOf = (log: string, event: RegExp): number => log.split(event).length - 1;
            const complete = bytes.toString("latin1");
            const answered = countOf(kept, ANSWER);
            // A call that is open when the run fails may never have started.
            expect(world.calls.length).toBeLessThanOrEqual(countOf(complete, /"CapCall"/) - answered);
            expect(world.calls.length).toBeGreaterThanOrEqual(countOf(complete, ANSWER) - answered);
          }
        },
      ),
      { numRuns: scaledRuns(200) },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("where no call fails, par.map gives the result of the loop", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryOverlap, fc.nat(1_000), async (text, seed) => {
      // Leave out the actors, because their messages would come in another order.
      const branches = text.replaceAll(/let (v\d+) = spawn worker\d\nsend v\d+ t/g, "");
      const never = Number.POSITIVE_INFINITY;
      const [together, alone] = await Promise.all(
        [branches, branches.replaceAll("par.map(", "list.map(")].map((source) =>
          execute(programOf(source), {
            policy: "allow-all",
            live: true,
            tracing: false,
            limits: LIMITS,
            handlers: worldOf(seed, never).handlers,
          }),
        ),
      );
      expect(together?.outcome).toBe(alone?.outcome);
      expect(together?.value).toEqual(alone?.value);
    }),
    { numRuns: scaledRuns(300) },
  );
});
