/**
 * The HTTP API of `boruna view`: the requests of the page and of `boruna trace`, and the JSON of the answers. This file declares types
 * only, so the page's build can import it. `viewer/server.ts` serves the routes.
 *
 *   GET  /                 the page; GET /assets/NAME returns its files. They contain no data and need no token.
 *   POST /v1/traces        OTLP/HTTP, with the sender's token in `Authorization: Bearer TOKEN`.
 *   .../api/...            the routes of `Api`, with the page's token in `Authorization: Bearer TOKEN`.
 *
 * The command prints the page's address with the page's token in the fragment: `http://127.0.0.1:4318/#token=TOKEN`. A browser does not send the
 * fragment to the server. The page moves the token from the address bar to `localStorage`. Pages of other ports cannot read that, but would get
 * a cookie. The path is always `/`. The fragment also says what the page shows, such as a run or a span.
 *
 * - A request without the right token gets 401. A request with another `Host`, or an `Origin` other than the page's own, gets 403.
 * - An error is an `ApiError` with status 4xx or 5xx.
 * - Lists come in pages. The query parameter `from` is the index of the first item, default 0. `count` is the number of items, default 100, at most 1,000.
 *   `total` in the answer is the number of all items.
 * - A run id in a path is percent-encoded.
 * - Absolute times are milliseconds since 1970, with a fraction. Times in spans are nanoseconds since `Timeline.startMs`.
 * - Texts from spans and logs are untrusted: they may contain markup, control characters and direction overrides. Show them as text.
 */

export interface ApiError {
  readonly error: { readonly kind: string; readonly message: string; readonly hint?: string | undefined };
}

/** The routes, each with its query parameters or JSON body, and its answer. `RUN` is the `id` of a `RunSummary`. */
export interface Api {
  "GET /api/runs": { readonly query: RunsQuery; readonly answer: RunsAnswer };
  "GET /api/runs/RUN": { readonly query: ExecutionQuery; readonly answer: RunDetail };
  "GET /api/runs/RUN/spans": { readonly query: SpansQuery; readonly answer: SpansAnswer };
  /** `SPAN` is a span id. */
  "GET /api/runs/RUN/spans/SPAN": { readonly query: ExecutionQuery; readonly answer: SpanDetail };
  "GET /api/runs/RUN/events": { readonly query: EventsQuery; readonly answer: EventsAnswer };
  /** `N` is the number of an event. */
  "GET /api/runs/RUN/events/N": { readonly query: NoQuery; readonly answer: EventDetail };
  /** The values of an event: arguments, answers, messages. The page asks only when the user wants to see them. */
  "GET /api/runs/RUN/events/N/values": { readonly query: NoQuery; readonly answer: EventValues };
  /** Where in the program the event happened. The server replays the log up to the event, which may take a while. */
  "GET /api/runs/RUN/events/N/place": { readonly query: NoQuery; readonly answer: EventPlace };
  /** The source text of a file of the recorded program. 404 if the log does not have it. */
  "GET /api/runs/RUN/source": { readonly query: { readonly file: string }; readonly answer: SourceAnswer };
  /** The recorded policy as text. */
  "GET /api/runs/RUN/policy": { readonly query: NoQuery; readonly answer: PolicyAnswer };
  "POST /api/runs/RUN/what-if": { readonly body: WhatIfRequest; readonly answer: WhatIfAnswer };
  /** Compares the logs of two runs. */
  "GET /api/compare": { readonly query: { readonly a: string; readonly b: string }; readonly answer: CompareAnswer };
  /**
   * Server-sent events. The page reads them with `fetch`, because `EventSource` cannot send a token. Each has the type `runs` and a
   * `LiveMessage` as data. A comment line comes every 15 s.
   */
  "GET /api/live": { readonly query: NoQuery; readonly answer: LiveMessage };
  "GET /api/status": { readonly query: NoQuery; readonly answer: StatusAnswer };
}

export type NoQuery = Readonly<Record<string, never>>;

export interface PageQuery {
  readonly from?: number;
  readonly count?: number;
}

// ---- runs ----

