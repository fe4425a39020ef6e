/** Two runs side by side, aligned by the events of their logs, or two executions, aligned by the calls of their spans. */
import { useEffect } from "preact/hooks";
import type { Execution, RunDetail } from "../api.ts";
import { get } from "./client.ts";
import { LogComparison } from "./compare-logs.tsx";
import { SpanComparison } from "./compare-spans.tsx";
import { formatTime, plural } from "./format.ts";
import { useRunChanges } from "./live.ts";
import { ErrorNote, OutcomeBadge, Untrusted, untrusted } from "./parts.tsx";
import { type Route, routeTo, setQuery } from "./route.ts";
import { useData } from "./use-data.ts";

export function ComparePage({ route: { query } }: { readonly route: Route }) {
  const [idA, idB] = [query.get("a") ?? "", query.get("b") ?? ""];
  const a = useRunDetail(idA);
  const b = useRunDetail(idB);
  useEffect(() => {
    document.title = "Comparison · Boruna viewer";
  }, []);
  const [execA, execB] = [query.get("execA"), query.get("execB")];
  const [runA, runB] = [a.value, b.value];
  const byLog = execA === undefined && execB === undefined && runA?.log !== undefined && runB?.log !== undefined;
  return (
    <main class="compare-page">
      <h1>Comparison</h1>
      <ErrorNote error={a.error ?? b.error} />
      <div class="compare-heads">
        {runA !== undefined && <RunHead letter="A" run={runA} execution={execA} other={runB} />}
        {runB !== undefined && <RunHead letter="B" run={runB} execution={execB} other={runA} />}
      </div>
      {runA !== undefined &&
        runB !== undefined &&
        (byLog ? <LogComparison a={runA} b={runB} /> : <SpanComparison a={runA} b={runB} execA={execA} execB={execB} />)}
    </main>
  );
}

function useRunDetail(id: string) {
  const version = useRunChanges(id);
  return useData(id === "" ? undefined : id, version, (signal) => get("GET /api/runs/RUN", { RUN: id }, {}, signal));
}

interface RunHeadProps {
  readonly letter: "A" | "B";
  readonly run: RunDetail;
  readonly execution: string | undefined;
  readonly other: RunDetail | undefined;
}

/** Shows the name of a run. The user chooses whether its log or one of its executions is compared. */
function RunHead({ letter, run, execution, other }: RunHeadProps) {
  const chosen = run.executions.find(({ id }) => id === execution);
  return (
    <section class="card" aria-label={`Run ${letter}`}>
      <h2>
        <span class="letter">{letter}</span>{" "}
        <a href={routeTo(["run", run.run.id], { execution })}>
          <Untrusted text={run.run.program} />
        </a>{" "}
        <OutcomeBadge outcome={chosen?.outcome ?? run.run.outcome} />
      </h2>
      <p class="small">
        {formatTime(chosen?.startMs ?? run.run.timeMs)}, {plural(run.run.calls, "call")}
        {run.run.log !== undefined && (
          <>
            , <Untrusted text={run.run.log.file} />
          </>
        )}
      </p>
      <label class="inline">
        <span>Compare</span>
        <select value={execution ?? ""} onChange={(event) => setQuery({ [`exec${letter}`]: event.currentTarget.value })}>
          <option value="">{run.log !== undefined && other?.log !== undefined ? "the log" : "the latest execution"}</option>
          {run.executions.map((item) => (
            <option key={item.id} value={item.id}>
              {executionText(item)}
            </option>
          ))}
        </select>
      </label>
    </section>
  );
}

export function executionText({ mode, outcome, startMs }: Execution): string {
  return untrusted(`the ${mode} execution of ${formatTime(startMs)}, ${outcome.replaceAll("_", " ")}`);
}
