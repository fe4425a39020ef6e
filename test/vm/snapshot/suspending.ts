/** Runs that are suspended at chosen calls and resumed from their snapshots, and what must be equal to the uninterrupted run. */
import { eventToJson } from "../../../replay/log/event-json.ts";
import { signatureFor } from "../../../vm/capabilities.ts";
import type { CapabilityAnswer, CapabilityRequest, SuspendingHost } from "../../../vm/host.ts";
import { canonicalJson } from "../../../vm/json/json.ts";
import { DEFAULT_LIMITS, type Limits } from "../../../vm/limits.ts";
import type { MachineEnd, Program } from "../../../vm/bytecode/program.ts";
import { type MachineOptions, resumeMachine, startMachine, type Suspended } from "../../../vm/scheduler/scheduler.ts";
import { valueToTaggedJson } from "../../../vm/json/tagged-json.ts";
import { UNIT, type Value } from "../../../vm/value/value.ts";

/** The log of a run as text, without answers, and the number of its calls. Can be sent to another process as JSON. */
export interface Journal {
  lines: string[];
  calls: number;
  /** The answers of the calls at which the run was or will be suspended, by the steps of the calls. */
  pending: [step: number, answer: CapabilityAnswer][];
}

export const newJournal = (): Journal => ({ lines: [], calls: 0, pending: [] });

/** The mock's answer, or a failure when the program catches it. The n-th call of a run always has the same answer. */
function answerTo({ capability, args, declared, caught }: CapabilityRequest, n: number): CapabilityAnswer {
  if (!declared) return { ok: false, trap: "capability_denied", message: "not declared" };
  if (caught && n % 3 === 1) return { ok: false, trap: "capability_failed", message: `call ${n} failed` };
  const params = signatureFor(capability, args.length)?.params ?? [];
  const full = params.map((p, i): Value => args[i] ?? p.default ?? false);
  return { ok: true, value: capability.mock?.(capability.internal === true ? args : full) ?? UNIT };
}

interface JournalHost extends SuspendingHost {
  /** Answers the call at which the run was suspended. */
  settled(callStep: number): CapabilityAnswer;
}

/** How a host answers. */
type Timing = "now" | "later";

/** Makes a host that writes calls and events to the journal, and suspends the run at the calls that `suspendAt` chooses. */
export function journalHost(journal: Journal, suspendAt: (call: number) => boolean, timing: Timing = "now"): JournalHost {
  return {
    call: (request) => {
      const { capability, args, caught, actorId, step } = request;
      const shown = args.map((arg) => canonicalJson(valueToTaggedJson(arg))).join(", ");
      journal.lines.push(`${actorId}@${step} ${caught ? "try " : ""}${capability.name}(${shown}) ${JSON.stringify(request.place())}`);
      const n = journal.calls++;
      const answer = answerTo(request, n);
      const reply = suspendAt(n) ? "suspend" : answer;
      if (reply === "suspend") journal.pending.push([step, answer]);
      return timing === "later" ? Promise.resolve(reply) : reply;
    },
    event: (event) => {
      journal.lines.push(canonicalJson(eventToJson(event, Number.POSITIVE_INFINITY)));
      return undefined;
    },
    debug: (text) => {
      journal.lines.push(`debug ${text}`);
      return undefined;
    },
    interrupted: () => undefined,
    settled: (callStep) => {
      const index = journal.pending.findIndex(([step]) => step === callStep);
      const [pending] = journal.pending.splice(index, index < 0 ? 0 : 1);
      if (pending === undefined) throw new Error("no call is open");
      return pending[1];
    },
  };
}

/** Everything that must be equal in two runs of a program, as text. */
export function shown(end: MachineEnd, journal: Journal): string {
  const { steps, allocBytes, actors, unreceived } = end;
  const how = end.status === "completed" ? canonicalJson(valueToTaggedJson(end.value)) : JSON.stringify(end.trap);
  return [...journal.lines, `unreceived ${JSON.stringify(unreceived)}`, `${how} ${steps} ${allocBytes} ${actors}`].join("\n");
}

export type RunOptions = Partial<Omit<MachineOptions, "limits">> & { readonly limits?: Partial<Limits>; readonly timing?: Timing };

interface Through {
  readonly text: string;
  readonly calls: number;
  /** The snapshots of the run, in order. */
  readonly states: readonly Uint8Array[];
}

/** The snapshot at the first call that `at` selects. */
export function suspendedAt(program: Program, at: (call: number) => boolean = () => true, args: readonly Value[] = []): Uint8Array {
  const end = startMachine(program, journalHost(newJournal(), at), { args, limits: DEFAULT_LIMITS });
  if (end instanceof Promise || end.status !== "suspended") throw new Error("the run was not suspended");
  return end.state;
}

/** Runs a program to its end. `fresh` makes a new program for each resumption, as another process would. */
export async function runThrough(
  fresh: () => Program,
  suspendAt: (call: number) => boolean,
  { limits, timing, ...options }: RunOptions = {},
): Promise<Through> {
  const journal = newJournal();
  const states: Uint8Array[] = [];
  let host = journalHost(journal, suspendAt, timing);
  let end: MachineEnd | Suspended = await startMachine(fresh(), host, { args: [], ...options, limits: { ...DEFAULT_LIMITS, ...limits } });
  while (end.status === "suspended") {
    states.push(end.state);
    const answer = host.settled(end.callStep);
    host = journalHost(journal, suspendAt, timing);
    const { engine, trace } = options;
    end = await resumeMachine(fresh(), host, end.state.slice(), answer, {
      ...(engine === undefined ? {} : { engine }),
      ...(trace === undefined ? {} : { trace }),
    });
  }
  return { text: shown(end, journal), calls: journal.calls, states };
}