/**
 * How a run ended: an outcome of `docs/reference/outcomes.md`. `running` before the end; `unknown` if the log cannot be read. A trace without a
 * `boruna.run` span has the status of its root span: `unset`, `ok` or `error`.
 */
export type RunOutcome = string;

/**
 * One row of the list: a log with its executions, an execution without a log, or a trace without a `boruna.run` span. An execution is a
 * `boruna.run` span: the run itself, its continuation by `resume`, or a replay. The attribute `boruna.run.id` names the run of its log.
 */
export interface RunSummary {
  /** Names this row in the API and in permalinks. Stays the same while the log's file keeps its path. */
  readonly id: string;
  /** Undefined for a trace without a `boruna.run` span. */
  readonly runId?: string | undefined;
  readonly traceId?: string | undefined;
  /** Name of the program, or the name of the root span. */
  readonly program: string;
  /** `service.name` of the sender of the spans. */
  readonly service?: string | undefined;
  readonly outcome: RunOutcome;
  readonly mode?: "mock" | "live" | "audit" | "replay" | undefined;
  /** When it started, if there are spans. Otherwise when the log's file was last changed, because a log has no times. */
  readonly timeMs: number;
  /** Whether `timeMs` is the start of a span or the last change of the file. */
  readonly timeFrom: "span" | "file";
  /** Undefined without spans. */
  readonly durationMs?: number | undefined;
  readonly calls: number;
  /** Number of calls that were refused because of the policy, a missing declaration, or a budget. */
  readonly denials: number;
  /** Names of the capabilities called, at most 32. */
  readonly capabilities: readonly string[];
  readonly spans: number;
  readonly executions: number;
  /** Undefined without a log. */
  readonly log?: LogSummary | undefined;
}

export type LogState = "reading" | "open" | "ended" | "broken";

export interface LogSummary {
  /** The path as the user gave it. */
  readonly file: string;
  readonly events: number;
  /** `reading`: the file is being read for the first time; `open`: it has no end record; `ended`: it has one; `broken`: it is not a valid log. */
  readonly state: LogState;
  /** Why the log is broken, in one sentence. */
  readonly problem?: string | undefined;
}

export type RunSort = "time" | "program" | "outcome" | "calls" | "denials" | "duration";

/** A run is listed if it meets all given conditions. */
export interface RunsQuery extends PageQuery {
  /** Default: time. */
  readonly sort?: RunSort;
  /** Default: desc. */
  readonly order?: "asc" | "desc";
  readonly program?: string;
  readonly outcome?: string;
  readonly capability?: string;
  /** Part of the run id, the trace id, the program, the service, the file or a capability. Case is ignored. */
  readonly text?: string;
  readonly sinceMs?: number;
  readonly untilMs?: number;
  readonly minCalls?: number;
  readonly minDenials?: number;
  readonly minDurationMs?: number;
}

export interface RunsAnswer {
  readonly runs: readonly RunSummary[];
  /** Number of runs that meet the conditions. */
  readonly total: number;
  /** Number of all runs. */
  readonly all: number;
  /** The values to filter by, the most frequent first, at most 100 each. */
  readonly facets: { readonly programs: readonly Facet[]; readonly outcomes: readonly Facet[]; readonly capabilities: readonly Facet[] };
}

/** A value, and the number of runs or events that have it. */
export interface Facet {
  readonly value: string;
  readonly count: number;
}

// ---- one run ----

/** Selects an execution of the run by `Execution.id`. Default: the latest that is not a replay. If all are replays, the latest. */
export interface ExecutionQuery {
  readonly execution?: string;
}

export interface RunDetail {
  readonly run: RunSummary;
  /** Oldest first. */
  readonly executions: readonly Execution[];
  /** The trace of the selected execution. Undefined without spans. */
  readonly timeline?: Timeline | undefined;
  /** Undefined without a log. */
  readonly log?: LogDetail | undefined;
  /** The error with which the run ended. */
  readonly failure?: RunFailure | undefined;
  readonly budgets: readonly Budget[];
  /** What the run waits for, if it is suspended. */
  readonly waiting?: Waiting | undefined;
}

