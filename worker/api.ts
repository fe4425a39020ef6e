/** The public types of the client of workers. */
import type { Decision } from "../gateway/approval.ts";
import type { SuspendedCall } from "../gateway/call.ts";
import type { FinishedLog, RecorderOptions } from "../replay/log/recorder.ts";
import type { CallAnswer, InDoubt, OpenCall } from "../replay/resumer.ts";
import type { RunOptions } from "../runtime/execute.ts";
import type { Program } from "../vm/bytecode/program.ts";
import type { ListedRun, RunState, RunWorker } from "./listed-run.ts";

/** Options of `submit`. All are optional. Those with the same names as in `RunOptions` have the same meanings. A submitted run is live. */
export interface SubmitOptions
  extends Pick<RunOptions, "policy" | "args" | "inputs" | "limits" | "outputSchema" | "maxParallelCalls" | "traceparent" | "tracestate"> {
  /** The queue: 1 to 64 letters, digits and `_ . -`. Default: default. */
  readonly queue?: string | undefined;
  /** The tenant that the run belongs to. The limits of the queue hold for each tenant. Same form as `queue`. Default: default. */
  readonly tenant?: string | undefined;
  /** A second submit with the same queue, tenant and key returns the first run, until that is deleted. Up to 1,024 characters. */
  readonly key?: string | undefined;
  /** What happens to a call that may not be repeated, if its worker died before the answer was stored. Default: stop. */
  readonly inDoubt?: InDoubt | undefined;
  /** How often a worker may begin the run, if each one dies. Default: 5. */
  readonly attempts?: number | undefined;
  /** Milliseconds from now until the run must have ended, waiting included. Default: no deadline. */
  readonly deadlineMs?: number | undefined;
}

export interface SubmittedRun {
  readonly runId: string;
  /** False if a run with this key existed. */
  readonly isNew: boolean;
}

/** A run with its result. */
export interface ShownRun extends ListedRun {
  /** How the run ended or why it waits, as `boruna run --json` prints it. Undefined until then. */
  readonly result: unknown;
  /** The calls that wait for an approval or an answer. Empty unless the state is `suspended`. */
  readonly waiting: readonly SuspendedCall[];
  /** The call to decide about. Undefined unless the state is `in_doubt`. */
  readonly inDoubt: OpenCall | undefined;
  /** Whether somebody has asked to cancel it. */
  readonly isCanceled: boolean;
  /** The worker that executes it. Undefined unless the state is `running`. */
  readonly worker: RunWorker | undefined;
}

/** Which runs `Client.list` returns. */
export interface ListOptions {
  readonly queue?: string | undefined;
  readonly tenant?: string | undefined;
  readonly state?: RunState | undefined;
  /** The last run of the previous page. The next page begins after it. */
  readonly after?: Pick<ListedRun, "id" | "submittedAt"> | undefined;
  /** From 1 to 1,000. Default: 100. */
  readonly limit?: number | undefined;
}

/** A decision about a call. The fields have the same meanings as in `ApproveOptions`. */
export interface ApproveRunOptions {
  readonly call: number;
  readonly hash?: string | undefined;
  readonly decision: Decision["decision"];
  readonly by: string;
  /** The text of a PEM file with an Ed25519 private key. Needed if the policy's rule names keys. */
  readonly key?: string | undefined;
}

/** A client of the database that workers take runs from. Every method also throws `worker.database` if the database cannot be used. */
export interface Client {
  /** Puts a run of the program into a queue. Throws `usage`, `value.*`, `policy.*`, `schema.*`, `worker.other_run`. */
  submit(program: Program, options?: SubmitOptions): Promise<SubmittedRun>;
  /** Throws `worker.no_run`. */
  show(runId: string): Promise<ShownRun>;
  /** Returns runs, newest first. `queue` and `tenant` exclude each other. Throws `usage`. */
  list(options?: ListOptions): Promise<readonly ListedRun[]>;
  /** Resolves when the run has ended, or waits for a decision or an answer. `onChange` receives each change. Throws `worker.no_run`, and the reason of `signal`. */
  watch(runId: string, options?: { readonly signal?: AbortSignal; readonly onChange?: (run: ShownRun) => void }): Promise<ShownRun>;
  /**
   * Requests the cancellation of the run. A run that a worker executes ends a moment later. Throws `worker.no_run`, and `worker.ended` if
   * the run has ended in another way.
   */
  cancel(runId: string): Promise<ShownRun>;
  /** Continues a run in doubt: the call is made again, or fails. Throws `worker.no_run`, `worker.not_waiting`. */
  resume(runId: string, inDoubt: "retry" | "fail"): Promise<void>;
  /** Decides about a call that waits for an approval. Throws `usage`, `log.other_call`, `log.approval_key`, `worker.*`. */
  approve(runId: string, options: ApproveRunOptions): Promise<void>;
  /** Answers a call whose handler answers later, with plain data. Throws `value.form`, `worker.*`. */
  answer(runId: string, answer: CallAnswer): Promise<void>;
  /**
   * Writes the log of the run to `path`. A local run with the same id and answers has a log with the same bytes. Returns undefined if the log
   * has no end record, because the run is in progress. Throws `worker.no_run`, `log.*`.
   */
  log(runId: string, path: string, options?: Pick<RecorderOptions, "force" | "key">): Promise<FinishedLog | undefined>;
  close(): Promise<void>;
}
