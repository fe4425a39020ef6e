/** Checks the decisions about calls in a log, and counts how many are signed. */
import { decisionProblem } from "../gateway/approval.ts";
import { callHash } from "../gateway/call-hash.ts";
import { Decisions } from "../policy/decide.ts";
import type { Policy } from "../policy/policy.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { signatureFor, withDefaults } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { RunEvent } from "../vm/events.ts";
import { loadEvent, type LogEvent } from "./log/event-json.ts";
import type { RunLog } from "./log/log-reader.ts";
import { recordedPolicy, recordedProgram } from "./replay.ts";

/** The decisions of a log, counted. */
export interface ApprovalCounts {
  readonly signed: number;
  /** Decisions under rules that name no keys. Nothing proves who made these decisions. */
  readonly claimed: number;
}

/**
 * Checks that each decision of the log is about the earliest open call. If the policy's rule names keys, the decision must be signed with
 * one of them. Throws `log.approval` with the line of the first wrong decision, and the errors of reading the log.
 */
export function checkApprovals(log: RunLog, policy: Policy): ApprovalCounts {
  /**
   * The calls logged since the last moment at which no call was open, oldest first. The first `answered` of them have answers, so
   * `calls[answered]` is the earliest open call.
   */
  const calls: LogEvent[] = [];
  let answered = 0;
  let signed = 0;
  let claimed = 0;
  for (const { n, event } of log.events) {
    if (event.type === "CapResult" || event.type === "CapError") {
      answered += 1;
      if (answered === calls.length) {
        calls.length = 0;
        answered = 0;
      }
    }
    if (event.type === "CapCall") calls.push({ n, event });
    if (event.type !== "Approval") continue;
    const opened = calls[answered];
    const call = opened === undefined ? undefined : loadEvent(opened.event, log.blobs, opened.n);
    if (call?.type !== "CapCall") throw new BorunaError("internal", "a decision follows no open call");
    const { keys = [] } = policy.rules.get(call.capability)?.approval ?? {};
    const isAboutCall = event.hash === callHash(call.capability, call.args);
    const problem = isAboutCall ? decisionProblem(keys, { ...event, runId: log.header.runId }, event.signature) : "is about another call";
    if (problem !== undefined) {
      // Event n is on line n + 1, because line 1 is the header.
      throw new BorunaError("log.approval", `the decision about call ${event.call} ${problem}`, {
        place: { file: log.file, line: n + 1 },
      });
    }
    if (keys.length === 0) claimed += 1;
    else signed += 1;
  }
  return { signed, claimed };
}

/**
 * Returns a clause that says what the earliest open call waits for: its answer, or an approval. Undefined if no call is open or it waits
 * for neither. Also undefined if the recorded program or policy cannot be read.
 */
export function waitingText(log: RunLog): string | undefined {
  const { openCall } = log;
  if (openCall === undefined) return undefined;
  if (openCall.mark === "later") return `its last call, of ${openCall.capability}, waits for its answer`;
  return openCall.decision === undefined && openCallWaits(log)
    ? `its last call, of ${openCall.capability}, waits for an approval`
    : undefined;
}

function openCallWaits(log: RunLog): boolean {
  try {
    return openCallNeedsApproval(log, recordedProgram(log), recordedPolicy(log));
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
    return false;
  }
}

function openCallNeedsApproval(log: RunLog, program: Program, policy: Policy): boolean {
  for (const { n, event } of log.events) {
    if (n !== log.openCall?.n) continue;
    const call = loadEvent(event, log.blobs);
    return call.type === "CapCall" && needsApproval(call, program, policy);
  }
  return false;
}

/** Whether the policy makes the call wait for a person's approval. */
export function needsApproval(call: RunEvent & { readonly type: "CapCall" }, { registry, module }: Program, policy: Policy): boolean {
  const capability = registry.byName.get(call.capability);
  if (capability === undefined) return false;
  const signature = signatureFor(capability, call.args.length);
  const args = signature === undefined ? call.args : withDefaults(signature, call.args);
  return new Decisions(policy, module.types).decide(capability, args).approval !== undefined;
}
