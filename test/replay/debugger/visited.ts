/** Opens debuggers for recorded runs, and collects what they show at every place. */
import { compile } from "../../../compiler/compile.ts";
import { Debugger, type DebuggerOptions, type Move } from "../../../replay/debugger/debugger.ts";
import { answerText, shortText } from "../../../replay/debugger/views.ts";
import { memorySource } from "../../../replay/log/log-source.ts";
import type { Program } from "../../../vm/bytecode/program.ts";
import { verifyModule } from "../../../vm/bytecode/verifier.ts";
import type { Recorded } from "../recorded.ts";

export const programOf = (text: string): Program => verifyModule(compile({ name: "main.ax", text }).module);

/** Opens the log of a recorded run in a debugger. */
export function debuggerOf({ bytes, recorder }: Recorded, options: DebuggerOptions = {}): Promise<Debugger> {
  return Debugger.open(memorySource(bytes, recorder.blobs), options);
}

/** Returns everything that the debugger shows at its current place, as text. */
export function shown(debug: Debugger): string {
  const { types } = debug.program.module;
  const tasks = debug.tasks().map(({ id, name, status }) => {
    const { frames, total } = debug.stack(id);
    const lines = frames.map(({ location, locals }) => {
      const values = locals.map((local) => `${local.name} = ${shortText(local.value, types)}`).join(", ");
      return `    ${location.function}:${location.pc} ${location.file ?? ""}:${location.line ?? 0} ${values}`;
    });
    return [`  ${name} ${status} ${total}`, ...lines].join("\n");
  });
  const next = debug.nextCall();
  const call = next === undefined ? "" : `  next: ${next.call} ${next.capability} ${answerText(next.answer, types)}`;
  const { step, task, pc, line } = debug.currentStop ?? { step: -1, task: 0, pc: 0, line: 0 };
  return [`${step} ${task} ${pc} ${line}`, JSON.stringify(debug.progress()), ...tasks, call, debug.end()?.text ?? ""].join("\n");
}

/** Repeats a move until the end or the start. Returns what was shown at each place, the first and the last included. */
export async function walk(debug: Debugger, move: Move, most = 80): Promise<readonly string[]> {
  const seen = [shown(debug)];
  for (let i = 0; i < most; i++) {
    const { reason } = await debug.move(move);
    if (reason === "start") return seen;
    seen.push(shown(debug));
    if (reason === "end") return seen;
  }
  return seen;
}
