/** The details of a span and of its event in the log, beside the source line. */
import { useState } from "preact/hooks";
import type { Attribute, EventDetail, EventPlace, Place, RunDetail, SpanDetail } from "../api.ts";
import { get } from "./client.ts";
import { formatBytes, formatCount, formatDuration, plural } from "./format.ts";
import { useKeys } from "./keys.tsx";
import { Command, ErrorNote, Facts, Note, Untrusted, ValueView } from "./parts.tsx";
import { routeTo, setQuery } from "./route.ts";
import { Excerpt } from "./source.tsx";
import { type Data, useData } from "./use-data.ts";

/** A row must stay selected this long before its details load, so that rows that the keys only pass load nothing. */
const DELAY_MS = 120;
/** The delay is longer for the place of an event, because finding it runs the program up to the event. */
const PLACE_DELAY_MS = 400;

interface SpanPaneProps {
  readonly run: RunDetail;
  readonly detail: Data<SpanDetail>;
  readonly query: ReadonlyMap<string, string>;
  readonly onClose: () => void;
}

export function SpanPane({ run, detail: { value: detail, error }, query, onClose }: SpanPaneProps) {
  const event = useEvent(run.run.id, run.log === undefined ? undefined : detail?.span.event);
  const toSource = detail?.place === undefined ? undefined : sourceLink(run, detail.place);
  useKeys({
    event: () => {
      if (detail?.span.event !== undefined && run.log !== undefined) setQuery({ tab: "events", event: detail.span.event }, false);
    },
    source: () => {
      if (toSource !== undefined) location.hash = toSource;
    },
    back: onClose,
  });
  return (
    <aside class="detail" aria-label="Span">
      <PaneHead title={detail === undefined ? "Span" : detail.span.label === "" ? detail.span.name : detail.span.label} onClose={onClose} />
      <ErrorNote error={error} />
      {detail !== undefined && (
        <>
          <Facts
            facts={[
              { name: "span", value: detail.span.name },
              { name: "service", value: detail.span.service },
              { name: "starts at", value: formatDuration(detail.span.startNs) },
              { name: "duration", value: formatDuration(detail.span.durationNs) },
              { name: "status", value: detail.span.status },
              { name: "error", value: detail.span.error },
              { name: "call", value: detail.span.call === undefined ? undefined : formatCount(detail.span.call) },
              { name: "budget left", value: detail.span.budgetLeft === undefined ? undefined : formatCount(detail.span.budgetLeft) },
              { name: "lane", value: detail.span.lanes > 1 ? `${detail.span.lane + 1} of ${detail.span.lanes}` : undefined },
            ]}
          />
          {detail.span.error === "denied" || detail.span.error === "budget_exceeded" ? (
            <p>
              <a href={routeTo(["run", run.run.id], { ...Object.fromEntries(query), tab: "denials" })}>The rule that refused it</a>
            </p>
          ) : null}
          {detail.place !== undefined && <PlaceView run={run} place={detail.place} query={query} />}
          {event.value !== undefined && <EventSection run={run} detail={event.value} query={query} isBelowSpan />}
          {event.value === undefined && detail.span.event === undefined && detail.span.call !== undefined && (
            <Note>
              {run.log === undefined
                ? "No log of this run is loaded. Give its file to boruna view to see arguments and results."
                : "The log has no event for this call: it was refused before it was made."}
            </Note>
          )}
          <AttributeTable title="Attributes" attributes={detail.attributes} isOpen />
          {detail.events.map(({ name, timeNs, attributes }, i) => (
            <AttributeTable key={i} title={`Span event ${name} at ${formatDuration(timeNs)}`} attributes={attributes} />
          ))}
          {detail.links.length > 0 && <p class="small">{plural(detail.links.length, "link")} to other spans.</p>}
          <AttributeTable title="Resource" attributes={detail.resource} />
          {detail.dropped > 0 && (
            <p class="small">{plural(detail.dropped, "attribute, event or link", "attributes, events or links")} left out.</p>
          )}
          <p class="small">
            span <code>{detail.span.spanId}</code> of trace <code>{detail.traceId}</code>
          </p>
        </>
      )}
    </aside>
  );
}

interface EventPaneProps {
  readonly run: RunDetail;
  readonly n: number;
  readonly query: ReadonlyMap<string, string>;
  readonly onClose: () => void;
}

