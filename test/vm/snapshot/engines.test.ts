/** Snapshots do not depend on the engine: compiled code leaves its frame before a call, and the interpreter then has the same state. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { compile } from "../../../compiler/compile.ts";
import { isPending } from "../../../vm/compiled/runtime.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { slotValue } from "../../../vm/interpreter/stack-slots.ts";
import { decodeState } from "../../../vm/snapshot/snapshot.ts";
import { textForm } from "../../../vm/value/display.ts";
import { UNIT } from "../../../vm/value/value.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import { arbitraryOverlap } from "../../arbitrary-overlap.ts";
import { arbitraryProgram } from "../../arbitrary-program.ts";
import { scaledRuns } from "../../cases.ts";
import { resolve } from "../../outcome.ts";
import { runThrough } from "./suspending.ts";

const LIMITS = { max_steps: 50_000 };

/** What a snapshot says. Lists may share storage in other ways, because compiled code makes fewer versions of a list. */
function contents(program: Program, bytes: Uint8Array): unknown {
  const { tasks, undelivered, limits: _, ...state } = decodeState(program, bytes);
  const shownTasks = tasks.map(({ stack, numbers, sp, depth, globals, mailbox, join, result, ...task }) => ({
    ...[task.id, task.status, task.frameFunction, task.framePc, task.frameBase, depth],
    slots: Array.from({ length: sp }, (_slot, i) => textForm(slotValue(stack, numbers, i))),
    pending: Array.from({ length: sp }, (_slot, i) => isPending(stack, numbers, i)),
    values: [...globals, ...mailbox.map(({ payload }) => payload), ...(join?.results ?? []), result].map((v) => textForm(v ?? UNIT)),
  }));
  return { ...state, tasks: shownTasks, undelivered: undelivered.map(({ payload }) => textForm(payload)) };
}

test("both engines write the same snapshots", async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(arbitraryProgram, arbitraryOverlap), async (text) => {
      const { module } = compile({ name: "main.ax", text }, { resolve });
      const fresh = (): ReturnType<typeof verifyModule> => verifyModule(module);
      const interpreted = await runThrough(fresh, () => true, { limits: LIMITS, engine: "interpreter" });
      const compiled = await runThrough(fresh, () => true, { limits: LIMITS, engine: "compiled" });
      expect(compiled.text).toBe(interpreted.text);
      const program = fresh();
      expect(compiled.states.map((state) => contents(program, state))).toEqual(interpreted.states.map((state) => contents(program, state)));
    }),
    { numRuns: scaledRuns(200) },
  );
});
