/** Compares two executions by their spans alone, such as a run and its replay. */
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { RunDetail, SpanRow } from "../api.ts";
import { type AlignedCall, alignCalls } from "./align.ts";
import { get } from "./client.ts";
import { formatCount, formatDuration, plural } from "./format.ts";
import { useKeys } from "./keys.tsx";
import { DifferenceButtons, PairCells, PairRows } from "./pairs.tsx";
import { ErrorNote, Note, Untrusted } from "./parts.tsx";
import { routeTo } from "./route.ts";
import { useData } from "./use-data.ts";

const MAX_CALLS = 1_000;

interface SpanComparisonProps {
  readonly a: RunDetail;
  readonly b: RunDetail;
  readonly execA: string | undefined;
  readonly execB: string | undefined;
}

/** Compares which calls were made and how each ended. Spans hold no arguments or results. */
export function SpanComparison({ a, b, execA, execB }: SpanComparisonProps) {
  const callsA = useCalls(a, execA);
  const callsB = useCalls(b, execB);
  const [selected, setSelected] = useState<number>();
  const aligned = useMemo(() => alignCalls(callsA.value?.spans ?? [], callsB.value?.spans ?? []), [callsA.value, callsB.value]);
  const go = (row: number): void => {
    if (row >= 0) setSelected(row);
  };
  const actions = {
    nextDifference: () => go(aligned.findIndex(({ mark }, row) => mark !== "same" && row > (selected ?? -1))),
    previousDifference: () => go(aligned.findLastIndex(({ mark }, row) => mark !== "same" && row < (selected ?? aligned.length))),
  };
  useKeys({ ...actions, back: () => history.back() });
  if (a.executions.length === 0 || b.executions.length === 0) {
    return <Note>One of the runs has only a log and the other only a trace. Two logs or two traces can be compared.</Note>;
  }
  const differenceCount = aligned.filter(({ mark }) => mark !== "same").length;
  const isLoaded = callsA.value !== undefined && callsB.value !== undefined;
  const isCut = [callsA.value, callsB.value].some((calls) => (calls?.total ?? 0) > MAX_CALLS);
  return (
    <>
      <ErrorNote error={callsA.error ?? callsB.error} />
      <p class="summary" aria-live="polite">
        {!isLoaded
          ? "Loading …"
          : differenceCount === 0
            ? `= The executions made the same ${plural(aligned.length, "call")}, with the same ends.`
            : `≠ ${formatCount(differenceCount)} of ${plural(aligned.length, "call")} ${differenceCount === 1 ? "is" : "are"} different.`}{" "}
        {isCut && `Only the first ${formatCount(MAX_CALLS)} calls are compared. `}
        <span class="small">Spans hold no arguments or results; compare two logs to see them.</span>
      </p>
      {differenceCount > 0 && <DifferenceButtons actions={actions} />}
      <PairRows
        total={aligned.length}
        label="Aligned calls"
        selected={selected}
        onSelect={setSelected}
        markOf={(row) => aligned[row]?.mark ?? "same"}
      >
        {(row) => <CallCells call={aligned[row]} a={a} b={b} execA={execA} execB={execB} />}
      </PairRows>
    </>
  );
}

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
