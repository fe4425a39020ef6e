/** Compares the logs of two runs: all events side by side, with the differences that the server found. */
import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";
import type { CompareAnswer, Difference, EventRow, RunDetail } from "../api.ts";
import { alignEvents, type Mark, segmentOf } from "./align.ts";
import { get } from "./client.ts";
import { formatCount, plural } from "./format.ts";
import { useKeys } from "./keys.tsx";
import { DifferenceButtons, PairCells, PairRows } from "./pairs.tsx";
import { ErrorNote, Note, Untrusted } from "./parts.tsx";
import { routeTo } from "./route.ts";
import { useData } from "./use-data.ts";
import { useWindow } from "./use-window.ts";

const KINDS: Readonly<Record<Difference["kind"], string>> = {
  header: "other header",
  arguments: "other arguments",
  answer: "other answer",
  content: "other content",
  only_a: "only in A",
  only_b: "only in B",
  end: "other end",
};

export function LogComparison({ a, b }: { readonly a: RunDetail; readonly b: RunDetail }) {
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
  const [eventsA, eventsB] = [a.log?.events ?? 0, b.log?.events ?? 0];
  const aligned = useMemo(() => alignEvents(answer, eventsA, eventsB), [answer, eventsA, eventsB]);
  const windowA = useEventWindow(a);
  const windowB = useEventWindow(b);
  const [selected, setSelected] = useState<number>();
  const differenceRows = useMemo(
    () => aligned.segments.filter(({ difference }) => difference !== undefined).map(({ row }) => row),
    [aligned],
  );
  const go = (row: number | undefined): void => {
    if (row !== undefined) setSelected(row);
  };
  const actions = {
    nextDifference: () => go(differenceRows.find((row) => row > (selected ?? -1))),
    previousDifference: () => go(differenceRows.findLast((row) => row < (selected ?? aligned.rows))),
  };
  useKeys({ ...actions, back: () => history.back() });
  const show = useMemo(
    () => (first: number, last: number) => {
      for (const [side, window] of [["a", windowA] as const, ["b", windowB] as const]) {
        const numbers = [numberAt(first, side), numberAt(Math.max(last - 1, first), side)];
        const [from, to] = numbers;
        if (from !== undefined && to !== undefined) window.show(Math.max(from - 1, 0), to);
      }
      /** Returns the number of the row's event, or of the nearest earlier row that has one. */
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
  const headerDifferences = answer.differences.filter((difference) => difference.a === undefined && difference.b === undefined);
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
      {differenceRows.length > 0 && <DifferenceButtons actions={actions} />}
      <DifferenceCard differences={headerDifferences} />
      {chosen !== undefined && <DifferenceCard key={selected} differences={[chosen]} />}
      <PairRows
        total={aligned.rows}
        label="Aligned events"
        selected={selected}
        onSelect={setSelected}
        onVisible={show}
        markOf={(row) => markOfSegment(segmentOf(aligned, row))}
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
      </PairRows>
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

/** Describes differences. Their texts contain values, so they are hidden until the user asks. */
function DifferenceCard({ differences }: { readonly differences: readonly Difference[] }) {
  const [isShown, setShown] = useState(false);
  useKeys({ values: () => setShown(!isShown) });
  if (differences.length === 0) return null;
  return (
    <article class="card difference">
      <ul class="plain">
        {differences.map((difference, i) => (
          <li key={i}>
            <strong>
              <span aria-hidden="true">≠ </span>
              {KINDS[difference.kind]}
            </strong>
            {difference.at !== undefined && difference.at.path !== "" && (
              <>
                {" "}
                at <Untrusted text={difference.at.path} />
              </>
            )}
            {isShown && <DifferenceValues difference={difference} />}
          </li>
        ))}
      </ul>
      <div class="buttons">
        <button type="button" aria-expanded={isShown} onClick={() => setShown(!isShown)} title="( v )">
          {isShown ? "Hide values" : "Show values"}
        </button>
      </div>
    </article>
  );
}

function DifferenceValues({ difference: { at, aText, bText } }: { readonly difference: Difference }) {
  const rows: readonly (readonly [name: string, a: string | undefined, b: string | undefined])[] = [
    ...(aText === undefined && bText === undefined ? [] : [["what", aText, bText] as const]),
    ...(at === undefined ? [] : [[at.path === "" ? "value" : at.path, at.a, at.b] as const]),
  ];
  return (
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
  );
}
