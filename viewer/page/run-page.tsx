/** One run: its summary, what it waits for, and its views. */
import type { ComponentChildren } from "preact";
import { useEffect } from "preact/hooks";
import { failureText } from "../../vm/outcome.ts";
import type { RunDetail, SpanDetail } from "../api.ts";
import { get } from "./client.ts";
import { executionText } from "./compare-page.tsx";
import { Budgets, Denials } from "./denials.tsx";
import { EventPane, SpanPane } from "./detail.tsx";
import { Events } from "./events.tsx";
import { formatBytes, formatCount, formatDuration, formatTime, plural } from "./format.ts";
import { useKeys } from "./keys.tsx";
import { useRunChanges } from "./live.ts";
import { Command, ErrorNote, Note, OutcomeBadge, toneOfOutcome, Untrusted, untrusted } from "./parts.tsx";
import { navigate, type Route, routeTo, setQuery } from "./route.ts";
import { SourceView } from "./source.tsx";
import { type Data, useData } from "./use-data.ts";
import { Waterfall } from "./waterfall.tsx";
import { WhatIf } from "./what-if.tsx";

const TABS = [
  ["waterfall", "Waterfall"],
  ["events", "Events"],
  ["denials", "Denials"],
  ["budgets", "Budgets"],
  ["source", "Source"],
  ["what-if", "What if"],
] as const;

type Tab = (typeof TABS)[number][0];

/** A span must stay selected this long before its details load. */
const DELAY_MS = 120;

/** Removes the query parameters of single views, when another view opens. */
const CLEARED = { text: undefined, errors: undefined, type: undefined, capability: undefined, file: undefined, line: undefined };

export function RunPage({ route: { path, query } }: { readonly route: Route }) {
  const id = path[1] ?? "";
  const execution = query.get("execution");
  const version = useRunChanges(id);
  const selection = { execution };
  const { value: run, error } = useData(`${id} ${execution ?? ""}`, version, (signal) =>
    get("GET /api/runs/RUN", { RUN: id }, selection, signal),
  );
  const span = query.get("span");
  const detail = useData(
    span === undefined ? undefined : `${id} ${span} ${execution ?? ""}`,
    version,
    (signal) => get("GET /api/runs/RUN/spans/SPAN", { RUN: id, SPAN: span ?? "" }, selection, signal),
    DELAY_MS,
  );
  const tab = tabOf(query.get("tab"), run);
  const show = (next: Tab): void => setQuery({ ...CLEARED, tab: next }, false);
  useKeys({
    tab1: () => show("waterfall"),
    tab2: () => show("events"),
    tab3: () => show("denials"),
    tab4: () => show("budgets"),
    tab5: () => show("source"),
    tab6: () => show("what-if"),
    back: () => navigate("#/"),
  });
  const program = run?.run.program;
  useEffect(() => {
    document.title = `${untrusted(program ?? "Run")} · Boruna viewer`;
  }, [program]);
  return (
    <main class="run-page">
      <ErrorNote error={error} />
      {run === undefined && error === undefined && <Note>Loading …</Note>}
      {run !== undefined && (
        <>
          <RunHead run={run} query={query} />
          <nav class="tabs" aria-label="Views of the run">
            {TABS.map(([name, title], i) => (
              <a
                key={name}
                href={routeTo(["run", id], { ...Object.fromEntries(query), ...CLEARED, tab: name })}
                aria-current={name === tab ? "page" : undefined}
                title={`( ${i + 1} )`}
              >
                {title}
                {countOf(name, run)}
              </a>
            ))}
          </nav>
          <View run={run} tab={tab} version={version} query={query} detail={detail} />
        </>
      )}
    </main>
  );
}

function tabOf(name: string | undefined, run: RunDetail | undefined): Tab {
  const found = TABS.find(([known]) => known === name)?.[0];
  return found ?? (run !== undefined && run.timeline === undefined && run.log !== undefined ? "events" : "waterfall");
}

function countOf(tab: Tab, run: RunDetail): ComponentChildren {
  const counts: Partial<Record<Tab, number | undefined>> = {
    waterfall: run.timeline?.spans,
    events: run.log?.events,
    denials: run.run.denials === 0 ? undefined : run.run.denials,
    budgets: run.budgets.length === 0 ? undefined : run.budgets.length,
  };
  const count = counts[tab];
  return count === undefined ? null : <span class="count">{formatCount(count)}</span>;
}

