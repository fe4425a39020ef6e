/**
 * Decisions of people about calls for which the policy requires an approval. A decision contains the call's hash, so it counts for no other
 * call. If the policy's rule names keys, the decision must be signed, and the signature also covers the run id. Without keys, nothing
 * proves who decided: `by` is only what the writer of the decision claims.
 */
import { canonicalJson, jsonObjectOf } from "../vm/json/json.ts";
import { replaceUnsafe } from "../vm/terminal-text.ts";
import { replaceLoneSurrogates } from "../vm/value/value.ts";
import type { CallPlace } from "../vm/bytecode/module.ts";
import type { RunEvent } from "../vm/events.ts";
import { isSignedBy } from "./signing.ts";

export type Approval = RunEvent & { readonly type: "Approval" };

/** What a person has decided about one call. */
export interface Decision {
  readonly decision: Approval["decision"];
  /** Who decided: 1 to 128 printable characters. */
  readonly by: string;
  /** The Ed25519 signature of `signedBytes` in base64. Absent if the policy's rule names no keys. */
  readonly signature?: string;
}

/** A call that waits for a decision or an answer. Its texts come from the program, so escape them before you print them. */
export interface WaitingCall {
  /** Number of the call in the run, from 1. */
  readonly call: number;
  readonly capability: string;
  /** The arguments, with defaults filled in for those that the program left out. */
  readonly args: readonly { readonly name: string; readonly text: string }[];
  /** `sha256:hex` of the capability and the arguments, see `callHash`. */
  readonly hash: string;
}

/** The request that the option `approve` receives. */
export interface ApprovalRequest extends WaitingCall {
  readonly runId: string;
  /** Path of the rule's `approval` in the policy. */
  readonly rule: string;
  /** The public keys of those who may decide. Empty: no signature is needed. */
  readonly keys: readonly string[];
  /** Aborted when the run must stop. */
  readonly signal: AbortSignal;
  /** Computes the source location of the call. */
  place(): CallPlace;
}

/** Decides about a call. Returns undefined if nobody can decide now, which suspends the run. */
export type Approver = (request: ApprovalRequest) => Decision | undefined | Promise<Decision | undefined>;

const MAX_NAME_UNITS = 128;

/** Whether `by` is a valid name of the person who decided. */
export function isDeciderName(by: unknown): by is string {
  return (
    typeof by === "string" && by.length > 0 && by.length <= MAX_NAME_UNITS && replaceLoneSurrogates(by) === by && replaceUnsafe(by) === by
  );
}

/** Whether the decision has the right form. An embedder may write plain JavaScript. */
export function isDecision(given: unknown): given is Decision {
  if (typeof given !== "object" || given === null || !("decision" in given) || !("by" in given)) return false;
  const isSigned = "signature" in given && given.signature !== undefined;
  const { decision, by } = given;
  return (decision === "approved" || decision === "denied") && isDeciderName(by) && (!isSigned || typeof given.signature === "string");
}

/** What a signature covers: the decision of a person about a call of a run. */
export interface SignedFacts {
  readonly runId: string;
  /** Number of the call in the run. */
  readonly call: number;
  readonly hash: string;
  readonly decision: Approval["decision"];
  readonly by: string;
}

/** Returns the bytes to sign: canonical JSON that begins with `boruna_approval`. No other text that Boruna signs begins with this name. */
export function signedBytes({ runId, call, hash, decision, by }: SignedFacts): Uint8Array {
  const members = [
    ["boruna_approval", 1],
    ["by", by],
    ["call", call],
    ["decision", decision],
    ["hash", hash],
    ["run_id", runId],
  ] as const;
  return new TextEncoder().encode(canonicalJson(jsonObjectOf(...members)));
}

/** Returns the first of `keys` that has signed the decision, or undefined. `keys` are public keys as a policy writes them. */
export function signerOf(keys: readonly string[], facts: SignedFacts, signature: string): string | undefined {
  const bytes = signedBytes(facts);
  return keys.find((key) => isSignedBy(key, bytes, signature));
}

/** Returns why the decision does not count under a rule with these keys, or undefined if it counts. Completes the sentence "the decision …". */
export function decisionProblem(keys: readonly string[], facts: SignedFacts, signature: string): string | undefined {
  if (keys.length === 0) return signature === "" ? undefined : "is signed, and the policy's rule names no keys";
  if (signature === "") return "is not signed, and the policy's rule names keys";
  return signerOf(keys, facts, signature) === undefined
    ? "is not signed for this call of this run, with a key of the policy's rule"
    : undefined;
}
