/** Runs whose calls overlap, suspended at any of them and resumed from their snapshots. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import type { CapabilityAnswer, CapabilityRequest } from "../../../vm/host.ts";
import { DEFAULT_LIMITS } from "../../../vm/limits.ts";
import { resumeMachine, startMachine } from "../../../vm/scheduler/scheduler.ts";
import { arbitraryOverlap } from "../../arbitrary-overlap.ts";
import { scaledRuns } from "../../cases.ts";
import { fixedSample } from "../../choices.ts";
import { journalHost, newJournal, runThrough } from "./suspending.ts";

const LIMITS = { max_steps: 300_000 };

test("a run that is suspended at every call, or at any one, equals the uninterrupted run", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryOverlap, fc.nat(1_000), fc.constantFrom("now" as const, "later" as const), async (text, at, timing) => {
      const { module } = compile({ name: "main.ax", text });
      const fresh = (): ReturnType<typeof verifyModule> => verifyModule(module);
      const engine = at % 2 === 0 ? "interpreter" : "compiled";
      const straight = await runThrough(fresh, () => false, { limits: LIMITS });
      const everywhere = await runThrough(fresh, () => true, { limits: LIMITS, timing, engine });
      expect(everywhere.text).toBe(straight.text);
      const once = await runThrough(fresh, (call) => call === at % Math.max(1, straight.calls), { limits: LIMITS, timing, engine });
      expect(once.text).toBe(straight.text);
    }),
    { numRuns: scaledRuns(200) },
  );
});

test("a snapshot holds an actor that failed together with the branches of its par", async () => {
  const text = `fn fails() -> Int { 1 / 0 }
fn worker() -> Unit !{net.fetch} {
    let (_, _) = par { string.len(net.fetch("https://a/")), fails() }
}
fn main() -> Int !{net.fetch, actor.spawn} {
    let _ = spawn worker
    string.len(net.fetch("https://b/")) + string.len(net.fetch("https://c/"))
}`;
  const { module } = compile({ name: "main.ax", text });
  const fresh = (): ReturnType<typeof verifyModule> => verifyModule(module);
  const straight = await runThrough(fresh, () => false);
  const everywhere = await runThrough(fresh, () => true);
  expect(everywhere.text).toBe(straight.text);
  expect(straight.text).toContain("division by zero");
  expect(everywhere.states).toHaveLength(4);
});

test("snapshots hold tasks that wait for calls and for branches", async () => {
  let states = 0;
  for (const text of fixedSample(arbitraryOverlap, 10)) {
    const { module } = compile({ name: "main.ax", text });
    const through = await runThrough(
      () => verifyModule(module),
      (call) => call % 3 === 0,
      { limits: LIMITS },
    );
    states += through.states.length;
  }
  expect(states).toBeGreaterThan(20);
});

test.each<[string, CapabilityAnswer, string]>([
  ["ends with alloc_limit when it takes them", { ok: true, value: "1" }, "alloc_limit"],
  ["ends before it takes them", { ok: false, trap: "capability_failed", message: "no" }, "capability_failed"],
])("a snapshot may hold answers beyond max_alloc_bytes, which no task has taken: the run %s", (_, first, kind) => {
  const text = `fn main() -> Int !{net.fetch} {
    let (a, b) = par { parse_int(net.fetch("https://a/")), string.len(net.fetch("https://b/")) }
    a + b
}`;
  const { module } = compile({ name: "main.ax", text });
  const host = {
    ...journalHost(newJournal(), () => false),
    call: ({ args }: CapabilityRequest) =>
      args[0] === "https://a/" ? ("suspend" as const) : { ok: true as const, value: "b".repeat(10_000) },
  };
  const limits = { ...DEFAULT_LIMITS, max_alloc_bytes: 5_000 };
  const suspended = startMachine(verifyModule(module), host, { args: [], limits });
  if (suspended instanceof Promise || suspended.status !== "suspended") throw new Error("the run was not suspended");
  expect(resumeMachine(verifyModule(module), host, suspended.state, first)).toMatchObject({ trap: { kind } });
});
