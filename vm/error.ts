/**
 * The kinds of `BorunaError`, which are stable. Every error that a user, a file or a network peer can cause is a `BorunaError`.
 * Any other thrown error and the kind `internal` mean a bug in Boruna.
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
  | `evidence.${string}`
  | `capability.${string}`
  | `schema.${string}`
  | `mcp.${string}`
  | `telemetry.${string}`
  | `task.${string}`
  | `worker.${string}`
  | `pool.${string}`
  | "internal";

export interface ErrorPlace {
  /** The file name that the user gave, not resolved to an absolute path. */
  readonly file?: string;
  /** The 1-based line number. */
  readonly line?: number | undefined;
  /** The 1-based column in Unicode code points. */
  readonly column?: number | undefined;
  /** The byte offset, for binary input. */
  readonly offset?: number;
}

export class BorunaError extends Error {
  override readonly name: string = "BorunaError";
  readonly kind: ErrorKind;
  readonly place: ErrorPlace | undefined;
  /** One sentence that says what to do next. */
  readonly hint: string | undefined;

  constructor(kind: ErrorKind, message: string, more: { place?: ErrorPlace | undefined; hint?: string | undefined; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.kind = kind;
    this.place = more.place;
    this.hint = more.hint;
  }
}

/** Returns the code of an error of Node or of a package, such as `ENOENT`. Returns "" for an error without a code, and for anything else. */
export function errorCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** Throws an internal error. Use it in the default branch of an exhaustive `switch`. */
export function unreachable(value: never, what: string): never {
  throw new BorunaError("internal", `unexpected ${what}: ${String(value)}`);
}