interface ViewProps {
  readonly run: RunDetail;
  readonly tab: Tab;
  readonly version: number;
  readonly query: Route["query"];
  readonly detail: Data<SpanDetail>;
}

function View({ run, tab, version, query, detail }: ViewProps) {
  const isRunning = run.run.outcome === "running";
  const event = Number(query.get("event") ?? "");
  switch (tab) {
    case "waterfall":
      if (run.timeline === undefined) return <Note>No spans of this run have arrived. Its log is under “Events”.</Note>;
      return (
        <div class={query.has("span") ? "split open" : "split"}>
          <Waterfall run={run.run.id} timeline={run.timeline} version={version} query={query} detail={detail.value} isRunning={isRunning} />
          {query.has("span") && <SpanPane run={run} detail={detail} query={query} onClose={() => setQuery({ span: undefined })} />}
        </div>
      );
    case "events":
      return (
        <div class={event >= 1 ? "split open" : "split"}>
          <Events run={run} version={version} query={query} isRunning={isRunning} />
          {event >= 1 && <EventPane run={run} n={event} query={query} onClose={() => setQuery({ event: undefined })} />}
        </div>
      );
    case "denials":
      return <Denials run={run} version={version} />;
    case "budgets":
      return <Budgets run={run} version={version} />;
    case "source":
      return <SourceView run={run} query={query} />;
    case "what-if":
      return <WhatIf run={run} />;
  }
}

function RunHead({ run, query }: { readonly run: RunDetail; readonly query: Route["query"] }) {
  const { run: summary, log, failure, waiting, executions } = run;
  return (
    <header class="run-head">
      <h1>
        <Untrusted text={summary.program === "" ? "(no name)" : summary.program} /> <OutcomeBadge outcome={summary.outcome} />
      </h1>
      <p class="numbers">
        <span>{formatTime(summary.timeMs)}</span>
        {summary.durationMs !== undefined && <span>{formatDuration(summary.durationMs * 1e6)}</span>}
        <span>{plural(summary.calls, "call")}</span>
        {summary.denials > 0 && (
          <span class="some">
            <span aria-hidden="true">⊘ </span>
            {plural(summary.denials, "refused call")}
          </span>
        )}
        {log?.steps !== undefined && <span>{plural(log.steps, "step")}</span>}
        {log?.allocBytes !== undefined && <span>{formatBytes(log.allocBytes)} allocated</span>}
        {summary.mode !== undefined && <span>{summary.mode}</span>}
      </p>
      {executions.length > 1 && (
        <p class="executions">
          <label class="inline">
            <span>Execution</span>
            <select
              value={query.get("execution") ?? ""}
              onChange={(event) => setQuery({ execution: event.currentTarget.value, span: undefined })}
            >
              <option value="">the latest that is no replay</option>
              {executions.map((item) => (
                <option key={item.id} value={item.id}>
                  {executionText(item)}
                </option>
              ))}
            </select>
          </label>
          <a
            class="button"
            href={routeTo(["compare"], { a: summary.id, execA: executions[0]?.id, b: summary.id, execB: executions.at(-1)?.id })}
          >
            Compare the executions
          </a>
        </p>
      )}
      {waiting !== undefined && (
        <div class="banner waiting" role="status">
          <p>
            <span aria-hidden="true">◔ </span>
            {waiting.decision === undefined ? (
              <>
                Waits for {waiting.for === "approval" ? "an approval of" : "an answer to"}{" "}
                <a href={routeTo(["run", summary.id], { tab: "events", event: waiting.event })}>
                  call {formatCount(waiting.call)}, <Untrusted text={waiting.capability} />
                </a>
              </>
            ) : (
              <>
                Call {formatCount(waiting.call)}, <Untrusted text={waiting.capability} />, was {waiting.decision}. The run has not gone on
                yet.
              </>
            )}
          </p>
          {waiting.commands.map((command) => (
            <Command key={command} command={command} />
          ))}
        </div>
      )}
      {failure !== undefined && waiting === undefined && (
        <div class={`banner ${toneOfOutcome(summary.outcome)}`}>
          <p>
            <span aria-hidden="true">{toneOfOutcome(summary.outcome) === "refused" ? "⊘ " : "✕ "}</span>
            <Untrusted text={failureText(failure.kind, failure.message)} />
            {failure.rule !== undefined && (
              <>
                {" "}
                <a href={routeTo(["run", summary.id], { tab: "denials" })}>
                  Rule <Untrusted text={failure.rule} />
                </a>
              </>
            )}
          </p>
        </div>
      )}
    </header>
  );
}
