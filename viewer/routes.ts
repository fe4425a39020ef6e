/** The routes of the API that `api.ts` declares. */
import { VERSION } from "../vm/version.ts";
import type { Api, EventsQuery, ExecutionQuery, PageQuery, RunsQuery, SpansQuery, StatusAnswer } from "./api.ts";
import type { Catalogue, Run } from "./catalogue.ts";
import { HttpProblem, notFound } from "./http-answer.ts";
import { eventDetail, eventPlace, eventValues, listEvents, sourceOf } from "./log-events.ts";
import type { LogIndex } from "./log-index.ts";
import type { LogWatcher } from "./log-watcher.ts";
import { policyOf } from "./policy-text.ts";
import { answerWhatIf, compareRuns, readConditions } from "./questions.ts";
import { isRunSort, listRuns } from "./run-list.ts";
import { listSpans, runDetail, spanDetail } from "./run-detail.ts";
import type { SpanStore } from "./span-store.ts";

/** What routes answer from: spans, logs, the list of runs, and what the viewer was started with. */
export interface Sources {
  readonly store: SpanStore;
  readonly logs: Pick<LogWatcher, "logs">;
  readonly catalogue: Catalogue;
  readonly watched: readonly string[];
  readonly storeFile: string | undefined;
}

/** A request for a route: all that its answer depends on. */
interface Question {
  readonly sources: Sources;
  /** The decoded segments of the path that the route names in capitals: `RUN`, then `SPAN` or `N`. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly body: string;
  readonly signal: AbortSignal;
}

type RouteName = Exclude<keyof Api, "GET /api/live">;
type Answers = { readonly [R in RouteName]: (question: Question) => Api[R]["answer"] | Promise<Api[R]["answer"]> };

const ANSWERS: Answers = {
  "GET /api/runs": ({ sources, query }) =>
    listRuns(
      Array.from(sources.catalogue.runs.values(), ({ summary }) => summary),
      runsQuery(query),
    ),
  "GET /api/runs/RUN": (question) => runDetail(runOf(question), executionQuery(question.query).execution),
  "GET /api/runs/RUN/spans": (question) => listSpans(runOf(question), spansQuery(question.query)),
  "GET /api/runs/RUN/spans/SPAN": (question) =>
    spanDetail(runOf(question), question.path[1] ?? "", executionQuery(question.query).execution) ?? missing("span"),
  "GET /api/runs/RUN/events": (question) => listEvents(logOf(question), eventsQuery(question.query)),
  "GET /api/runs/RUN/events/N": (question) => eventDetail(runOf(question), logOf(question), eventNumber(question)) ?? missing("event"),
  "GET /api/runs/RUN/events/N/values": (question) => eventValues(logOf(question), eventNumber(question)) ?? missing("event"),
  "GET /api/runs/RUN/events/N/place": async (question) =>
    (await eventPlace(logOf(question), eventNumber(question), question.signal)) ?? missing("event"),
  "GET /api/runs/RUN/source": (question) => sourceOf(logOf(question), question.query.get("file") ?? "") ?? missing("source file"),
  "GET /api/runs/RUN/policy": (question) => policyOf(logOf(question)) ?? missing("policy"),
  "POST /api/runs/RUN/what-if": (question) => answerWhatIf(logOf(question), readConditions(question.body), question.signal),
  "GET /api/compare": ({ sources, query, signal }) =>
    compareRuns(logOf({ sources, path: [query.get("a") ?? ""] }), logOf({ sources, path: [query.get("b") ?? ""] }), signal),
  "GET /api/status": ({ sources }) => statusOf(sources),
};

/** Slow routes: they run a program or read a complete log. */
const SLOW_ROUTES: readonly string[] = ["GET /api/runs/RUN/events/N/place", "POST /api/runs/RUN/what-if", "GET /api/compare"];

/** The route that serves a request. */
export interface Route {
  readonly isSlow: boolean;
  readonly hasBody: boolean;
  readonly answer: (question: Omit<Question, "path">) => unknown;
}

const ROUTES = Object.entries(ANSWERS).map(([name, answer]) => {
  const [method = "", path = ""] = name.split(" ");
  return { method, pattern: new RegExp(`^${path.replace(/\b(RUN|SPAN|N)\b/g, "([^/]+)")}$`), isSlow: SLOW_ROUTES.includes(name), answer };
});

/** Finds the route of a request. Throws an `HttpProblem` if there is none. */
export function routeOf(method: string, path: string): Route {
  let isKnownPath = false;
  for (const { method: routeMethod, pattern, isSlow, answer } of ROUTES) {
    const match = pattern.exec(path);
    if (match === null) continue;
    isKnownPath = true;
    if (method !== routeMethod) continue;
    const parts = match.slice(1).map(decodeSegment);
    return { isSlow, hasBody: method === "POST", answer: (question) => answer({ ...question, path: parts }) };
  }
  throw isKnownPath ? new HttpProblem(405, "usage", `${method} is not served here`) : notFound("there is no such route");
}

function decodeSegment(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    if (error instanceof URIError) throw new HttpProblem(400, "usage", "the path is not percent-encoded UTF-8");
    throw error;
  }
}

