/** Turns whatever a handler threw into the failure that the log and the program may see. */
import { BorunaError } from "../vm/error.ts";
import { replaceLoneSurrogates } from "../vm/value/value.ts";
import { CapabilityFailure, FAILURE_TRAPS, type FailureKind } from "./handlers.ts";

export interface Failure {
  readonly kind: FailureKind;
  readonly message: string;
}

/**
 * Returns the failure for what a handler threw. Keeps the message of a `CapabilityFailure`, which is meant for the program.
 * Any other error is a mistake of the handler. It could contain paths or secrets, so the failure mentions only the error's name.
 * Never throws, and runs no code of the handler except a getter of `name` and the traps of a proxy.
 */
export function failureOf(capability: string, error: unknown): Failure {
  const handlerFailure = (how: string): Failure => ({ kind: "host_fault", message: `the handler of ${capability} failed (${how})` });
  if (!CapabilityFailure.isFailure(error)) return handlerFailure(nameOf(error));
  const kind: unknown = Object.getOwnPropertyDescriptor(error, "kind")?.value;
  const messageProperty = Object.getOwnPropertyDescriptor(error, "message");
  const message: unknown = messageProperty === undefined ? "" : messageProperty.value;
  if (!isFailureKind(kind)) return handlerFailure(`a CapabilityFailure whose kind is none of ${Object.keys(FAILURE_TRAPS).join(", ")}`);
  if (typeof message !== "string") return handlerFailure("a CapabilityFailure whose message is no text");
  return { kind, message };
}

export function isFailureKind(kind: unknown): kind is FailureKind {
  return typeof kind === "string" && Object.hasOwn(FAILURE_TRAPS, kind);
}

/** Matches the name of an error class. Any other name is not shown, because it could be arbitrary text. */
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

/** Limit on a failure's message, in UTF-16 code units. */
const MAX_MESSAGE_UNITS = 4_096;

/** Replaces lone surrogates in a message and shortens it, because the log keeps messages, and a `try` gives them to the program. */
export function cleanMessage(message: string): string {
  return replaceLoneSurrogates(message.length > MAX_MESSAGE_UNITS ? `${message.slice(0, MAX_MESSAGE_UNITS)}…` : message);
}

/** Returns the outcome of a call whose handler failed with `kind`, for spans and counters. */
export const outcomeOfFailure = (kind: FailureKind): "denied" | "unknown" | "runtime_error" =>
  kind === "denied" || kind === "unknown" ? kind : "runtime_error";

type PromiseOutcome = { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: unknown };

/** Waits for the promise. Never rejects or throws: `await` also catches what the promise's own `then` or `constructor` throws. */
export async function outcomeOf(promise: Promise<unknown>): Promise<PromiseOutcome> {
  try {
    return { ok: true, value: await promise };
  } catch (error) {
    return { ok: false, error };
  }
}

/** Whether the error means that the log could not be read or written, or that Boruna has a bug. */
export function isLogError(error: unknown): boolean {
  return error instanceof BorunaError && (error.kind.startsWith("log.") || error.kind === "internal");
}
