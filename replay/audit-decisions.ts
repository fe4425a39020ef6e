/**
 * Computes what the given policy would have decided about the calls of an audit run. The run only reported these decisions (`policy/audit.ts`),
 * and the log does not contain them.
 */
import { AuditDecisions, type AuditDecision } from "../policy/audit.ts";
import { signatureFor, withDefaults } from "../vm/capabilities.ts";
import { type LoggedCall, recordedTypes } from "./entries.ts";
import { loadValue } from "./log/blob-values.ts";
import type { ParsedLog } from "./log/log-reader.ts";
import { recordedRegistry, writtenPolicy } from "./replay.ts";

/**
 * Returns the function that decides about calls, or undefined if the log is not of an audit run. Call the function with every call of the
 * log, in order. It returns undefined for a call that matches no declaration in the log. Both functions throw `log.*`.
 */
export function auditDecisions(log: ParsedLog): ((call: LoggedCall) => AuditDecision | undefined) | undefined {
  if (log.format !== "log" || log.header.mode !== "audit") return undefined;
  const registry = recordedRegistry(log);
  const decisions = new AuditDecisions(writtenPolicy(log), recordedTypes(log));
  return ({ capability: name, args }) => {
    const capability = registry.byName.get(name);
    const signature = capability === undefined ? undefined : signatureFor(capability, args.length);
    if (capability === undefined || signature === undefined) return undefined;
    const values = args.map((arg) => loadValue(arg, log.blobs));
    return decisions.decide(capability, withDefaults(signature, values));
  };
}
