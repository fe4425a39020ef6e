/** The list of runs with its filters. The filters are in the address, so a filtered list has a permalink. */
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { Facet, RunsAnswer, RunSort, RunSummary } from "../api.ts";
import { get, type QueryOf } from "./client.ts";
import { formatCount, formatDuration, formatTime, plural } from "./format.ts";
import { useKeys } from "./keys.tsx";
import { useAllRunsChanges } from "./live.ts";
import { ErrorNote, Note, OutcomeBadge, Untrusted, untrusted, useIsNarrow } from "./parts.tsx";
import { navigate, type Route, routeTo, setQuery } from "./route.ts";
import { useWindow } from "./use-window.ts";
import { VirtualRows } from "./virtual-rows.tsx";

const COLUMNS: readonly { readonly sort: RunSort; readonly title: string; readonly class: string }[] = [
  { sort: "program", title: "Program", class: "program" },
  { sort: "outcome", title: "Outcome", class: "outcome" },
  { sort: "time", title: "Time", class: "time" },
  { sort: "calls", title: "Calls", class: "number calls" },
  { sort: "denials", title: "Denials", class: "number denials" },
  { sort: "duration", title: "Duration", class: "number duration" },
];

/** Values of the filter by age, in minutes. */
const AGES: readonly (readonly [minutes: string, title: string])[] = [
  ["", "any time"],
  ["15", "last 15 minutes"],
  ["60", "last hour"],
  ["1440", "last day"],
  ["10080", "last week"],
];

const MINIMUM_FILTERS = [
  { name: "calls", title: "Calls at least", step: "1" },
  { name: "denials", title: "Denials at least", step: "1" },
  { name: "duration", title: "Duration at least, ms", step: "any" },
] as const;

const FILTERS = ["text", "outcome", "program", "capability", "age", "calls", "denials", "duration"] as const;

const isSort = (name: string): name is RunSort => COLUMNS.some(({ sort }) => sort === name);

function numberOf(text: string | undefined): number | undefined {
  const value = Number(text ?? "");
  return text === undefined || text === "" || !Number.isFinite(value) ? undefined : value;
}

/** Returns the query to the server for the filters in the address. `now` is in milliseconds since 1970. */
function runsQuery(query: Route["query"], now: number): QueryOf<"GET /api/runs"> {
  const sort = query.get("sort") ?? "time";
  const age = numberOf(query.get("age"));
  return {
    sort: isSort(sort) ? sort : undefined,
    order: query.get("order") === "asc" ? "asc" : undefined,
    text: query.get("text"),
    outcome: query.get("outcome"),
    program: query.get("program"),
    capability: query.get("capability"),
    sinceMs: age === undefined ? undefined : now - age * 60_000,
    minCalls: numberOf(query.get("calls")),
    minDenials: numberOf(query.get("denials")),
    minDurationMs: numberOf(query.get("duration")),
  };
}

