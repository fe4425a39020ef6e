/** The events of the log, without their values. */
import type { Ref } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { EventRow, Facet, RunDetail } from "../api.ts";
import { get } from "./client.ts";
import { formatCount } from "./format.ts";
import { useKeys } from "./keys.tsx";
import { ErrorNote, FollowBox, Note, RowCount, Untrusted, untrusted, useRowHeight } from "./parts.tsx";
import { parseRoute, type Route, setQuery } from "./route.ts";
import { useWindow } from "./use-window.ts";
import { VirtualRows } from "./virtual-rows.tsx";

interface EventsProps {
  readonly run: RunDetail;
  readonly version: number;
  readonly query: Route["query"];
  readonly isRunning: boolean;
}

export function Events({ run, version, query, isRunning }: EventsProps) {
  const rowHeight = useRowHeight();
  const type = query.get("type");
  const capability = query.get("capability");
  const conditions = { type, capability };
  const isFiltered = type !== undefined || capability !== undefined;
  const id = run.run.id;
  const window = useWindow<EventRow>(JSON.stringify([id, conditions]), version, async (from, count, signal) => {
    const { events, total } = await get("GET /api/runs/RUN/events", { RUN: id }, { ...conditions, from, count }, signal);
    return { rows: events, total };
  });
  const [row, select] = useSelectedEvent(window.rowAt, query, isFiltered);
  const [isFollowing, setFollowing] = useState(false);
  const filter = useRef<HTMLSelectElement>(null);
  useKeys({ search: () => filter.current?.focus(), follow: () => setFollowing(!isFollowing) });
  if (run.log === undefined) return <Note>No log of this run is loaded. Give its file to boruna view to see its events.</Note>;
  const { types, capabilities } = run.log;
  return (
    <section class="pane" aria-label="Events">
      <div class="toolbar">
        <FacetSelect
          label="Type"
          facets={types}
          value={type}
          onChange={(value) => setQuery({ type: value, event: undefined })}
          select={filter}
        />
        <FacetSelect
          label="Capability"
          facets={capabilities}
          value={capability}
          onChange={(value) => setQuery({ capability: value, event: undefined })}
        />
        {isRunning && <FollowBox checked={isFollowing} onChange={setFollowing} />}
        <span class="spacer" />
        <RowCount total={window.total} noun="event" />
      </div>
      <ErrorNote error={window.error} />
      {run.log.problem !== undefined && (
        <p class="note bad">
          <Untrusted text={run.log.problem} />
        </p>
      )}
      <VirtualRows
        total={window.total ?? 0}
        rowHeight={rowHeight}
        label="Events of the log"
        role="grid"
        columns={4}
        selected={row}
        onSelect={select}
        onVisible={window.show}
        follow={isFollowing && isRunning}
        header={<Header />}
        rowAttributes={() => ({ class: "event-row" })}
      >
        {(at) => {
          const event = window.rowAt(at);
          return event === undefined ? <div role="gridcell" class="cell loading" aria-colspan={4} /> : <EventCells event={event} />;
        }}
      </VirtualRows>
    </section>
  );
}

interface FacetSelectProps {
  readonly label: string;
  readonly facets: readonly Facet[];
  /** Undefined if all are shown. */
  readonly value: string | undefined;
  /** Receives an empty text for "all". */
  readonly onChange: (value: string) => void;
  readonly select?: Ref<HTMLSelectElement>;
}

function FacetSelect({ label, facets, value: chosen, onChange, select = null }: FacetSelectProps) {
  return (
    <label class="inline">
      <span>{label}</span>
      <select ref={select} value={chosen ?? ""} onChange={(event) => onChange(event.currentTarget.value)}>
        <option value="">all</option>
        {facets.map(({ value, count }) => (
          <option key={value} value={value}>
            {untrusted(value)} ({formatCount(count)})
          </option>
        ))}
      </select>
    </label>
  );
}

function Header() {
  return (
    <div role="row" class="row rows-header event-row" aria-rowindex={1}>
      <div role="columnheader" class="cell number event-number">
        Event
      </div>
      <div role="columnheader" class="cell event-type">
        Type
      </div>
      <div role="columnheader" class="cell event-text">
        What
      </div>
      <div role="columnheader" class="cell number event-call">
        Call
      </div>
    </div>
  );
}

export function EventCells({ event }: { readonly event: EventRow }) {
  return (
    <>
      <div role="gridcell" class="cell number event-number">
        {formatCount(event.n)}
      </div>
      <div role="gridcell" class="cell event-type">
        <Untrusted text={event.type} />
      </div>
      <div role="gridcell" class={`cell event-text${event.failed ? " failed" : ""}`}>
        {event.failed && (
          <>
            <span aria-hidden="true">✕ </span>
            <span class="hidden">failed: </span>
          </>
        )}
        <Untrusted text={event.text} />
        {event.budgetLeft !== undefined && <span class="small"> {formatCount(event.budgetLeft)} left</span>}
      </div>
      <div role="gridcell" class="cell number event-call">
        {event.call === undefined ? "" : formatCount(event.call)}
      </div>
    </>
  );
}

/**
 * Returns the selected row, and a function that selects one. Keeps the row and the event in the address the same. In an unfiltered list, event
 * `n` is in row `n - 1`. In a filtered list, no row is selected before the user selects one, because the row of the event is not known.
 */
function useSelectedEvent(
  rowAt: (row: number) => EventRow | undefined,
  query: Route["query"],
  isFiltered: boolean,
): readonly [row: number | undefined, select: (row: number) => void] {
  const [row, setRow] = useState<number>();
  const number = Number(query.get("event") ?? "");
  const linkedRow = Number.isInteger(number) && number >= 1 ? number - 1 : undefined;
  const selectedEvent = row === undefined ? undefined : rowAt(row)?.n;
  useEffect(() => {
    // A key may have changed the address since this render. Selecting the row of the old address would undo that key.
    if (!isFiltered && parseRoute(location.hash).query.get("event") === query.get("event")) setRow(linkedRow);
  }, [linkedRow, isFiltered]);
  useEffect(() => {
    if (isFiltered) setRow(undefined);
  }, [isFiltered]);
  useEffect(() => {
    if (isFiltered && selectedEvent !== undefined) setQuery({ event: selectedEvent });
  }, [selectedEvent, isFiltered]);
  const select = (next: number): void => {
    setRow(next);
    if (!isFiltered) setQuery({ event: next + 1 });
  };
  return [row, select];
}
