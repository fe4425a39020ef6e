/** The id of a run, and what is derived from it: the log's bytes and the calls' idempotency keys. */
import { describe, expect, test } from "vitest";
import type { Handler } from "../../gateway/handlers.ts";
import type { RunOptions } from "../../runtime/execute.ts";
import { READS_TWICE } from "../replay/programs.ts";
import { logOf, recorded, replayed, type Recorded } from "../replay/recorded.ts";

const DERIVED = /^[0-9a-f]{32}$/;

interface Ran extends Recorded {
  readonly keys: readonly string[];
}

/** Runs the program with the same answers each time, and collects the idempotency keys of its calls. */
async function run(options: RunOptions): Promise<Ran> {
  const keys: string[] = [];
  const handler: Handler = (_args, { idempotencyKey }) => {
    keys.push(idempotencyKey);
    return "b.txt";
  };
  return { ...(await recorded(READS_TWICE, { handlers: { "fs.read": handler }, ...options })), keys };
}

describe("a live run", () => {
  test("has a new id and new keys each time", async () => {
    const [first, second] = [await run({ live: true }), await run({ live: true })];
    for (const { run: ended } of [first, second]) expect(ended.runId).toMatch(DERIVED);
    expect(second.run.runId).not.toBe(first.run.runId);
    expect(new Set([...first.keys, ...second.keys]).size).toBe(4);
    expect(logOf(first).header.runId).toBe(first.run.runId);
  });

  test("with the same answers and the same id has the same keys and the same bytes", async () => {
    const [first, second, third] = [
      await run({ live: true, runId: "order-1" }),
      await run({ live: true, runId: "order-1" }),
      await run({ live: true, runId: "order-2" }),
    ];
    expect(Buffer.from(second.bytes).equals(Buffer.from(first.bytes))).toBe(true);
    expect(second.keys).toEqual(first.keys);
    expect(third.keys).not.toEqual(first.keys);
  });

  test("keeps its id in a replay", async () => {
    const recording = await run({ live: true });
    expect(await replayed(recording)).toMatchObject({
      status: "identical",
      runId: recording.run.runId,
      result: { runId: recording.run.runId },
    });
  });

  test("has its id on its span", async () => {
    const readIds: string[] = [];
    const { run: ended } = await run({
      live: true,
      tracing: {
        startRun: ({ runId }) => {
          readIds.push(runId());
          return {
            startCall: () => ({ run: (body) => body(), headers: () => ({}), setModel: () => undefined, end: () => undefined }),
            startFlow: () => ({ end: () => undefined }),
            backpressure: () => undefined,
            end: () => undefined,
          };
        },
      },
    });
    expect(readIds).toEqual([ended.runId]);
  });
});

test("a mock run has a derived id, so its log has the same bytes each time", async () => {
  const [first, second] = [await recorded(READS_TWICE), await recorded(READS_TWICE)];
  expect(first.run.runId).toMatch(DERIVED);
  expect(second.run.runId).toBe(first.run.runId);
  expect(Buffer.from(second.bytes).equals(Buffer.from(first.bytes))).toBe(true);
});

test.each([
  ["empty", ""],
  ["with a space", "a b"],
  ["with a line feed at its end", "a\n"],
  ["with a NUL", "a\0"],
  ["with a letter that is no ASCII", "é"],
  ["too long", "x".repeat(129)],
  ["that is no text", 5],
])("an id %s is refused", async (_name, runId) => {
  const options: RunOptions = { live: true };
  Object.assign(options, { runId });
  await expect(run(options)).rejects.toMatchObject({
    kind: "usage",
    message: expect.stringContaining("1 to 128 printable ASCII characters"),
  });
});

test("an id may have 128 characters", async () => {
  expect((await run({ runId: "~".repeat(128) })).run.runId).toBe("~".repeat(128));
});