export function RunsPage({ route }: { readonly route: Route }) {
  const { query } = route;
  const version = useAllRunsChanges();
  const isNarrow = useIsNarrow();
  const [head, setHead] = useState<Pick<RunsAnswer, "all" | "facets">>();
  const [selected, setSelected] = useState<number>();
  const [marked, setMarked] = useState<readonly RunSummary[]>([]);
  const search = useRef<HTMLInputElement>(null);
  const list = JSON.stringify([...query]);
  const window = useWindow<RunSummary>(list, version, async (from, count, signal) => {
    const { runs, total, ...rest } = await get("GET /api/runs", {}, { ...runsQuery(query, Date.now()), from, count }, signal);
    setHead(rest);
    return { rows: runs, total };
  });
  useEffect(() => setSelected(undefined), [list]);
  useEffect(() => {
    document.title = "Runs · Boruna viewer";
  }, []);

  const open = useCallback(
    (row: number): void => {
      const run = window.rowAt(row);
      if (run !== undefined) navigate(routeTo(["run", run.id]));
    },
    [window],
  );
  const mark = (run: RunSummary | undefined): void => {
    if (run === undefined) return;
    const rest = marked.filter(({ id }) => id !== run.id);
    setMarked(rest.length < marked.length ? rest : [...marked, run].slice(-2));
  };
  const [a, b] = marked;
  const compare = (): void => {
    if (a !== undefined && b !== undefined) navigate(routeTo(["compare"], { a: a.id, b: b.id }));
  };
  useKeys({
    search: () => search.current?.focus(),
    mark: () => mark(selected === undefined ? undefined : window.rowAt(selected)),
    compare,
  });

  const total = window.total ?? 0;
  const isFiltered = FILTERS.some((name) => query.has(name));
  return (
    <main class="runs-page">
      <h1 class="hidden">Runs</h1>
      <Filters query={query} facets={head?.facets} search={search} />
      <div class="list-head">
        <p aria-live="polite">
          {window.total === undefined
            ? "Loading …"
            : isFiltered
              ? `${formatCount(total)} of ${plural(head?.all ?? total, "run")}`
              : plural(total, "run")}
        </p>
        {isFiltered && (
          <a class="button" href="#/">
            Clear filters
          </a>
        )}
        <div class="marked">
          {marked.length === 1 && <span>Mark another run to compare.</span>}
          {marked.length === 2 && (
            <button type="button" class="primary" onClick={compare}>
              Compare the two marked runs
            </button>
          )}
        </div>
      </div>
      <ErrorNote error={window.error} />
      {window.total === 0 && (
        <Note>
          {isFiltered ? (
            "No run meets these conditions."
          ) : (
            <>
              No runs yet. Send traces with the variables that <code>boruna view</code> printed when it started, or give it a log or a
              folder of logs.
            </>
          )}
        </Note>
      )}
      <VirtualRows
        total={total}
        rowHeight={isNarrow ? 72 : 38}
        label="Runs"
        role="grid"
        columns={COLUMNS.length + 1}
        selected={selected}
        onSelect={setSelected}
        onOpen={open}
        onVisible={window.show}
        header={<Header query={query} />}
      >
        {(row) => {
          const run = window.rowAt(row);
          if (run === undefined) return <div role="gridcell" class="cell loading" aria-colspan={COLUMNS.length + 1} />;
          return <RunCells run={run} isMarked={marked.some(({ id }) => id === run.id)} onMark={() => mark(run)} />;
        }}
      </VirtualRows>
    </main>
  );
}

function Header({ query }: { readonly query: Route["query"] }) {
  const sort = query.get("sort") ?? "time";
  const order = query.get("order") === "asc" ? "asc" : "desc";
  return (
    <div role="row" class="row rows-header" aria-rowindex={1}>
      <div role="columnheader" class="cell mark">
        <span class="hidden">Compare</span>
      </div>
      {COLUMNS.map((column) => {
        const isSorted = column.sort === sort;
        const next = isSorted && order === "desc" ? "asc" : undefined;
        return (
          <div
            key={column.sort}
            role="columnheader"
            class={`cell ${column.class}`}
            aria-sort={isSorted ? (order === "asc" ? "ascending" : "descending") : "none"}
          >
            <button
              type="button"
              class="sort"
              onClick={() => setQuery({ sort: column.sort === "time" ? undefined : column.sort, order: next })}
            >
              {column.title}
              <span aria-hidden="true">{isSorted ? (order === "asc" ? " ↑" : " ↓") : ""}</span>
            </button>
          </div>
        );
      })}
    </div>
  );
}

interface RunCellsProps {
  readonly run: RunSummary;
  readonly isMarked: boolean;
  readonly onMark: () => void;
}

