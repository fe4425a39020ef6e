/** The messages between the page and its worker. Every text is cut to a limit before it is sent. */

/** What the user edits: a program, a policy, and a JSON document with the arguments of `main` and the answers of capabilities. */
export interface Sources {
  readonly program: string;
  readonly policy: string;
  readonly inputs: string;
}

/** Links begin with this (`link.ts`). */
export const LINK_VERSION = "1.";

/** `language` makes the worker a language server. `check` looks at the policy and the inputs. */
export type ToWorker =
  | { readonly kind: "language"; readonly port: InstanceType<typeof MessagePort> }
  | { readonly kind: "check"; readonly sources: Sources }
  | { readonly kind: "run"; readonly sources: Sources }
  | { readonly kind: "stop" };

/** `checked` answers `check`. A run sends `progress` with new calls and printed texts, then `ended`, or only `refused` if it cannot start. */
export type FromWorker =
  | { readonly kind: "checked"; readonly problems: readonly Problem[] }
  | { readonly kind: "progress"; readonly calls: readonly CallRow[]; readonly printed: readonly string[] }
  | { readonly kind: "refused"; readonly problems: readonly Problem[] }
  | { readonly kind: "ended"; readonly end: RunEnd };

/** A mistake in one of the sources. Lines and columns count from 1. */
export interface Problem {
  readonly where: keyof Sources;
  readonly severity: "error" | "warning";
  readonly line: number | undefined;
  readonly column: number | undefined;
  readonly message: string;
  readonly hint: string | undefined;
}

/** A capability call that has ended. */
export interface CallRow {
  readonly number: number;
  readonly capability: string;
  readonly args: string;
  /** `ok`, `suspended`, or why it failed. */
  readonly outcome: string;
  /** The answer, or why there is none. */
  readonly text: string;
  /** The rule of the policy that decided, and the line that it is on. */
  readonly rule: string | undefined;
  readonly ruleLine: number | undefined;
}

/** A record of the log. */
export interface LogRow {
  /** The number of an event. Undefined for the header and the end. */
  readonly n: number | undefined;
  readonly type: string;
  readonly text: string;
}

/** A span, below its parent. */
export interface SpanRow {
  readonly depth: number;
  readonly name: string;
  readonly detail: string;
  readonly startMs: number;
  readonly durationMs: number;
  readonly isError: boolean;
}

/** How a run ended, with all that the page shows of it. */
export interface RunEnd {
  readonly outcome: string;
  /** The value of the program. Undefined unless the outcome is `success`. */
  readonly value: string | undefined;
  readonly error: string | undefined;
  readonly rule: string | undefined;
  readonly ruleLine: number | undefined;
  /** Where the program stopped, innermost call first. */
  readonly stack: readonly { readonly function: string; readonly file: string | undefined; readonly line: number | undefined }[];
  readonly steps: number;
  readonly allocBytes: number;
  readonly calls: number;
  /** The trees that the program emitted. */
  readonly emitted: readonly string[];
  readonly log: readonly LogRow[];
  readonly logRecords: number;
  /** The hash of the last record. */
  readonly head: string;
  readonly spans: readonly SpanRow[];
}

const TO_WORKER: ReadonlySet<unknown> = new Set<ToWorker["kind"]>(["language", "check", "run", "stop"]);
const FROM_WORKER: ReadonlySet<unknown> = new Set<FromWorker["kind"]>(["checked", "progress", "refused", "ended"]);

const hasKind = (data: unknown, kinds: ReadonlySet<unknown>): boolean =>
  typeof data === "object" && data !== null && "kind" in data && kinds.has(data.kind);

export const isToWorker = (data: unknown): data is ToWorker => hasKind(data, TO_WORKER);
export const isFromWorker = (data: unknown): data is FromWorker => hasKind(data, FROM_WORKER);
