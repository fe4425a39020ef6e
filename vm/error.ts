/**
 * The kinds of `BorunaError`, which are stable. Every error that a user, a file or a peer can cause is a `BorunaError`;
 * any other thrown error, and the kind `internal`, is a bug in Boruna.
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
  /** As the user wrote it, not resolved. */
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
  /** One sentence: what to do next. */
  readonly hint: string | undefined;

  constructor(kind: ErrorKind, message: string, more: { place?: ErrorPlace | undefined; hint?: string | undefined; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.kind = kind;
    this.place = more.place;
    this.hint = more.hint;
  }
}

/** For the default branch of an exhaustive `switch`. Throws an internal error. */
export function unreachable(value: never, what: string): never {
  throw new BorunaError("internal", `unexpected ${what}: ${String(value)}`);
}
