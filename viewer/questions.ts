/** Answers the slow queries: what-if and comparison. They read a complete log or run its program, and yield to other work meanwhile. */
import { diffSteps, type LogDifference } from "../replay/diff.ts";
import { loadEvent } from "../replay/log/event-json.ts";
import type { RunLog } from "../replay/log/log-reader.ts";
import { recordedPolicy } from "../replay/replay.ts";
import type { WhatIfStop } from "../replay/recorded-calls.ts";
import { type WhatIfReport, whatIf } from "../replay/what-if.ts";
import { budgetRule, Decisions } from "../policy/decide.ts";
import { parsePolicy, ruleLine } from "../policy/parse.ts";
import { NAMED_POLICIES, type Policy } from "../policy/policy.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { signatureFor, withDefaults } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import { isJsonArray, isJsonObject, type JsonData, parseJson } from "../vm/json/json.ts";
import type { CompareAnswer, Difference, WhatIfAnswer } from "./api.ts";
import { REPLAY_LIMITS, stackJson } from "./log-events.ts";
import type { LogIndex } from "./log-index.ts";
import { recordedProgramOf } from "./recorded-program.ts";

const MAX_REFUSALS = 1_000;
const MAX_DIFFERENCES = 1_000;
const MAX_JSON_DEPTH = 256;
/** How long a query may run before it yields, in milliseconds. */
const TURN_MS = 15;

/** What a what-if request changes: the policy, and the answers of calls, by their numbers. */
interface Conditions {
  readonly policyText: string | undefined;
  readonly edits: ReadonlyMap<number, JsonData>;
}

/** Reads the body of a what-if request. Throws `usage`, `json.*`. */
export function readConditions(body: string): Conditions {
  const data = parseJson(body, { maxDepth: MAX_JSON_DEPTH });
  const wrong = (problem: string): BorunaError => new BorunaError("usage", `the what-if request is wrong: ${problem}`);
  if (!isJsonObject(data)) throw wrong("expected an object");
  const policyText = data.get("policy");
  if (policyText !== undefined && typeof policyText !== "string") throw wrong("policy: expected the text of a policy file");
  const edits = new Map<number, JsonData>();
  const list = data.get("edits") ?? [];
  if (!isJsonArray(list)) throw wrong("edits: expected a list");
  for (const edit of list) {
    const call = isJsonObject(edit) ? edit.get("call") : undefined;
    const answer = isJsonObject(edit) ? edit.get("answer") : undefined;
    if (typeof call !== "number" || answer === undefined) throw wrong("edits: expected objects with call and answer");
    edits.set(call, answer);
  }
  return { policyText, edits };
}

/** Returns what the recorded run would do under another policy or with other answers. Throws `usage`, `policy.*`, `log.*`. */
export async function answerWhatIf(index: LogIndex, { policyText, edits }: Conditions, signal: AbortSignal): Promise<WhatIfAnswer> {
  const log = runLogOf(index);
  const program = recordedProgramOf(index);
  const policy = policyText === undefined ? undefined : givenPolicy(policyText, program);
  const isFile = policyText !== undefined && !NAMED_POLICIES.has(policyText);
  const refusals = await judge(log, program, policy ?? recordedPolicy(log), isFile ? policyText : undefined, signal);
  const report = await whatIf(log, { program, edits, limits: REPLAY_LIMITS, signal, ...(policy === undefined ? {} : { policy }) });
  return { refusals, replay: replayJson(report) };
}

function givenPolicy(text: string, { registry }: Program): Policy {
  return NAMED_POLICIES.get(text.trim()) ?? parsePolicy(text, { file: "policy", jsonc: true, registry });
}

function runLogOf(index: LogIndex): RunLog {
  const log = index.toRunLog();
  if (log === undefined) throw new BorunaError("usage", `${index.file} has no header yet`);
  return log;
}

type Refusal = WhatIfAnswer["refusals"]["calls"][number];

