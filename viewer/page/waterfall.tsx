/** The spans of a trace in rows, each with a bar at its position in time. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { SpanDetail, SpanRow, Timeline } from "../api.ts";
import { get } from "./client.ts";
import { axisMarks, formatCount, formatDuration, plural } from "./format.ts";
import { useKeys } from "./keys.tsx";
import { ErrorNote, FollowBox, Note, RowCount, SIGNS, type Tone, toneOfOutcome, Untrusted, useIsNarrow, useRowHeight } from "./parts.tsx";
import { parseRoute, type Route, setQuery } from "./route.ts";
import { useWindow } from "./use-window.ts";
import { VirtualRows } from "./virtual-rows.tsx";
import { fullRange, type Range, shiftRange, zoomRange } from "./zoom.ts";

/** The most levels and lanes that are drawn. Spans of the same parent that overlap in time are in different lanes. */
const MAX_INDENT = 12;
const MAX_LANES = 6;
const ZOOM_STEP = 2;

interface WaterfallProps {
  readonly run: string;
  readonly timeline: Timeline;
  /** Grows when the run changes; then the rows load again. */
  readonly version: number;
  readonly query: Route["query"];
  /** The selected span. */
  readonly detail: SpanDetail | undefined;
  readonly isRunning: boolean;
}

export function Waterfall({ run, timeline, version, query, detail, isRunning }: WaterfallProps) {
  const isNarrow = useIsNarrow();
  const rowHeight = useRowHeight();
  const search = useRef<HTMLInputElement>(null);
  const text = query.get("text");
  const errors = query.get("errors") === "1" ? ("1" as const) : undefined;
  const execution = query.get("execution");
  const isFiltered = text !== undefined || errors !== undefined;
  const conditions = { text, errors, execution };
  const window = useWindow<SpanRow>(JSON.stringify([run, conditions]), version, async (from, count, signal) => {
    const { spans, total } = await get("GET /api/runs/RUN/spans", { RUN: run }, { ...conditions, from, count }, signal);
    return { rows: spans, total };
  });

  const [row, select] = useSelectedRow(window.rowAt, query.get("span"), detail, isFiltered);
  const [isFollowing, setFollowing] = useState(false);
  const [zoom, setZoom] = useState<Range>();
  const all = fullRange(timeline.durationNs);
  const range = zoom ?? all;
  const span = row === undefined ? undefined : window.rowAt(row);
  const change = (next: Range): void => setZoom(next.from <= 0 && next.to >= all.to ? undefined : next);
  const scale = (factor: number): void => {
    const middle = span === undefined ? (range.from + range.to) / 2 : span.startNs + span.durationNs / 2;
    const center = middle < range.from || middle > range.to ? (range.from + range.to) / 2 : middle;
    change(zoomRange(range, center, factor, all));
  };
  const zoomToSpan = (): void => {
    if (span === undefined) return;
    const margin = Math.max(span.durationNs * 0.1, 500);
    change({ from: Math.max(span.startNs - margin, 0), to: Math.min(span.startNs + span.durationNs + margin, all.to) });
  };
  const actions = {
    zoomIn: () => scale(1 / ZOOM_STEP),
    zoomOut: () => scale(ZOOM_STEP),
    zoomAll: () => setZoom(undefined),
    zoomSpan: zoomToSpan,
  };
  useKeys({
    ...actions,
    left: () => change(shiftRange(range, -0.2, all)),
    right: () => change(shiftRange(range, 0.2, all)),
    search: () => search.current?.focus(),
    follow: () => setFollowing(!isFollowing),
  });
  const onWheel = (event: WheelEvent): void => {
    if (!event.ctrlKey && !event.shiftKey) return;
    event.preventDefault();
    if (event.shiftKey && !event.ctrlKey) {
      change(shiftRange(range, Math.sign(event.deltaY + event.deltaX) * 0.1, all));
      return;
    }
    const track = event.target instanceof Element ? event.target.closest(".track") : null;
    const box = track?.getBoundingClientRect();
    const share = box === undefined ? 0.5 : (event.clientX - box.left) / box.width;
    change(zoomRange(range, range.from + share * (range.to - range.from), event.deltaY < 0 ? 1 / ZOOM_STEP : ZOOM_STEP, all));
  };

  return (
    <section class="pane" aria-label="Waterfall">
      <div class="toolbar">
        <label class="inline">
          <span class="hidden">Filter spans by text</span>
          <input
            ref={search}
            type="search"
            value={text ?? ""}
            onInput={(event) => setQuery({ text: event.currentTarget.value })}
            placeholder="Filter spans  ( / )"
            maxLength={200}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={errors !== undefined}
            onChange={() => setQuery({ errors: errors === undefined ? "1" : undefined })}
          />
          only errors and refusals
        </label>
        {isRunning && <FollowBox checked={isFollowing} onChange={setFollowing} />}
        <span class="spacer" />
        <RowCount total={window.total} noun="span" />
        <div class="buttons" role="group" aria-label="Zoom">
          <button type="button" onClick={actions.zoomOut} aria-label="Zoom out" title="Zoom out ( - )">
            −
          </button>
          <button type="button" onClick={actions.zoomIn} aria-label="Zoom in" title="Zoom in ( + )">
            +
          </button>
          <button type="button" onClick={actions.zoomSpan} title="Zoom to the span ( z )" disabled={span === undefined}>
            Span
          </button>
          <button type="button" onClick={actions.zoomAll} title="Show the full run ( 0 )" disabled={zoom === undefined}>
            All
          </button>
        </div>
      </div>
      <ErrorNote error={window.error} />
      {timeline.dropped > 0 && <Note>{plural(timeline.dropped, "more span")} of this trace did not fit into the store.</Note>}
      {window.total === 0 && <Note>{isFiltered ? "No span meets these conditions." : "No spans yet."}</Note>}
      <VirtualRows
        total={window.total ?? 0}
        rowHeight={rowHeight}
        label="Spans"
        role="treegrid"
        columns={2}
        selected={row}
        onSelect={select}
        onVisible={window.show}
        onWheel={onWheel}
        follow={isFollowing && isRunning}
        header={<Axis range={range} onRange={change} isNarrow={isNarrow} />}
        rowAttributes={(at) => rowAttributes(window.rowAt(at))}
      >
        {(at) => {
          const shown = window.rowAt(at);
          return shown === undefined ? (
            <div role="gridcell" class="cell loading" aria-colspan={2} />
          ) : (
            <SpanCells span={shown} range={range} />
          );
        }}
      </VirtualRows>
    </section>
  );
}

