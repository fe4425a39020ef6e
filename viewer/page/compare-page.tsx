/** Two runs side by side: aligned by their logs, or two executions of which there are only spans aligned by their calls. */
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { CompareAnswer, Difference, EventRow, Execution, RunDetail, SpanRow } from "../api.ts";
import { type AlignedCall, alignCalls, alignEvents, type Mark, segmentOf } from "./align.ts";
import { get } from "./client.ts";
import { formatCount, formatDuration, formatTime, plural } from "./format.ts";
import { useKeys } from "./keys.tsx";
import { useRunVersion } from "./live.ts";
import { ErrorNote, Note, OutcomeBadge, Untrusted, untrusted, useIsNarrow } from "./parts.tsx";
import { type Route, routeTo, setQuery } from "./route.ts";
import { useData } from "./use-data.ts";
import { useWindow } from "./use-window.ts";
import { VirtualRows } from "./virtual-rows.tsx";

const MAX_CALLS = 1_000;

const MARKS: Readonly<Record<Mark, { readonly sign: string; readonly word: string }>> = {
  same: { sign: "=", word: "same" },
  changed: { sign: "≠", word: "different" },
  only_a: { sign: "−", word: "only in A" },
  only_b: { sign: "+", word: "only in B" },
};

const KINDS: Readonly<Record<Difference["kind"], string>> = {
  header: "other header",
  arguments: "other arguments",
  answer: "other answer",
  content: "other content",
  only_a: "only in A",
  only_b: "only in B",
  end: "other end",
};

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
  const version = useRunVersion(id);
  return useData(id === "" ? undefined : id, version, (signal) => get("GET /api/runs/RUN", { RUN: id }, {}, signal));
}

interface RunHeadProps {
  readonly letter: "A" | "B";
  readonly run: RunDetail;
  readonly execution: string | undefined;
  readonly other: RunDetail | undefined;
}

/** Names a run, and chooses what of it is compared: its log, or one of its executions. */
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

function LogComparison({ a, b }: { readonly a: RunDetail; readonly b: RunDetail }) {
  const ids = { a: a.run.id, b: b.run.id };
  const sizes = [a.log?.events ?? 0, b.log?.events ?? 0];
  const { value, error } = useData(JSON.stringify(ids), JSON.stringify(sizes), (signal) => get("GET /api/compare", {}, ids, signal));
  return (
    <>
      <ErrorNote error={error} />
      {value === undefined && error === undefined && <Note>Comparing the logs …</Note>}
      {value !== undefined && <LogRows a={a} b={b} answer={value} />}
    </>
  );
}

function LogRows({ a, b, answer }: { readonly a: RunDetail; readonly b: RunDetail; readonly answer: CompareAnswer }) {
  const isNarrow = useIsNarrow();
  const [eventsA, eventsB] = [a.log?.events ?? 0, b.log?.events ?? 0];
  const aligned = useMemo(() => alignEvents(answer, eventsA, eventsB), [answer, eventsA, eventsB]);
  const windowA = useEventWindow(a);
  const windowB = useEventWindow(b);
  const [selected, setSelected] = useState<number>();
  const places = useMemo(() => aligned.segments.filter(({ difference }) => difference !== undefined).map(({ row }) => row), [aligned]);
  const go = (row: number | undefined): void => {
    if (row !== undefined) setSelected(row);
  };
  useKeys({
    nextDifference: () => go(places.find((row) => row > (selected ?? -1))),
    previousDifference: () => go(places.findLast((row) => row < (selected ?? aligned.rows))),
    back: () => history.back(),
  });
  const show = useMemo(
    () => (first: number, last: number) => {
      for (const [side, window] of [["a", windowA] as const, ["b", windowB] as const]) {
        const numbers = [numberAt(first, side), numberAt(Math.max(last - 1, first), side)];
        const [from, to] = numbers;
        if (from !== undefined && to !== undefined) window.show(Math.max(from - 1, 0), to);
      }
      /** The event of the row, or of the nearest row before it that has one. */
      function numberAt(row: number, side: "a" | "b"): number | undefined {
        const start = segmentOf(aligned, row);
        if (start === undefined) return undefined;
        const at = aligned.segments.indexOf(start);
        for (let i = at; i >= 0; i -= 1) {
          const segment = aligned.segments[i];
          const number = segment?.[side];
          if (segment !== undefined && number !== undefined) return number + (i === at ? row - segment.row : segment.rows - 1);
        }
        return 1;
      }
    },
    [aligned, windowA.show, windowB.show],
  );
  const outside = answer.differences.filter((difference) => difference.a === undefined && difference.b === undefined);
  const chosen = selected === undefined ? undefined : segmentOf(aligned, selected)?.difference;
  return (
    <>
      <p class="summary" aria-live="polite">
        {answer.same ? (
          <>
            <span aria-hidden="true">= </span>The two logs are the same: {plural(answer.equal, "call or event", "calls and events")}.
          </>
        ) : (
          <>
            <span aria-hidden="true">≠ </span>
            {plural(answer.total, "difference")}, {formatCount(answer.equal)} calls and events are equal.
          </>
        )}
        {answer.total > answer.differences.length && <> The first {formatCount(answer.differences.length)} are shown.</>}
      </p>
      {outside.map((difference, i) => (
        <DifferenceCard key={i} difference={difference} />
      ))}
      {chosen !== undefined && <DifferenceCard difference={chosen} />}
      <VirtualRows
        total={aligned.rows}
        rowHeight={isNarrow ? 46 : 28}
        label="Aligned events"
        role="grid"
        columns={3}
        selected={selected}
        onSelect={setSelected}
        onVisible={show}
        header={<CompareHeader />}
        rowAttributes={(row) => ({ class: `pair ${markOfSegment(segmentOf(aligned, row))}` })}
      >
        {(row) => {
          const segment = segmentOf(aligned, row);
          const event = (window: ReturnType<typeof useEventWindow>, first: number | undefined): EventRow | undefined =>
            segment === undefined || first === undefined ? undefined : window.rowAt(first + row - segment.row - 1);
          return (
            <PairCells
              mark={markOfSegment(segment)}
              word={segment?.difference === undefined ? undefined : KINDS[segment.difference.kind]}
              a={eventText(a, event(windowA, segment?.a))}
              b={eventText(b, event(windowB, segment?.b))}
            />
          );
        }}
      </VirtualRows>
    </>
  );
}