function RunCells({ run, isMarked, onMark }: RunCellsProps) {
  const sources = [run.spans > 0 ? "trace" : "", run.log === undefined ? "" : "log", run.mode === undefined ? "" : run.mode];
  return (
    <>
      <div role="gridcell" class="cell mark">
        <input
          type="checkbox"
          checked={isMarked}
          onChange={onMark}
          aria-label={`Mark ${untrusted(run.program)} for a comparison`}
          tabIndex={-1}
        />
      </div>
      <div role="gridcell" class="cell program">
        <a href={routeTo(["run", run.id])} tabIndex={-1}>
          <Untrusted text={run.program === "" ? "(no name)" : run.program} />
        </a>
        <span class="small">
          <Untrusted text={sources.filter(Boolean).join(", ")} />
        </span>
      </div>
      <div role="gridcell" class="cell outcome">
        <OutcomeBadge outcome={run.outcome} />
      </div>
      <div role="gridcell" class="cell time">
        <span title={run.timeFrom === "file" ? "when the log was last changed" : undefined}>{formatTime(run.timeMs)}</span>
      </div>
      <div role="gridcell" class="cell number calls">
        <span class="narrow-only">{run.calls === 1 ? "call " : "calls "}</span>
        {formatCount(run.calls)}
      </div>
      <div role="gridcell" class={`cell number denials${run.denials > 0 ? " some" : ""}`}>
        {run.denials > 0 && <span aria-hidden="true">⊘ </span>}
        <span class="narrow-only">denied </span>
        {formatCount(run.denials)}
      </div>
      <div role="gridcell" class="cell number duration">
        {run.durationMs === undefined ? <span title="a log has no times">–</span> : formatDuration(run.durationMs * 1e6)}
      </div>
    </>
  );
}

interface FiltersProps {
  readonly query: Route["query"];
  readonly facets: RunsAnswer["facets"] | undefined;
  readonly search: { current: HTMLInputElement | null };
}

function Filters({ query, facets, search }: FiltersProps) {
  const set = (name: string) => (event: { readonly currentTarget: HTMLInputElement | HTMLSelectElement }) =>
    setQuery({ [name]: event.currentTarget.value });
  return (
    <form class="filters" role="search" aria-label="Filter runs" onSubmit={(event) => event.preventDefault()}>
      <label class="wide">
        <span>Text</span>
        <input
          ref={search}
          type="search"
          value={query.get("text") ?? ""}
          onInput={set("text")}
          placeholder="id, program, file … ( / )"
          maxLength={200}
        />
      </label>
      <FacetSelect title="Outcome" name="outcome" query={query} facets={facets?.outcomes} />
      <FacetSelect title="Program" name="program" query={query} facets={facets?.programs} />
      <FacetSelect title="Capability" name="capability" query={query} facets={facets?.capabilities} />
      <label>
        <span>Time</span>
        <select value={query.get("age") ?? ""} onChange={set("age")}>
          {AGES.map(([minutes, title]) => (
            <option key={minutes} value={minutes}>
              {title}
            </option>
          ))}
        </select>
      </label>
      {MINIMUM_FILTERS.map(({ name, title, step }) => (
        <label key={name} class="narrow">
          <span>{title}</span>
          <input type="number" min="0" step={step} value={query.get(name) ?? ""} onInput={set(name)} />
        </label>
      ))}
    </form>
  );
}

interface FacetSelectProps {
  readonly title: string;
  readonly name: string;
  readonly query: Route["query"];
  readonly facets: readonly Facet[] | undefined;
}

function FacetSelect({ title, name, query, facets = [] }: FacetSelectProps) {
  const value = query.get(name) ?? "";
  const isListed = value === "" || facets.some((facet) => facet.value === value);
  return (
    <label>
      <span>{title}</span>
      <select value={value} onChange={(event) => setQuery({ [name]: event.currentTarget.value })}>
        <option value="">all</option>
        {!isListed && <option value={value}>{untrusted(value)}</option>}
        {facets.map((facet) => (
          <option key={facet.value} value={facet.value}>
            {untrusted(facet.value.replaceAll("_", " "))} ({formatCount(facet.count)})
          </option>
        ))}
      </select>
    </label>
  );
}