export interface Execution {
  /** `TRACE_ID-SPAN_ID`. */
  readonly id: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly mode: string;
  readonly outcome: RunOutcome;
  readonly startMs: number;
  readonly durationMs: number;
}

/** The complete trace of the execution, with the spans of other programs. */
export interface Timeline {
  readonly traceId: string;
  /** Start of the earliest span. */
  readonly startMs: number;
  /** From the earliest start to the latest end. */
  readonly durationNs: number;
  /** Number of spans, and so of rows. */
  readonly spans: number;
  /** Row of the selected execution. */
  readonly rootRow: number;
  /** Number of spans of this trace that did not fit into the store. */
  readonly dropped: number;
  /** Services in the order of their first row, at most 100. */
  readonly services: readonly string[];
}

export interface LogDetail extends LogSummary {
  readonly runId: string;
  readonly mode: "mock" | "live" | "audit";
  readonly moduleHash: string;
  readonly policyHash: string;
  /** Hash of the last record, which covers all earlier ones. */
  readonly head: string;
  readonly bytes: number;
  readonly calls: number;
  /** Number of events of each type. */
  readonly types: readonly Facet[];
  /** Number of calls of each capability. */
  readonly capabilities: readonly Facet[];
  readonly steps?: number | undefined;
  readonly allocBytes?: number | undefined;
  /** Files of the program whose text is in the log. */
  readonly sources: readonly string[];
  /** Names of the arguments of `main`. Their values are in `values` of event 0. */
  readonly args: readonly string[];
}

export interface RunFailure {
  /** A trap, such as `capability_denied`. */
  readonly kind: string;
  readonly message: string;
  readonly capability?: string | undefined;
  /** Path of the rule that refused the call: `rules["net.fetch"].allow`. */
  readonly rule?: string | undefined;
  /** Line of the rule in `PolicyAnswer.text`, from 1. If the policy omits the rule, the line of the innermost field around it. */
  readonly ruleLine?: number | undefined;
  readonly limit?: string | undefined;
  readonly step?: number | undefined;
}

export interface Budget {
  readonly capability: string;
  /** Number of calls that the policy allows in the run. */
  readonly budget: number;
  readonly used: number;
}

export interface Waiting {
  readonly for: "approval" | "answer";
  readonly call: number;
  readonly event: number;
  readonly capability: string;
  /** The decision, if there is one and the run has not been resumed yet. */
  readonly decision?: "approved" | "denied" | undefined;
  /** Shell commands that decide about the call, or resume the run. */
  readonly commands: readonly string[];
}

// ---- spans ----

/** A page of the rows of the timeline. Each span is one row; children follow their parent in the order of their start. */
export interface SpansQuery extends PageQuery, ExecutionQuery {
  /** Only spans whose name, label or service contains this text. Case is ignored. Rows keep their numbers. */
  readonly text?: string;
  /** `1`: only spans with an error or a refused call. */
  readonly errors?: "1";
}

export interface SpansAnswer {
  readonly spans: readonly SpanRow[];
  /** Number of spans that meet the conditions. */
  readonly total: number;
}

export interface SpanRow {
  /** Number of the row, from 0. The spans below this one are in the next `descendants` rows. */
  readonly row: number;
  readonly spanId: string;
  /** Row of the parent. Undefined for a root, and for a span whose parent is not in the store. */
  readonly parentRow?: number | undefined;
  readonly depth: number;
  readonly descendants: number;
  readonly name: string;
  /** What the span is about: a program, capability, function or construct. For a span of another program, its method and route, or empty. */
  readonly label: string;
  readonly service: string;
  readonly kind: SpanKind;
  /** Nanoseconds since `Timeline.startMs`. */
  readonly startNs: number;
  readonly durationNs: number;
  readonly status: "unset" | "ok" | "error";
  /** `error.kind` or `error.type`, such as `denied` or `timeout`. */
  readonly error?: string | undefined;
  /** The lane of the span, from 0. Siblings that overlap in time have different lanes. */
  readonly lane: number;
  /** Number of lanes of the span and its siblings. 1 if none overlap. */
  readonly lanes: number;
  /**
   * The branch of a `par` in which this span ran: `branch 2`. Undefined outside a `par`: actors have no such name, only their own lanes.
   */
  readonly task?: string | undefined;
  /** For a `boruna.cap` span, the number of the call among all calls of the run. `boruna log show` counts only calls that reach a handler. */
  readonly call?: number | undefined;
  /** Event of the call in the log of the run. */
  readonly event?: number | undefined;
  /** Calls still allowed after this one. */
  readonly budgetLeft?: number | undefined;
}

