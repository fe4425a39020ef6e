/** Turns whatever a handler threw into the failure that the log and the program may see. */
import { wellFormed } from "../vm/value/value.ts";
import { CapabilityFailure, FAILURE_TRAPS, type FailureKind } from "./handlers.ts";

export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
}

/**
 * The message of a `CapabilityFailure` is meant for the program. Any other error could contain paths or secrets, so the
 * failure mentions only its name. Never throws, and runs no code of the handler except a getter of `name`.
 */
export function failureOf(capability: string, error: unknown): Failure {
  const broken = (how: string): Failure => ({ kind: "runtime_error", message: `the handler of ${capability} failed (${how})` });
  if (!CapabilityFailure.isFailure(error)) return broken(nameOf(error));
  const kind: unknown = Object.getOwnPropertyDescriptor(error, "kind")?.value;
  const own = Object.getOwnPropertyDescriptor(error, "message");
  const message: unknown = own === undefined ? "" : own.value;
  if (!isFailureKind(kind)) return broken(`a CapabilityFailure whose kind is none of ${Object.keys(FAILURE_TRAPS).join(", ")}`);
  if (typeof message !== "string") return broken("a CapabilityFailure whose message is no text");
  return { kind, message };
}

export function isFailureKind(kind: unknown): kind is FailureKind {
  return typeof kind === "string" && Object.hasOwn(FAILURE_TRAPS, kind);
}

/** The form of an error class's name. Any other name could be text that the handler made up. */
const ERROR_NAME = /^[A-Za-z_$][A-Za-z0-9_$]{0,63}$/;

function nameOf(error: unknown): string {
  try {
    const name: unknown = error instanceof Error ? error.name : typeof error;
    return typeof name === "string" && ERROR_NAME.test(name) ? name : "Error";
  } catch {
    // A getter or a proxy trap threw.
    return "Error";
  }
}

const MAX_MESSAGE_UNITS = 4_096;

/** Makes a message well formed and cuts it: it goes into the log, and under `try` into the program. */
export function cleanMessage(message: string): string {
  return wellFormed(message.length > MAX_MESSAGE_UNITS ? `${message.slice(0, MAX_MESSAGE_UNITS)}…` : message);
}
