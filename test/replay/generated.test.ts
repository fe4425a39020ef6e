import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CapabilityFailure, machineHandler } from "../../gateway/handlers.ts";
import { execute } from "../../runtime/execute.ts";
import { resume } from "../../runtime/resume.ts";
import { FloatValue, intFromBigInt } from "../../vm/value/value.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { recorded, type Recorded, replayed } from "./recorded.ts";
import { scaledRuns } from "../cases.ts";

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const answer = fc.oneof(
  { weight: 9, arbitrary: text.map((t) => ({ text: t, fails: false })) },
  { weight: 1, arbitrary: text.map((t) => ({ text: t, fails: true })) },
);
/** The answers of the handlers, and whether they are asynchronous. */
const answers = fc.record({
  texts: fc.array(answer, { minLength: 1, maxLength: 6 }),
  ints: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { minLength: 1, maxLength: 4 }),
  later: fc.boolean(),
});

/** Returns handlers whose answers depend on the number of the call. */
function handlersFor(given: {
  readonly texts: readonly { text: string; fails: boolean }[];
  readonly ints: readonly bigint[];
  readonly later: boolean;
}) {
  const textHandler = machineHandler((_, { callNumber }) => {
    const next = given.texts[callNumber % given.texts.length] ?? { text: "", fails: false };
    if (next.fails) throw new CapabilityFailure(next.text);
    return given.later ? Promise.resolve(next.text) : next.text;
  });
  const intOf = (callNumber: number) => intFromBigInt(given.ints[callNumber % given.ints.length] ?? 0n);
  const intHandler = machineHandler((_, { callNumber }) => intOf(callNumber));
  const random = machineHandler((args, { callNumber }) => (args.length === 0 ? new FloatValue(0.5) : intOf(callNumber)));
  return { "net.fetch": textHandler, "fs.read": textHandler, "time.now": intHandler, random };
}

test("a run of any program with any answers, cut anywhere and resumed, ends with the same result and log bytes", async () => {
  const folder = mkdtempSync(join(tmpdir(), "boruna-generated-"));
  await fc.assert(
    fc.asyncProperty(arbitraryProgram, answers, fc.double({ min: 0, max: 1, noNaN: true }), async (source, given, where) => {
      const path = join(mkdtempSync(join(folder, "run-")), "run.jsonl");
      const program = verifyModule(compile({ name: "main.ax", text: source }).module);
      const handlers = handlersFor(given);
      const policy = "allow-all";
      const run = await execute(program, { handlers, policy, tracing: false, limits: { max_steps: 100_000 }, record: path });
      const bytes = readFileSync(path);
      const headerEnd = bytes.indexOf(0x0a) + 1;
      truncateSync(path, headerEnd + Math.floor(where * (bytes.length - headerEnd)));
      const resumed = await resume(path, { handlers, tracing: false, inDoubt: "retry" });
      expect(readFileSync(path).equals(bytes)).toBe(true);
      const { outcome, value, steps, allocBytes, counters, ui } = run;
      expect(resumed).toMatchObject({ outcome, steps, allocBytes, counters, ui });
      expect(resumed.value).toEqual(value);
      expect(readdirSync(`${path}.blobs`)).toHaveLength(1);
    }),
    { numRuns: scaledRuns(300) },
  );
  rmSync(folder, { recursive: true });
});

test("a run of any program with any answers replays identically, and equal answers give equal log bytes", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryProgram, answers, async (source, given) => {
      const program = verifyModule(compile({ name: "main.ax", text: source }).module);
      const run = (): Promise<Recorded> => recorded(program, { handlers: handlersFor(given), limits: { max_steps: 100_000 } });
      const first = await run();
      const second = await run();
      expect(Buffer.from(second.bytes).equals(Buffer.from(first.bytes))).toBe(true);
      const report = await replayed(first);
      expect(report.divergence).toBeUndefined();
      expect(report.status).toBe("identical");
    }),
    { numRuns: scaledRuns(300) },
  );
});
