/** The recorded policy as text, and the lines of its rules. */
import { ruleLine } from "../policy/parse.ts";
import { policyToJson } from "../policy/policy.ts";
import { writtenPolicy } from "../replay/replay.ts";
import { BorunaError } from "../vm/error.ts";
import { jsonToJs } from "../vm/json/js-interop.ts";
import type { PolicyAnswer } from "./api.ts";
import type { LogIndex } from "./log-index.ts";

/** Returns the effective policy of a log as indented JSON. Undefined if the log has no header. Throws `log.*` or `policy.*` if the policy cannot be read. */
export function policyOf(index: LogIndex): PolicyAnswer | undefined {
  const log = index.toRunLog();
  if (log === undefined) return undefined;
  return { text: JSON.stringify(jsonToJs(policyToJson(writtenPolicy(log))), null, 2), hash: log.header.policyHash };
}

/** Returns the line of a rule in the recorded policy, from 1. Undefined if the policy cannot be read or has no such rule. */
export function recordedRuleLine(index: LogIndex, rule: string): number | undefined {
  try {
    return ruleLine(policyOf(index)?.text ?? "{}", rule);
  } catch (error) {
    if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
    return undefined;
  }
}