export type SpanKind = "unspecified" | "internal" | "server" | "client" | "producer" | "consumer";

export interface SpanDetail {
  readonly span: SpanRow;
  readonly traceId: string;
  readonly attributes: readonly Attribute[];
  readonly resource: readonly Attribute[];
  readonly scope: { readonly name: string; readonly version: string };
  readonly statusMessage: string;
  readonly events: readonly { readonly name: string; readonly timeNs: number; readonly attributes: readonly Attribute[] }[];
  readonly links: readonly { readonly traceId: string; readonly spanId: string; readonly attributes: readonly Attribute[] }[];
  /** Number of attributes, events and links that the sender or the viewer dropped. */
  readonly dropped: number;
  /** Place in the program, if the span has one. */
  readonly place?: Place | undefined;
}

export interface Attribute {
  readonly name: string;
  readonly type: "string" | "number" | "bool" | "bytes" | "list" | "map" | "null";
  readonly value: ValueText;
}

/** A value as text. If `cut` is true, `text` is only the beginning of a long text, and `chars` is the length of the complete one. */
export interface ValueText {
  readonly text: string;
  readonly chars: number;
  readonly cut: boolean;
}

// ---- events of the log ----

export interface EventsQuery extends PageQuery {
  /** Only events of this type. */
  readonly type?: string;
  /** Only calls of this capability and their answers. */
  readonly capability?: string;
}

export interface EventsAnswer {
  readonly events: readonly EventRow[];
  /** Number of events that meet the conditions. */
  readonly total: number;
}

/** An event without its values. */
export interface EventRow {
  /** Number of the event, from 1. */
  readonly n: number;
  /** `CapCall`, `CapResult`, `CapError`, `Approval`, `ActorSpawn`, `MessageSend`, `MessageReceive`, `UiEmit`, `SchedulerTick`, `ContractCheck`, `GuardCheck`. */
  readonly type: string;
  /** One short sentence without values: `net.fetch`, `net.fetch failed (runtime_error)`, `actor 2 runs worker`. */
  readonly text: string;
  readonly capability?: string | undefined;
  /** Number of the call that the event is part of: a call, its decision, its answer. */
  readonly call?: number | undefined;
  /** For a call: the event of its answer. For an answer: the event of its call. */
  readonly partner?: number | undefined;
  /** For a call of a capability with a budget: calls still allowed after this one. */
  readonly budgetLeft?: number | undefined;
  /** Whether the event is a failed call, a denied approval or a failed contract. */
  readonly failed: boolean;
}

export interface EventDetail {
  readonly event: EventRow;
  /** Names of the values that `values` returns, with the bytes of their JSON. */
  readonly values: readonly { readonly name: string; readonly bytes: number }[];
  /** The other fields of the event, such as `actor_id`, `by` and `kind`. */
  readonly fields: readonly { readonly name: string; readonly text: string }[];
  /** Hash of the record. */
  readonly hash: string;
  /** Line of the record in the file. */
  readonly line: number;
  /** The shell command that prints the complete call. */
  readonly command?: string | undefined;
  /** The spans of this call in all executions. */
  readonly spans: readonly { readonly execution: string; readonly spanId: string; readonly row: number }[];
}

/** The values of an event. Event 0 has the arguments of `main`; event `events` + 1 has the value or error with which the run ended. */
export interface EventValues {
  readonly values: readonly { readonly name: string; readonly value: ValueText }[];
}

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly function?: string | undefined;
  /** Where the program called the library, if `file` belongs to a library. */
  readonly caller?: { readonly file: string; readonly line: number; readonly function?: string | undefined } | undefined;
}

