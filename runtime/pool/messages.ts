/**
 * The messages between a pool and its workers. They consist of data that the structured clone algorithm copies. Values of programs are sent
 * in pieces (`long-values.ts`).
 *
 *   pool                          worker
 *   program ────────────────────► verified once
 *   run ────────────────────────► machine, gateway, policy and log
 *        ◄──────────────── call   a handler of the pool's process is needed
 *   answer ─────────────────────►
 *        ◄──────────────── spans  what the run reports to OpenTelemetry
 *   read ───────────────────────► the number of `spans` that the pool has read
 *        ◄──────────────── ended
 *   piece ◄───────────────► taken  a part of a long value, before the message that has the value
 *
 * A worker that compiles gets `compile` and answers `compiled`, and nothing else.
 */
import type { Diagnostic } from "../../compiler/diagnostics.ts";
import type { SourceFile } from "../../compiler/source.ts";
import type { FailureKind } from "../../gateway/handlers.ts";
import type { RunResult } from "../../gateway/run.ts";
import type { FinishedLog } from "../../replay/log/recorder.ts";
import type { CallSpanEnd, CallSpanStart, RunSpanEnd, RunSpanStart } from "../../telemetry/tracing.ts";
import type { CallPlace, TypeDef } from "../../vm/bytecode/module.ts";
import type { ErrorKind, ErrorPlace } from "../../vm/error.ts";
import type { FlowSpanEnd, FlowSpanStart } from "../../vm/host.ts";
import type { ChosenOptions, RecordOptions } from "../execute.ts";
import type { Piece } from "./value-pieces.ts";

/** A value of the machine, in a form that can be cloned: a scalar, a value in one piece, or null for a value whose pieces came before the message. */
export type WireValue = string | number | bigint | boolean | Piece | null;

/** The options of a run, as data. */
export interface RunData
  extends Pick<ChosenOptions, "live" | "audit" | "limits" | "maxParallelCalls" | "traceDetail" | "runId" | "engine"> {
  /** Canonical JSON. */
  readonly policy: string;
  readonly args: string;
  /** Canonical JSON: the answers of `step.input` if the run is not live. */
  readonly mockInputs: string;
  readonly outputSchema: string | undefined;
  readonly record: string | RecordOptions | undefined;
  /** The capabilities whose handlers run in the pool's process. */
  readonly handlers: readonly ServedCapability[];
  readonly isTraced: boolean;
  readonly hasDebug: boolean;
}

/** A capability whose handler runs in the pool's process. */
export interface ServedCapability {
  readonly name: string;
  /** Whether the handler counts what its run has used. */
  readonly hasUsage: boolean;
}

/** How a handler answered. */
export type WireAnswer =
  | { readonly value: WireValue }
  | { readonly failure: FailureKind; readonly message: string }
  | { readonly later: true };

export interface AnswerMessage {
  readonly type: "answer";
  readonly run: number;
  readonly call: number;
  readonly answer: WireAnswer;
}

export type ToWorker =
  /** `capabilities` is the JSON of the declarations of own capabilities. */
  | { readonly type: "program"; readonly program: number; readonly module: Uint8Array; readonly capabilities: string }
  | { readonly type: "forget"; readonly program: number }
  | { readonly type: "compile"; readonly job: number; readonly source: SourceFile; readonly capabilities: string }
  | { readonly type: "run"; readonly run: number; readonly program: number; readonly data: RunData }
  | AnswerMessage
  | PieceMessage
  | { readonly type: "taken" }
  | { readonly type: "abort"; readonly run: number }
  /** The pool has read `reports` reports of spans. `isWanted` is false if nobody needs the rest. */
  | { readonly type: "read"; readonly run: number; readonly reports: number; readonly isWanted: boolean };

/** A part of a long value of the next message of the run in the same direction. The receiver answers `taken`. */
export interface PieceMessage {
  readonly type: "piece";
  readonly run: number;
  readonly piece: Piece;
}

/** A call of one of a handler's `UsageHooks`, which count what its calls cost. */
export type UsageStep =
  | { readonly step: "reserve"; readonly args: readonly WireValue[] }
  | { readonly step: "settle"; readonly answer: { readonly value: WireValue } | { readonly failure: string } }
  | { readonly step: "mayHaveBeenMade" };

export interface CallMessage {
  readonly type: "call";
  readonly run: number;
  readonly call: number;
  readonly capability: string;
  readonly args: readonly WireValue[];
  readonly remainingMs: number | undefined;
  readonly budgetRemaining: number | undefined;
  readonly idempotencyKey: string;
  /** The run's log files that are new since the last call, as `identityText`. Handlers must not touch them. */
  readonly ownFiles: readonly string[];
}

/** What a run reports about its spans. `call` is the number of a call. `flow` is the number of a span of control flow. */
export type SpanReport =
  | { readonly type: "run"; readonly info: Omit<RunSpanStart, "runId"> & { readonly runId: string } }
  | {
      readonly type: "call";
      readonly info: Omit<CallSpanStart, "place"> & { readonly place: CallPlace };
      readonly flow: number | undefined;
    }
  | { readonly type: "callEnd"; readonly call: number; readonly info: CallSpanEnd }
  | { readonly type: "flow"; readonly flow: number; readonly info: FlowSpanStart; readonly parent: number | undefined }
  | { readonly type: "flowEnd"; readonly flow: number; readonly info: FlowSpanEnd }
  | { readonly type: "runEnd"; readonly info: RunSpanEnd };

/** The result of a run, without `error.cause`, which stays in the pool's process. `causedBy` is the call whose handler threw it. */
export interface WireResult extends Omit<RunResult, "value" | "ui"> {
  readonly value: WireValue | undefined;
  readonly ui: readonly WireValue[];
  readonly causedBy: number | undefined;
}

/** A `BorunaError` as it is sent. */
export interface WireError {
  readonly kind: ErrorKind;
  readonly message: string;
  readonly place: ErrorPlace | undefined;
  readonly hint: string | undefined;
}

/** A compiled program with its warnings, the diagnostics of a text that has errors, or an unexpected error. */
export type CompileResult =
  | { readonly module: Uint8Array; readonly types: readonly TypeDef[]; readonly diagnostics: readonly Diagnostic[] }
  | { readonly diagnostics: readonly Diagnostic[] }
  | { readonly error: WireError };

export type FromWorker =
  | { readonly type: "ready" }
  | { readonly type: "compiled"; readonly job: number; readonly result: CompileResult }
  | { readonly type: "taken" }
  | RunReport;

/** A message of a worker about one of its runs. */
export type RunReport =
  | PieceMessage
  | CallMessage
  | { readonly type: "usage"; readonly run: number; readonly call: number; readonly capability: string; readonly usage: UsageStep }
  /** The handlers of the run must stop. */
  | { readonly type: "abortCalls"; readonly run: number; readonly reason: string }
  | { readonly type: "debug"; readonly run: number; readonly text: string }
  | { readonly type: "spans"; readonly run: number; readonly report: SpanReport }
  | { readonly type: "ended"; readonly run: number; readonly result: WireResult; readonly log: FinishedLog | undefined }
  | { readonly type: "failed"; readonly run: number; readonly error: WireError };