export function EventPane({ run, n, query, onClose }: EventPaneProps) {
  const { value: detail, error } = useEvent(run.run.id, n);
  const place = useData(
    `${run.run.id} ${n}`,
    0,
    (signal) => get("GET /api/runs/RUN/events/N/place", { RUN: run.run.id, N: n }, {}, signal),
    PLACE_DELAY_MS,
  );
  const [top] = place.value?.stack ?? [];
  const toSource = top?.file === undefined || top.line === undefined ? undefined : sourceLink(run, { file: top.file, line: top.line });
  useKeys({
    source: () => {
      if (toSource !== undefined) location.hash = toSource;
    },
    back: onClose,
  });
  return (
    <aside class="detail" aria-label="Event">
      <PaneHead title={`Event ${n}`} onClose={onClose} />
      <ErrorNote error={error} />
      {detail !== undefined && (
        <>
          <EventSection run={run} detail={detail} query={query} />
          <StackView run={run} place={place} query={query} />
          <p class="small">
            line {formatCount(detail.line)} of the log, hash <code>{detail.hash}</code>
          </p>
          {detail.command !== undefined && <Command command={detail.command} />}
        </>
      )}
    </aside>
  );
}

function useEvent(run: string, n: number | undefined): Data<EventDetail> {
  return useData(
    n === undefined ? undefined : `${run} ${n}`,
    0,
    (signal) => get("GET /api/runs/RUN/events/N", { RUN: run, N: n ?? 0 }, {}, signal),
    DELAY_MS,
  );
}

function PaneHead({ title, onClose }: { readonly title: string; readonly onClose: () => void }) {
  return (
    <header>
      <h2>
        <Untrusted text={title} />
      </h2>
      <button type="button" onClick={onClose} aria-label="Close the details" title="Close ( Esc )">
        ✕
      </button>
    </header>
  );
}

interface EventSectionProps {
  readonly run: RunDetail;
  readonly detail: EventDetail;
  readonly query: ReadonlyMap<string, string>;
  /** Whether the event is shown below the details of its span. Then it gets a title, and a link to the list of events. */
  readonly isBelowSpan?: boolean;
}

function EventSection({ run, detail: { event, fields, values, spans }, query, isBelowSpan = false }: EventSectionProps) {
  const link = (changes: Readonly<Record<string, string | number | undefined>>): string =>
    routeTo(["run", run.run.id], { ...Object.fromEntries(query), ...changes });
  return (
    <section>
      {isBelowSpan && <h3>Event {formatCount(event.n)} of the log</h3>}
      <Facts
        facts={[
          { name: "type", value: event.type },
          { name: "what", value: event.text },
          { name: "call", value: event.call === undefined ? undefined : formatCount(event.call) },
          ...fields.map(({ name, text }) => ({ name, value: text })),
        ]}
      />
      <p class="links">
        {isBelowSpan && <a href={link({ tab: "events", event: event.n })}>Go to the event</a>}
        {event.partner !== undefined && (
          <a href={link({ tab: "events", event: event.partner })}>{event.type === "CapCall" ? "Go to its answer" : "Go to its call"}</a>
        )}
        {!isBelowSpan &&
          spans.map(({ execution, spanId }) => (
            <a
              key={`${execution} ${spanId}`}
              href={link({ tab: "waterfall", span: spanId, execution, event: undefined, text: undefined, errors: undefined })}
            >
              Go to the span{spans.length > 1 ? ` of ${modeOf(run, execution)}` : ""}
            </a>
          ))}
      </p>
      <Values run={run.run.id} events={[event.n, ...(isBelowSpan && event.partner !== undefined ? [event.partner] : [])]} sizes={values} />
    </section>
  );
}

function modeOf(run: RunDetail, execution: string): string {
  const found = run.executions.find(({ id }) => id === execution);
  return found === undefined ? "another execution" : `the ${found.mode} execution`;
}

interface ValuesProps {
  readonly run: string;
  readonly events: readonly number[];
  readonly sizes: EventDetail["values"];
}