/** Returns the selected row, and a function that selects one. After a key or click, the address follows the row; after a link, the row follows the address. */
function useSelectedRow(
  rowAt: (row: number) => SpanRow | undefined,
  spanId: string | undefined,
  detail: SpanDetail | undefined,
  isFiltered: boolean,
): readonly [row: number | undefined, select: (row: number) => void] {
  const [row, setRow] = useState<number>();
  // The row that a key or click selected, while the address still names the span before. It holds the row, not only a flag, because the effect
  // of one key may run after the next key.
  const pendingRow = useRef<number | undefined>(undefined);
  const selectedId = row === undefined ? undefined : rowAt(row)?.spanId;
  useEffect(() => {
    if (selectedId === undefined || pendingRow.current !== row) return;
    pendingRow.current = undefined;
    setQuery({ span: selectedId, event: undefined });
  }, [selectedId]);
  const linkedRow = detail?.span.spanId === spanId ? detail?.span.row : undefined;
  useEffect(() => {
    if (pendingRow.current !== undefined || isFiltered || linkedRow === undefined) return;
    // A key may have changed the address after this detail was requested. Selecting the detail's row would undo that key.
    if (parseRoute(location.hash).query.get("span") === spanId) setRow(linkedRow);
  }, [linkedRow, isFiltered]);
  // The same span has another row number in a filtered list.
  useEffect(() => {
    if (!isFiltered) return;
    pendingRow.current = undefined;
    setRow(undefined);
  }, [isFiltered]);
  const select = (next: number): void => {
    const nextId = rowAt(next)?.spanId;
    // The row already shows this span, so `selectedId` stays the same and the effect above does not run.
    if (nextId !== undefined && nextId === selectedId) return setQuery({ span: nextId, event: undefined });
    pendingRow.current = next;
    setRow(next);
  };
  return [row, select];
}

function rowAttributes(span: SpanRow | undefined): { class: string | undefined; level: number | undefined } {
  return { class: span?.task === undefined ? undefined : `task ${span.task}`, level: span === undefined ? undefined : span.depth + 1 };
}

/** Returns the color of a span's bar, and the tone of the error word beside the bar. */
function toneOfSpan({ status, error, name }: SpanRow): { readonly bar: string; readonly error: Tone | undefined } {
  if (error === "unknown") return { bar: "refused", error: "refused" };
  if (error !== undefined || status === "error") {
    const tone = toneOfOutcome(error ?? "error");
    return { bar: tone, error: tone };
  }
  if (name === "boruna.run" || name === "action.run") return { bar: "run", error: undefined };
  return { bar: name === "boruna.cap" ? "cap" : name.startsWith("boruna.") ? "flow" : "other", error: undefined };
}

function SpanCells({ span, range }: { readonly span: SpanRow; readonly range: Range }) {
  const { bar, error } = toneOfSpan(span);
  return (
    <>
      <div role="gridcell" class="cell name">
        <span class="indent" style={{ width: `${Math.min(span.depth, MAX_INDENT) * 12}px` }} aria-hidden="true" />
        <Lanes span={span} />
        {error !== undefined && (
          <span class={`sign ${error}`} aria-hidden="true">
            {SIGNS[error]}
          </span>
        )}
        <span class="label">
          <Untrusted text={span.label === "" ? span.name : span.label} />
        </span>
        {span.error !== undefined && (
          <span class={`word ${error}`}>
            <Untrusted text={span.error.replaceAll("_", " ")} />
          </span>
        )}
        {span.task !== undefined && (
          <span class="chip">
            <Untrusted text={span.task} />
          </span>
        )}
        <span class="small">
          {span.call !== undefined && `call ${formatCount(span.call)} · `}
          <Untrusted text={span.label === "" || span.label === span.name ? span.service : span.name} />
        </span>
      </div>
      <div role="gridcell" class="cell track">
        <Bar span={span} range={range} tone={bar} />
      </div>
    </>
  );
}