function markOfSegment(segment: ReturnType<typeof segmentOf>): Mark {
  if (segment === undefined) return "same";
  if (segment.a === undefined) return "only_b";
  if (segment.b === undefined) return "only_a";
  return segment.difference === undefined ? "same" : "changed";
}

function useEventWindow(run: RunDetail) {
  const { id, log } = run.run;
  return useWindow<EventRow>(id, log?.events, async (from, count, signal) => {
    const { events, total } = await get("GET /api/runs/RUN/events", { RUN: id }, { from, count }, signal);
    return { rows: events, total };
  });
}

function eventText(run: RunDetail, event: EventRow | undefined): ComponentChildren {
  if (event === undefined) return undefined;
  return (
    <>
      <a class="number-link" href={routeTo(["run", run.run.id], { tab: "events", event: event.n })} tabIndex={-1}>
        {formatCount(event.n)}
      </a>{" "}
      <Untrusted text={event.type} /> <Untrusted text={event.text} />
    </>
  );
}

/** One difference. Its texts hold values, so they are hidden until the user asks. */
function DifferenceCard({ difference }: { readonly difference: Difference }) {
  const [isShown, setShown] = useState(false);
  useKeys({ values: () => setShown(!isShown) });
  const { at, aText, bText } = difference;
  const rows: readonly (readonly [name: string, a: string | undefined, b: string | undefined])[] = [
    ...(aText === undefined && bText === undefined ? [] : [["what", aText, bText] as const]),
    ...(at === undefined ? [] : [[at.path === "" ? "value" : at.path, at.a, at.b] as const]),
  ];
  return (
    <article class="card difference">
      <p>
        <strong>
          <span aria-hidden="true">≠ </span>
          {KINDS[difference.kind]}
        </strong>
        {at !== undefined && at.path !== "" && (
          <>
            {" "}
            at <Untrusted text={at.path} />
          </>
        )}{" "}
        {rows.length > 0 && (
          <button type="button" aria-expanded={isShown} onClick={() => setShown(!isShown)} title="( v )">
            {isShown ? "Hide values" : "Show values"}
          </button>
        )}
      </p>
      {isShown && (
        <dl class="facts">
          {rows.map(([name, a, b]) => (
            <div key={name}>
              <dt>
                <Untrusted text={name} />
              </dt>
              <dd>
                <span class="letter">A</span> {a === undefined ? "nothing" : <Untrusted text={a} />}
                <br />
                <span class="letter">B</span> {b === undefined ? "nothing" : <Untrusted text={b} />}
              </dd>
            </div>
          ))}
        </dl>
      )}
    </article>
  );
}

interface SpanComparisonProps {
  readonly a: RunDetail;
  readonly b: RunDetail;
  readonly execA: string | undefined;
  readonly execB: string | undefined;
}