/** Arguments and results may be secret, so they load only when the user asks for them. */
function Values({ run, events, sizes }: ValuesProps) {
  const key = `${run} ${events.join(" ")}`;
  const [shownKey, setShownKey] = useState<string>();
  const isShown = shownKey === key;
  const toggle = (): void => setShownKey(isShown ? undefined : key);
  useKeys({ values: toggle });
  const { value: answers, error } = useData(isShown ? key : undefined, 0, (signal) =>
    Promise.all(events.map((n) => get("GET /api/runs/RUN/events/N/values", { RUN: run, N: n }, {}, signal))),
  );
  if (sizes.length === 0 && events.length < 2) return null;
  return (
    <div class="values">
      <button type="button" aria-expanded={isShown} onClick={toggle} title="( v )">
        {isShown ? "Hide values" : "Show values"}
      </button>
      {!isShown && sizes.length > 0 && (
        <span class="small"> {sizes.map(({ name, bytes }) => `${name} (${formatBytes(bytes)})`).join(", ")}</span>
      )}
      <ErrorNote error={error} />
      {answers
        ?.flatMap(({ values }) => values)
        .map(({ name, value }, i) => (
          <div key={i} class="named-value">
            <h4>
              <Untrusted text={name} />
            </h4>
            <ValueView value={value} />
          </div>
        ))}
    </div>
  );
}

function AttributeTable({
  title,
  attributes,
  isOpen = false,
}: {
  readonly title: string;
  readonly attributes: readonly Attribute[];
  readonly isOpen?: boolean;
}) {
  if (attributes.length === 0) return null;
  return (
    <details open={isOpen}>
      <summary>
        <Untrusted text={title} />
      </summary>
      <Facts
        facts={attributes.map(({ name, value }) => ({
          name,
          value: (
            <>
              <Untrusted text={value.text} />
              {value.cut && <span class="small"> … {formatCount(value.chars)} characters</span>}
            </>
          ),
        }))}
      />
    </details>
  );
}

function hasSource(run: RunDetail, file: string): boolean {
  return run.log?.sources.includes(file) === true;
}

function sourceLink(run: RunDetail, { file, line }: { readonly file: string; readonly line: number }): string | undefined {
  if (!hasSource(run, file)) return undefined;
  return routeTo(["run", run.run.id], { tab: "source", file, line });
}

interface PlaceViewProps {
  readonly run: RunDetail;
  readonly place: Place;
  readonly query: ReadonlyMap<string, string>;
}

function PlaceView({ run, place }: PlaceViewProps) {
  const link = sourceLink(run, place);
  const caller = place.caller;
  return (
    <section>
      <h3>Source</h3>
      <p>
        <PlaceText link={link} file={place.file} line={place.line} name={place.function} />
      </p>
      {hasSource(run, place.file) && <Excerpt run={run.run.id} file={place.file} line={place.line} />}
      {caller !== undefined && (
        <p>
          called from <PlaceText link={sourceLink(run, caller)} file={caller.file} line={caller.line} name={caller.function} />
        </p>
      )}
    </section>
  );
}

interface PlaceTextProps {
  readonly link: string | undefined;
  readonly file: string;
  readonly line: number;
  readonly name: string | undefined;
}

function PlaceText({ link, file, line, name }: PlaceTextProps) {
  const text = <Untrusted text={`${file}:${line}`} />;
  return (
    <>
      {link === undefined ? <code>{text}</code> : <a href={link}>{text}</a>}
      {name !== undefined && (
        <span class="small">
          {" "}
          in <Untrusted text={name} />
        </span>
      )}
    </>
  );
}

function StackView({
  run,
  place,
}: {
  readonly run: RunDetail;
  readonly place: Data<EventPlace>;
  readonly query: ReadonlyMap<string, string>;
}) {
  const stack = place.value?.stack ?? [];
  const [top] = stack;
  return (
    <section>
      <h3>Source</h3>
      <ErrorNote error={place.error} />
      {place.value === undefined && place.error === undefined && <p class="small">Running the program up to the event …</p>}
      {place.value?.problem !== undefined && (
        <Note>
          <Untrusted text={place.value.problem} />
        </Note>
      )}
      {top?.file !== undefined && top.line !== undefined && hasSource(run, top.file) && (
        <Excerpt run={run.run.id} file={top.file} line={top.line} />
      )}
      <ol class="stack">
        {stack.map(({ function: name, file, line }, i) => (
          <li key={i}>
            {file === undefined || line === undefined ? (
              <Untrusted text={name} />
            ) : (
              <PlaceText link={sourceLink(run, { file, line })} file={file} line={line} name={name} />
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