/** Shows the lane of a span that overlaps its siblings. */
function Lanes({ span: { lane, lanes } }: { readonly span: SpanRow }) {
  if (lanes < 2) return null;
  const shown = Math.min(lanes, MAX_LANES);
  const marks: ComponentChildren[] = [];
  for (let at = 0; at < shown; at += 1) marks.push(<i key={at} class={at === Math.min(lane, shown - 1) ? "here" : ""} />);
  return (
    <span class={`lanes lane-${lane % MAX_LANES}`} title={`lane ${lane + 1} of ${lanes}: overlaps its siblings`}>
      <span class="hidden">
        lane {lane + 1} of {lanes}
      </span>
      <span aria-hidden="true">{marks}</span>
    </span>
  );
}

function Bar({ span, range, tone }: { readonly span: SpanRow; readonly range: Range; readonly tone: string }) {
  const size = range.to - range.from;
  const start = ((span.startNs - range.from) / size) * 100;
  const end = ((span.startNs + span.durationNs - range.from) / size) * 100;
  const left = Math.min(Math.max(start, 0), 100);
  const width = Math.min(Math.max(end, 0), 100) - left;
  const duration = formatDuration(span.durationNs);
  if (end < 0) return <span class="beyond">← {duration}</span>;
  if (start > 100) return <span class="beyond right">{duration} →</span>;
  const right = left + width;
  // The text is after the bar if it fits there, else before the bar, else inside.
  const place = right <= 82 ? "after" : left >= 18 ? "before" : "inside";
  const textStyle = place === "after" ? { left: `${right}%` } : { right: `${place === "before" ? 100 - left : 100 - right}%` };
  return (
    <>
      <span
        class={`bar ${tone}${span.lanes > 1 ? ` lane-${span.lane % MAX_LANES}` : ""}`}
        style={{ left: `${left}%`, width: `${width}%` }}
        aria-hidden="true"
      />
      <span class={`bar-text ${place}`} style={textStyle}>
        {duration}
      </span>
      <span class="hidden">from {formatDuration(span.startNs)}</span>
    </>
  );
}

interface AxisProps {
  readonly range: Range;
  readonly onRange: (range: Range) => void;
  readonly isNarrow: boolean;
}

/** The times above the bars. Dragging over them zooms. */
function Axis({ range, onRange, isNarrow }: AxisProps) {
  const size = range.to - range.from;
  const [drag, setDrag] = useState<{ readonly from: number; readonly to: number }>();
  const fractionAt = (event: PointerEvent): number => {
    const box = event.currentTarget instanceof HTMLElement ? event.currentTarget.getBoundingClientRect() : undefined;
    return box === undefined ? 0 : Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  };
  const onDown = (event: PointerEvent): void => {
    if (event.currentTarget instanceof HTMLElement) event.currentTarget.setPointerCapture(event.pointerId);
    const at = fractionAt(event);
    setDrag({ from: at, to: at });
  };
  const onUp = (): void => {
    if (drag !== undefined && Math.abs(drag.to - drag.from) > 0.01) {
      const [low, high] = [Math.min(drag.from, drag.to), Math.max(drag.from, drag.to)];
      onRange({ from: range.from + low * size, to: range.from + high * size });
    }
    setDrag(undefined);
  };
  return (
    <div role="row" class="row rows-header" aria-rowindex={1}>
      <div role="columnheader" class="cell name">
        Span
      </div>
      <div
        role="columnheader"
        class="cell track axis"
        aria-label={`Time, from ${formatDuration(range.from)} to ${formatDuration(range.to)}`}
        onPointerDown={onDown}
        onPointerMove={(event) => drag !== undefined && setDrag({ from: drag.from, to: fractionAt(event) })}
        onPointerUp={onUp}
        onPointerCancel={() => setDrag(undefined)}
      >
        {axisMarks(range.from, range.to, isNarrow ? 3 : 6).map((mark) => (
          <span key={mark} class="mark-text" style={{ left: `${((mark - range.from) / size) * 100}%` }}>
            {formatDuration(mark)}
          </span>
        ))}
        {drag !== undefined && (
          <span
            class="drag"
            style={{ left: `${Math.min(drag.from, drag.to) * 100}%`, width: `${Math.abs(drag.to - drag.from) * 100}%` }}
            aria-hidden="true"
          />
        )}
      </div>
    </div>
  );
}