/** Answers 404. */
function missing(what: string): never {
  throw notFound(`there is no such ${what}`);
}

function runOf({ sources, path }: Pick<Question, "sources" | "path">): Run {
  return sources.catalogue.find(path[0] ?? "") ?? missing("run");
}

function logOf(question: Pick<Question, "sources" | "path">): LogIndex {
  const { log } = runOf(question);
  if (log === undefined) throw notFound("the run has no log here");
  return log;
}

function statusOf({ store, logs, watched, storeFile }: Sources): StatusAnswer {
  return {
    version: VERSION,
    spans: store.spanCount,
    traces: store.traces.size,
    storeBytes: store.bytes,
    storeLimitBytes: store.limitBytes,
    droppedSpans: store.droppedCount,
    logs: logs.logs.size,
    watched,
    storeFile,
  };
}

// ---- parameters ----

function eventNumber({ path }: Question): number {
  return wholeNumber(path[1] ?? "", "the number of the event");
}

function wholeNumber(text: string, name: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new HttpProblem(400, "usage", `${name}: expected a whole number from 0`);
}

const textParameter = (query: URLSearchParams, name: string): string | undefined => {
  const text = query.get(name);
  return text === null || text === "" ? undefined : text;
};

function countParameter(query: URLSearchParams, name: string): number | undefined {
  const text = textParameter(query, name);
  return text === undefined ? undefined : wholeNumber(text, name);
}

/** Reads a number that may have a fraction: a time or a duration. */
function numberParameter(query: URLSearchParams, name: string): number | undefined {
  const text = textParameter(query, name);
  if (text === undefined || /^\d{1,15}(\.\d{1,9})?$/.test(text)) return text === undefined ? undefined : Number(text);
  throw new HttpProblem(400, "usage", `${name}: expected a number from 0`);
}

type Given<T> = { readonly [K in keyof T]?: T[K] | undefined };
/** Returns the object without its undefined properties. */
function withoutUndefined<T extends object>(values: Given<T>): T;
function withoutUndefined(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

const pageQuery = (query: URLSearchParams): PageQuery =>
  withoutUndefined<PageQuery>({ from: countParameter(query, "from"), count: countParameter(query, "count") });

const executionQuery = (query: URLSearchParams): ExecutionQuery =>
  withoutUndefined<ExecutionQuery>({ execution: textParameter(query, "execution") });

function runsQuery(query: URLSearchParams): RunsQuery {
  const sort = textParameter(query, "sort");
  const order = textParameter(query, "order");
  if (sort !== undefined && !isRunSort(sort)) throw new HttpProblem(400, "usage", "sort: there is no such order");
  if (order !== undefined && order !== "asc" && order !== "desc") throw new HttpProblem(400, "usage", "order: expected asc or desc");
  return withoutUndefined<RunsQuery>({
    ...pageQuery(query),
    sort,
    order,
    program: textParameter(query, "program"),
    outcome: textParameter(query, "outcome"),
    capability: textParameter(query, "capability"),
    text: textParameter(query, "text"),
    sinceMs: numberParameter(query, "sinceMs"),
    untilMs: numberParameter(query, "untilMs"),
    minCalls: countParameter(query, "minCalls"),
    minDenials: countParameter(query, "minDenials"),
    minDurationMs: numberParameter(query, "minDurationMs"),
  });
}

function spansQuery(query: URLSearchParams): SpansQuery {
  const errors = textParameter(query, "errors") === undefined ? undefined : ("1" as const);
  return withoutUndefined<SpansQuery>({ ...pageQuery(query), ...executionQuery(query), text: textParameter(query, "text"), errors });
}

const eventsQuery = (query: URLSearchParams): EventsQuery =>
  withoutUndefined<EventsQuery>({
    ...pageQuery(query),
    type: textParameter(query, "type"),
    capability: textParameter(query, "capability"),
  });
