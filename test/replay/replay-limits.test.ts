/** A log may be forged, so a replay uses no more steps and memory than the log's end record says, and than the caller allows. */
import { describe, expect, test } from "vitest";
import type { ReplayLimits } from "../../replay/replay-limits.ts";
import { BorunaError } from "../../vm/error.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { assemble } from "./assemble.ts";
import { editLine, withNewHashes } from "./mend.ts";
import { LOOPS } from "./programs.ts";
import { recorded, replayed, type Recorded } from "./recorded.ts";

const MAX = Number.MAX_SAFE_INTEGER;
/** Reads a file, then builds ever longer Strings without end. */
const GROWS: Program = assemble({
  functions: [
    {
      name: "main",
      locals: 1,
      capabilities: ["fs.read"],
      code: [
        ["PushConst", "a.txt"],
        ["CapCall", "fs.read", 1],
        ["StoreLocal", 0],
        ["LoadLocal", 0],
        ["LoadLocal", 0],
        ["Concat"],
        ["StoreLocal", 0],
        ["Jmp", 3],
      ],
    },
  ],
});

/** Records a run, then changes the limits in the log's header to the largest ones. */
async function unbounded(program: Program, args: Readonly<Record<string, unknown>> = {}): Promise<Recorded> {
  const recording = await recorded(program, { args, limits: { max_steps: 1_000, max_alloc_bytes: 20_000 } });
  const steps = editLine(recording.bytes, 1, '"max_steps":1000', `"max_steps":${MAX}`);
  return { ...recording, bytes: editLine(steps, 1, '"max_alloc_bytes":20000', `"max_alloc_bytes":${MAX}`) };
}
const withoutEnd = (bytes: Uint8Array): Uint8Array => bytes.subarray(0, Buffer.from(bytes).lastIndexOf('{"end"'));
const errorOf = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => "nothing was thrown",
    (error: unknown) => (error instanceof BorunaError ? [error.kind, error.message, error.hint] : error),
  );

describe("a replay ends where the recorded run did", () => {
  test("at its steps, whatever limit the header asks for", async () => {
    const recording = await unbounded(LOOPS, { n: 100_000_000 });
    const end = recording.run.steps;
    const report = await replayed(recording, editLine(recording.bytes, 2, /"end":\{.*\},"hash"/, success(end)));
    expect(report.result.steps).toBe(end);
    expect(report).toMatchObject({
      status: "divergence",
      exitCode: 5,
      divergence: {
        kind: "steps",
        event: 1,
        atEnd: true,
        expected: String(end),
        actual: `more than ${end}`,
        location: { function: "main" },
      },
    });
  });

  test("at its allocation, whatever limit the header asks for", async () => {
    const recording = await unbounded(GROWS);
    const report = await replayed(recording, editLine(recording.bytes, 4, /"end":\{.*\},"hash"/, success(1_000_000, 10_000)));
    expect(report.result.allocBytes).toBeLessThanOrEqual(10_000);
    expect(report).toMatchObject({
      status: "divergence",
      events: { recorded: 2, compared: 2 },
      divergence: { kind: "alloc_bytes", event: 3, atEnd: true, expected: "10000", location: { function: "main" } },
    });
  });

  test("at its last event if the log has no end record", async () => {
    const recording = await recorded(GROWS, { limits: { max_alloc_bytes: 20_000 } });
    expect(await replayed(recording, withoutEnd(recording.bytes))).toMatchObject({ status: "incomplete", exitCode: 6 });
  });

  test.each([
    ["steps", LOOPS, { n: 100 }, { max_steps: 50 }],
    ["allocation", GROWS, {}, { max_alloc_bytes: 20_000 }],
  ])("and a run that reached its own limit on %s is repeated", async (_name, program, args, limits) => {
    const recording = await recorded(program, { args, limits });
    expect(recording.run.outcome).toBe("limit_exceeded");
    expect(await replayed(recording)).toMatchObject({ status: "identical", outcome: "limit_exceeded" });
  });
});

/** An end record that claims a success. */
const success = (steps: number, alloc = 0): string =>
  `"end":{"alloc_bytes":${alloc},"counters":{"budget_exceeded":0,"denied":0,"dispatched":0,"failed":0,"total":0,"unknown":0},"events":${alloc === 0 ? 0 : 2},"outcome":"success","steps":${steps},"value":{"Int":1}},"hash"`;

describe("a replay uses no more than the caller allows", () => {
  test("it does not begin if the recorded run used more", async () => {
    const recording = await recorded(LOOPS, { args: { n: 100 } });
    const { steps } = recording.run;
    expect(await errorOf(replayed(recording, undefined, { limits: { max_steps: steps - 1 } }))).toEqual([
      "log.replay_limit",
      `the recorded run took ${steps} steps; this replay may take ${steps - 1}`,
      `If you trust the log, raise \`max_steps\` in the limits of the replay to ${steps}.`,
    ]);
    expect(await replayed(recording, undefined, { limits: { max_steps: steps } })).toMatchObject({ status: "identical" });
    const alloc = recording.run.allocBytes;
    expect(await errorOf(replayed(recording, undefined, { limits: { max_alloc_bytes: alloc - 1 } }))).toMatchObject({
      0: "log.replay_limit",
    });
    expect(await replayed(recording, undefined, { limits: { max_alloc_bytes: alloc } })).toMatchObject({ status: "identical" });
  });

  test("a claim above the default limits needs the caller's permission", async () => {
    const recording = await unbounded(LOOPS, { n: 100_000_000 });
    const log = editLine(recording.bytes, 2, /"end":\{.*\},"hash"/, success(MAX));
    expect(await errorOf(replayed(recording, log))).toMatchObject({
      0: "log.replay_limit",
      1: `the recorded run took ${MAX} steps; this replay may take 10000000`,
    });
  });

  test.each<[string, ReplayLimits, string]>([
    ["steps", { max_steps: 5_000 }, "the replay was stopped at 5000 steps, the most that it may use; the log asks for 9007199254740991"],
    ["allocation", { max_alloc_bytes: 5_000 }, "the replay was stopped at 5000 bytes allocated, the most that it may use"],
    ["time", { max_wall_ms: 1, max_steps: MAX, max_alloc_bytes: MAX }, "the replay was stopped after 1 ms"],
  ])("on %s, with events left", async (what, limits, message) => {
    const recording = await unbounded(what === "allocation" ? GROWS : LOOPS, what === "allocation" ? {} : { n: MAX });
    // The caller may replay the log with another program, which uses more than the recorded one.
    const program = what === "allocation" ? LOOPS_TO_GROW : LOOPS;
    const run = replayed(recording, withEvents(recording.bytes), { limits, program });
    const error = await errorOf(run);
    expect(error).toMatchObject({ 0: "log.replay_limit", 1: expect.stringContaining(message) });
  });
});

/** Like GROWS, but never reads the file. */
const LOOPS_TO_GROW: Program = assemble({
  functions: [
    {
      name: "main",
      locals: 1,
      code: [["PushConst", "a"], ["StoreLocal", 0], ["LoadLocal", 0], ["LoadLocal", 0], ["Concat"], ["StoreLocal", 0], ["Jmp", 2]],
    },
  ],
});

/** Returns the log without its end record, and with an event that the program never reaches. */
function withEvents(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder().decode(withoutEnd(bytes));
  const lines = text.split("\n").filter((line) => line !== "");
  const event = '{"event":{"UiEmit":{"tree":{"Int":1}}},"n":1}';
  return new TextEncoder().encode(withNewHashes(lines.length > 1 ? lines : [...lines, event]));
}