/** Spans hold no arguments and results: what is compared is which calls were made, and how each ended. */
function SpanComparison({ a, b, execA, execB }: SpanComparisonProps) {
  const isNarrow = useIsNarrow();
  const callsA = useCalls(a, execA);
  const callsB = useCalls(b, execB);
  const [selected, setSelected] = useState<number>();
  const aligned = useMemo(() => alignCalls(callsA.value?.spans ?? [], callsB.value?.spans ?? []), [callsA.value, callsB.value]);
  const go = (row: number): void => {
    if (row >= 0) setSelected(row);
  };
  useKeys({
    nextDifference: () => go(aligned.findIndex(({ mark }, row) => mark !== "same" && row > (selected ?? -1))),
    previousDifference: () => go(aligned.findLastIndex(({ mark }, row) => mark !== "same" && row < (selected ?? aligned.length))),
    back: () => history.back(),
  });
  if (a.executions.length === 0 || b.executions.length === 0) {
    return <Note>One of the runs has only a log and the other only a trace. Two logs or two traces can be compared.</Note>;
  }
  const different = aligned.filter(({ mark }) => mark !== "same").length;
  const isLoaded = callsA.value !== undefined && callsB.value !== undefined;
  const isCut = [callsA.value, callsB.value].some((calls) => (calls?.total ?? 0) > MAX_CALLS);
  return (
    <>
      <ErrorNote error={callsA.error ?? callsB.error} />
      <p class="summary" aria-live="polite">
        {!isLoaded
          ? "Loading …"
          : different === 0
            ? `= The executions made the same ${plural(aligned.length, "call")}, with the same ends.`
            : `≠ ${formatCount(different)} of ${plural(aligned.length, "call")} ${different === 1 ? "is" : "are"} different.`}{" "}
        {isCut && `Only the first ${formatCount(MAX_CALLS)} calls are compared. `}
        <span class="small">Spans hold no arguments or results; compare two logs to see them.</span>
      </p>
      <VirtualRows
        total={aligned.length}
        rowHeight={isNarrow ? 46 : 28}
        label="Aligned calls"
        role="grid"
        columns={3}
        selected={selected}
        onSelect={setSelected}
        onVisible={noop}
        header={<CompareHeader />}
        rowAttributes={(row) => ({ class: `pair ${aligned[row]?.mark ?? "same"}` })}
      >
        {(row) => <CallCells call={aligned[row]} a={a} b={b} execA={execA} execB={execB} />}
      </VirtualRows>
    </>
  );
}

const noop = (): void => undefined;

function useCalls(run: RunDetail, execution: string | undefined) {
  const query = { text: "boruna.cap", count: MAX_CALLS, execution };
  return useData(run.executions.length === 0 ? undefined : `${run.run.id} ${execution ?? ""}`, run.run.spans, (signal) =>
    get("GET /api/runs/RUN/spans", { RUN: run.run.id }, query, signal),
  );
}

function CallCells({ call, a, b, execA, execB }: SpanComparisonProps & { readonly call: AlignedCall | undefined }) {
  if (call === undefined) return <div role="gridcell" class="cell loading" aria-colspan={3} />;
  return <PairCells mark={call.mark} word={undefined} a={callText(a, execA, call.a)} b={callText(b, execB, call.b)} />;
}

function callText(run: RunDetail, execution: string | undefined, span: SpanRow | undefined): ComponentChildren {
  if (span === undefined) return undefined;
  return (
    <>
      <a class="number-link" href={routeTo(["run", run.run.id], { execution, span: span.spanId })} tabIndex={-1}>
        {formatCount(span.call ?? 0)}
      </a>{" "}
      <Untrusted text={span.label} />{" "}
      {span.error !== undefined && (
        <span class="word refused">
          ⊘ <Untrusted text={span.error.replaceAll("_", " ")} />{" "}
        </span>
      )}
      <span class="small">{formatDuration(span.durationNs)}</span>
    </>
  );
}

function CompareHeader() {
  return (
    <div role="row" class="row rows-header pair" aria-rowindex={1}>
      <div role="columnheader" class="cell side">
        A
      </div>
      <div role="columnheader" class="cell mark">
        <span class="hidden">Difference</span>
      </div>
      <div role="columnheader" class="cell side">
        B
      </div>
    </div>
  );
}

interface PairCellsProps {
  readonly mark: Mark;
  /** Says more than the mark. */
  readonly word: string | undefined;
  readonly a: ComponentChildren;
  readonly b: ComponentChildren;
}

function PairCells({ mark, word, a, b }: PairCellsProps) {
  const { sign, word: plain } = MARKS[mark];
  return (
    <>
      <div role="gridcell" class="cell side">
        {a}
      </div>
      <div role="gridcell" class="cell mark" title={word ?? plain}>
        <span aria-hidden="true">{sign}</span>
        <span class="hidden">{word ?? plain}</span>
      </div>
      <div role="gridcell" class="cell side">
        {b}
      </div>
    </>
  );
}