export interface EventPlace {
  /** The call stack, innermost call first. Empty if it is not known. At most 100. */
  readonly stack: readonly {
    readonly function: string;
    readonly file?: string | undefined;
    readonly line?: number | undefined;
    readonly column?: number | undefined;
  }[];
  /** Why the stack is not known. */
  readonly problem?: string | undefined;
}

export interface SourceAnswer {
  readonly file: string;
  readonly text: string;
}

export interface PolicyAnswer {
  /** The effective policy as indented JSON. */
  readonly text: string;
  readonly hash: string;
}

// ---- what-if and compare ----

export interface WhatIfRequest {
  /** The text of a policy file (with comments or without), or `allow-all` or `deny-all`. Default: the recorded policy. */
  readonly policy?: string;
  /** Answers that replace recorded ones, each with the number of its call, as typed JSON. A failure is `{"CapError": {"kind": …, "message": …}}`. */
  readonly edits?: readonly { readonly call: number; readonly answer: unknown }[];
}

export interface WhatIfAnswer {
  /** The recorded calls that the policy would not allow. Calls after a refused one are judged, too. A refused call does not use up a budget. */
  readonly refusals: {
    readonly judged: number;
    readonly refused: number;
    /** The first 1,000. */
    readonly calls: readonly {
      readonly call: number;
      readonly event: number;
      readonly capability: string;
      /** `approval`: the call would wait for one. */
      readonly kind: "refused" | "budget" | "approval";
      readonly rule: string;
      readonly reason: string;
      /** Line of the rule in the text of the given policy, from 1; undefined if the text does not have it. */
      readonly ruleLine?: number | undefined;
    }[];
  };
  /** The replay with this policy and these answers. `docs/guide/logs.md` explains the status. */
  readonly replay: {
    readonly status: "same" | "changed" | "incomplete" | "interrupted";
    readonly recordedCalls: number;
    readonly answeredCalls: number;
    /** Why the replay stopped before the program had ended. */
    readonly stop?:
      | {
          readonly reason: "refused" | "other_call" | "no_answer";
          readonly text: string;
          readonly rule?: string | undefined;
        }
      | undefined;
    readonly stack: EventPlace["stack"];
    readonly recordedEnd?: string | undefined;
    readonly end?: string | undefined;
  };
}

export interface CompareAnswer {
  readonly same: boolean;
  /** Number of calls and other events that are equal. */
  readonly equal: number;
  /** Number of differences. */
  readonly total: number;
  /** The first 1,000 differences, in the order of the logs. */
  readonly differences: readonly Difference[];
}

export interface Difference {
  /** `LogDifference` in `replay/diff.ts` explains the kinds. */
  readonly kind: "header" | "arguments" | "answer" | "content" | "only_a" | "only_b" | "end";
  readonly a?: { readonly event: number; readonly call?: number | undefined } | undefined;
  readonly b?: { readonly event: number; readonly call?: number | undefined } | undefined;
  /** For `only_a` and `only_b`: number of events that only this log has, from the given one on. */
  readonly events?: number | undefined;
  /** Short texts of the event in each log. They contain values, so the page hides them until the user asks. */
  readonly aText?: string | undefined;
  readonly bText?: string | undefined;
  /** The first path at which the two differ, with both values. */
  readonly at?: { readonly path: string; readonly a?: string | undefined; readonly b?: string | undefined } | undefined;
}

// ---- live and status ----

export interface LiveMessage {
  /** Runs that are new or have changed, at most 100. */
  readonly runs: readonly RunSummary[];
  /** Ids of rows that no longer exist: they were deleted to make room, or merged into the row of a log. */
  readonly gone: readonly string[];
  /** True if more runs have changed than the message lists: the page must load the list again. */
  readonly reload: boolean;
}

export interface StatusAnswer {
  readonly version: string;
  readonly spans: number;
  readonly traces: number;
  /** Bytes of memory that the spans take. */
  readonly storeBytes: number;
  /** The limit on `storeBytes`. */
  readonly storeLimitBytes: number;
  /** Number of spans that were dropped since the start, because they did not fit into the store. */
  readonly droppedSpans: number;
  readonly logs: number;
  /** The logs and folders that the command was given. */
  readonly watched: readonly string[];
  /** The file of `--store`. */
  readonly storeFile?: string | undefined;
}
