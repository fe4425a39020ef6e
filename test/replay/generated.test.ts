import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CapabilityFailure, type Handler } from "../../gateway/handlers.ts";
import { FloatValue, intFromBigInt } from "../../vm/value/value.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { recorded, type Recorded, replayed } from "./recorded.ts";
import { cases } from "../cases.ts";

const text = fc.string({ unit: "grapheme", maxLength: 12 });
const answer = fc.oneof(
  { weight: 9, arbitrary: text.map((t) => ({ text: t, fails: false })) },
  { weight: 1, arbitrary: text.map((t) => ({ text: t, fails: true })) },
);
/** The answer to each call, and whether it is asynchronous. */
const answers = fc.record({
  texts: fc.array(answer, { minLength: 1, maxLength: 6 }),
  ints: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { minLength: 1, maxLength: 4 }),
  later: fc.boolean(),
});

test("a run of any program with any answers replays identically, and equal answers give equal log bytes", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryProgram, answers, async (source, given) => {
      const program = verifyModule(compile({ name: "main.ax", text: source }).module);
      const run = (): Promise<Recorded> => {
        let n = 0;
        const textHandler: Handler = () => {
          const next = given.texts[n++ % given.texts.length] ?? { text: "", fails: false };
          if (next.fails) throw new CapabilityFailure(next.text);
          return given.later ? Promise.resolve(next.text) : next.text;
        };
        const intHandler: Handler = () => intFromBigInt(given.ints[n++ % given.ints.length] ?? 0n);
        const random: Handler = (args, context) => (args.length === 0 ? new FloatValue(0.5) : intHandler(args, context));
        return recorded(program, {
          handlers: { "net.fetch": textHandler, "fs.read": textHandler, "time.now": intHandler, random },
          limits: { max_steps: 100_000 },
        });
      };
      const first = await run();
      const second = await run();
      expect(Buffer.from(second.bytes).equals(Buffer.from(first.bytes))).toBe(true);
      const report = await replayed(first);
      expect(report.divergence).toBeUndefined();
      expect(report.status).toBe("identical");
    }),
    { numRuns: cases(300) },
  );
});
