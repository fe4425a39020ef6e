/** Compiles and runs source text in the machine, without a gateway: every declared call is allowed, and its mock answers. */
import { compile, type CompileOptions } from "../compiler/compile.ts";
import { signatureFor } from "../vm/capabilities.ts";
import type { RunEvent } from "../vm/events.ts";
import type { Host } from "../vm/host.ts";
import { DEFAULT_LIMITS, type Limits } from "../vm/limits.ts";
import type { MachineEnd, Program } from "../vm/bytecode/program.ts";
import { runMachine } from "../vm/scheduler/scheduler.ts";
import { typedText } from "../vm/value/display.ts";
import { parseType } from "../vm/value/type.ts";
import { UNIT, type Value } from "../vm/value/value.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";

interface RunResult {
  readonly end: MachineEnd;
  readonly program: Program;
  /** The typed text of the value; `trap KIND` for a trap. */
  readonly text: string;
  readonly events: readonly RunEvent[];
  readonly debug: readonly string[];
}

/** Makes a host that answers each call with its mock, and adds events and debug output to the two lists. */
export function mockHost(events: RunEvent[], debug: string[]): Host {
  return {
    call: (request) => {
      const { capability, args } = request;
      if (!request.declared) return { ok: false, trap: "capability_denied", message: `${capability.name} is not declared` };
      const params = signatureFor(capability, args.length)?.params ?? [];
      const full = params.map((p, i): Value => args[i] ?? p.default ?? false);
      return { ok: true, value: capability.mock?.(capability.internal === true ? args : full) ?? UNIT };
    },
    event: (event) => {
      events.push(event);
      return undefined;
    },
    debug: (text) => {
      debug.push(text);
      return undefined;
    },
    interrupted: () => undefined,
  };
}

/** Compiles a program and runs it to its end. */
export async function runSource(
  text: string,
  options: CompileOptions & { limits?: Partial<Limits>; host?: Partial<Host> } = {},
): Promise<RunResult> {
  const program = verifyModule(compile({ name: "main.ax", text }, options).module, options.registry);
  const events: RunEvent[] = [];
  const debug: string[] = [];
  const host = { ...mockHost(events, debug), ...options.host };
  const end = await runMachine(program, host, { limits: { ...DEFAULT_LIMITS, ...options.limits }, args: [] });
  const result = program.module.signature?.result;
  const type = result === undefined ? undefined : parseType(result);
  const ended = end.status === "completed" ? typedText(end.value, type, program.module.types) : `trap ${end.trap.kind}`;
  return { end, program, text: ended, events, debug };
}
