import fc from "fast-check";
import { expect, test } from "vitest";
import { check } from "../../compiler/compile.ts";
import { arbitraryActors } from "../arbitrary-actors.ts";
import { arbitraryProgram } from "../arbitrary-program.ts";
import { scaledRuns } from "../cases.ts";
import { runSource } from "../run-program.ts";

const RUNS = scaledRuns(1_000);

test("a well-typed program compiles to statically stacked code and never traps because of a type", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryProgram, async (text) => {
      const { diagnostics } = check({ name: "main.ax", text });
      expect(diagnostics.filter((d) => d.severity === "error")).toEqual([]);
      const { end, program } = await runSource(text, { limits: { max_steps: 200_000 } });
      expect(program.functions.filter((f) => !f.staticallyStacked).map((f) => f.def.name)).toEqual([]);
      if (end.status === "trapped") {
        expect(["arithmetic_overflow", "division_by_zero", "contract_violation", "step_limit", "alloc_limit"]).toContain(end.trap.kind);
      }
    }),
    { numRuns: RUNS },
  );
});

test("actors that declare their messages never trap because of a type", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryActors, async (text) => {
      const { diagnostics } = check({ name: "main.ax", text });
      expect(diagnostics.filter((d) => d.severity === "error")).toEqual([]);
      const { end, text: result } = await runSource(text, { limits: { max_steps: 200_000 } });
      // The failure of an actor is a message, so its text may be part of the result.
      const texts = [result, ...end.unreceived.map(({ message }) => message)];
      expect(texts.filter((found) => /type.error|match_exhausted|no arm/.test(found))).toEqual([]);
      if (end.status === "trapped") expect(["deadlock", "division_by_zero", "arithmetic_overflow", "step_limit"]).toContain(end.trap.kind);
    }),
    { numRuns: RUNS },
  );
});

test("a program without its effect row is rejected", () => {
  fc.assert(
    fc.property(arbitraryProgram, (text) => {
      const { diagnostics } = check({ name: "main.ax", text });
      const unused = new Set(diagnostics.filter((d) => d.code === "W001").map((d) => d.message));
      const without = check({ name: "main.ax", text: text.replace("-> String !{net.fetch, fs.read, time.now, random}", "-> String") });
      const errors = without.diagnostics.filter((d) => d.severity === "error");
      expect(errors.every((d) => d.code === "E007")).toBe(true);
      expect(errors.length).toBe(4 - [...unused].filter((m) => m.startsWith("`main`")).length);
    }),
    { numRuns: Math.ceil(RUNS / 2) },
  );
});
