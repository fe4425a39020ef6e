/** Computes what the policy of an audit run would have decided about its calls. The decisions follow from the header and the calls. */
import { AuditDecisions, type AuditDecision } from "../policy/audit.ts";
import { signatureFor, withDefaults } from "../vm/capabilities.ts";
import { type LoggedCall, recordedTypes } from "./entries.ts";
import { loadValue } from "./log/blob-values.ts";
import type { ParsedLog } from "./log/log-reader.ts";
import { recordedRegistry, writtenPolicy } from "./replay.ts";

/**
 * Returns a function that takes the calls of the log in their order, or undefined if the log is of no audit run. The function returns
 * undefined for a capability that the log does not declare. Throws `log.blob_*`.
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