/** Returns the recorded calls that the policy would not allow. Calls after a refused one are judged, too. A refused call does not use up a budget. */
async function judge(
  log: RunLog,
  program: Program,
  policy: Policy,
  text: string | undefined,
  signal: AbortSignal,
): Promise<WhatIfAnswer["refusals"]> {
  const decisions = new Decisions(policy, program.module.types);
  const turns = new Turns(signal);
  const counts = new Map<string, number>();
  const calls: Refusal[] = [];
  const lines = new Map<string, number | undefined>();
  let [call, refused] = [0, 0];
  for (const { n, event } of log.events) {
    await turns.pause();
    if (event.type !== "CapCall") continue;
    call += 1;
    const loaded = loadEvent(event, log.blobs);
    const capability = program.registry.byName.get(event.capability);
    if (loaded.type !== "CapCall" || capability === undefined) continue;
    const signature = signatureFor(capability, loaded.args.length);
    const decision = decisions.decide(capability, signature === undefined ? loaded.args : withDefaults(signature, loaded.args));
    const made = (counts.get(capability.name) ?? 0) + (decision.allowed ? 1 : 0);
    counts.set(capability.name, made);
    const found = refusalOf(decision, made, capability.name);
    if (found === undefined) continue;
    refused += 1;
    if (calls.length === MAX_REFUSALS) continue;
    if (text !== undefined && !lines.has(found.rule)) lines.set(found.rule, ruleLine(text, found.rule));
    calls.push({ call, event: n, capability: capability.name, ...found, ruleLine: lines.get(found.rule) });
  }
  return { judged: call, refused, calls };
}

/** Returns why a call would not be made at once. Undefined if it would. `made` is the number of allowed calls of the capability, with this one. */
function refusalOf(
  { allowed, rule, reason, budget, approval }: ReturnType<Decisions["decide"]>,
  made: number,
  capability: string,
): Pick<Refusal, "kind" | "rule" | "reason"> | undefined {
  if (!allowed) return { kind: "refused", rule, reason };
  if (budget !== undefined && made > budget)
    return { kind: "budget", rule: budgetRule(capability), reason: `the budget of ${capability} is ${budget}` };
  return approval === undefined ? undefined : { kind: "approval", rule: approval.rule, reason: "the call would wait for an approval" };
}

function replayJson({ status, calls, stop, stack, recordedEnd, end }: WhatIfReport): WhatIfAnswer["replay"] {
  return {
    status,
    recordedCalls: calls.recorded,
    answeredCalls: calls.answered,
    stop: stop === undefined ? undefined : stopJson(stop),
    stack: stackJson(stack),
    recordedEnd,
    end,
  };
}

function stopJson(stop: WhatIfStop): WhatIfAnswer["replay"]["stop"] {
  if (stop.reason === "refused") return { reason: stop.reason, text: `${stop.text}: ${stop.message}`, rule: stop.rule };
  if (stop.reason === "no_answer") return { reason: stop.reason, text: stop.text };
  const { message, expected, actual } = stop.mismatch;
  return { reason: stop.reason, text: `${message}. Recorded: ${expected}. Now: ${actual}.` };
}

/** Compares two logs. */
export async function compareRuns(a: LogIndex, b: LogIndex, signal: AbortSignal): Promise<CompareAnswer> {
  const turns = new Turns(signal);
  const found = diffSteps(runLogOf(a), runLogOf(b));
  const differences: Difference[] = [];
  let next = found.next();
  for (; next.done !== true; next = found.next()) {
    await turns.pause();
    if (next.value !== undefined && differences.length < MAX_DIFFERENCES) differences.push(differenceJson(next.value));
  }
  const { same, equal, differences: total } = next.value;
  return { same, equal, total, differences };
}

function differenceJson({ kind, a, b, aText, bText, difference, events }: LogDifference): Difference {
  const at = difference === undefined ? undefined : { path: difference.path, a: difference.expected, b: difference.actual };
  return { kind, a, b, events, aText, bText, at };
}

/** Yields to other work after a while, and stops if the signal aborts. */
class Turns {
  readonly #signal: AbortSignal;
  #start = performance.now();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  async pause(): Promise<void> {
    if (performance.now() - this.#start < TURN_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#signal.throwIfAborted();
    this.#start = performance.now();
  }
}
