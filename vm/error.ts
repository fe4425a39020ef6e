/**
 * The one error family of Boruna. Everything that a user, a file or a peer can cause is a
 * `BorunaError` with a stable `kind`; any other thrown error is a fault of ours.
 */
export type ErrorKind =
  | "usage"
  | "io_error"
  | "compile_error"
  | `json.${string}`
  | `module.${string}`
  | `value.${string}`
  | `state.${string}`
  | `policy.${string}`
  | `log.${string}`
  | `capability.${string}`
  | `telemetry.${string}`
  | "internal";

export interface ErrorPlace {
  /** As the user named it, never resolved to a host path. */
  readonly file?: string;
  /** 1-based. */
  readonly line?: number | undefined;
  /** 1-based, in Unicode code points. */
  readonly column?: number | undefined;
  /** Byte offset, for binary input. */
  readonly offset?: number;
}

export class BorunaError extends Error {
  override readonly name: string = "BorunaError";
  readonly kind: ErrorKind;
  readonly place: ErrorPlace | undefined;
  /** What to do next, one sentence. */
  readonly hint: string | undefined;

  constructor(kind: ErrorKind, message: string, more: { place?: ErrorPlace | undefined; hint?: string | undefined; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.kind = kind;
    this.place = more.place;
    this.hint = more.hint;
  }
}

/** Reached only when an invariant of ours is broken. */
export function unreachable(value: never, what: string): never {
  throw new BorunaError("internal", `unexpected ${what}: ${String(value)}`);
}
