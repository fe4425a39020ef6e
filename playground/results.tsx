/** The results of a run: its outcome, calls, output, log and spans. All texts come from programs, so they are shown with `Untrusted`. */
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { formatCount, plural } from "../viewer/page/format.ts";
import { OutcomeBadge, SIGNS, toneOfOutcome, Untrusted } from "../viewer/page/parts.tsx";
import type { CallRow, LogRow, RunEnd, SpanRow } from "./messages.ts";

export interface Run {
  /** `stopped`: the worker was ended, so the outcome is unknown. */
  readonly state: "running" | "stopped" | "refused" | "ended";
  readonly calls: readonly CallRow[];
  readonly printed: readonly string[];
  readonly end: RunEnd | undefined;
}

type GoToRule = (line: number | undefined) => void;

const VIEWS = ["Calls", "Output", "Log", "Spans"] as const;

export function Results({ run, onRule }: { readonly run: Run; readonly onRule: GoToRule }) {
  const [view, setView] = useState<(typeof VIEWS)[number]>("Calls");
  const { calls, printed, end } = run;
  const counts = {
    Calls: calls.length,
    Output: printed.length + (end?.emitted.length ?? 0),
    Log: end?.logRecords ?? 0,
    Spans: end?.spans.length ?? 0,
  };
  return (
    <section class="results" aria-label="Run">
      <div role="status">
        <Summary run={run} onRule={onRule} />
      </div>
      <div class="tabs" role="group" aria-label="Views of the run">
        {VIEWS.map((name) => (
          <button key={name} type="button" aria-pressed={view === name} onClick={() => setView(name)}>
            {name}
            <span class="count">{formatCount(counts[name])}</span>
          </button>
        ))}
      </div>
      <div class="view">
        {view === "Calls" && <Calls calls={calls} onRule={onRule} />}
        {view === "Output" && <Output printed={printed} emitted={end?.emitted ?? []} />}
        {view === "Log" && <Log rows={end?.log ?? []} end={end} />}
        {view === "Spans" && <Spans rows={end?.spans ?? []} />}
      </div>
    </section>
  );
}

function Summary({ run: { state, end }, onRule }: { readonly run: Run; readonly onRule: GoToRule }) {
  if (state === "running") return <p class="note">The program runs.</p>;
  if (state === "stopped")
    return <p class="note">The run did not react, so its worker was ended. There is no log and there are no spans.</p>;
  if (state === "refused" || end === undefined) return <p class="note bad">✕ The program did not start. See the problems.</p>;
  return (
    <div class="card">
      <p>
        <OutcomeBadge outcome={end.outcome} />
      </p>
      {end.value !== undefined && (
        <pre class="value" tabIndex={0} aria-label="Value">
          <Untrusted text={end.value} />
        </pre>
      )}
      {end.error !== undefined && (
        <p class={toneOfOutcome(end.outcome) === "refused" ? "word refused" : ""}>
          <Untrusted text={end.error} />
        </p>
      )}
      <RuleButton rule={end.rule} line={end.ruleLine} onRule={onRule} />
      {end.stack.length > 0 && (
        <ol class="stack small">
          {end.stack.map((place, i) => (
            <li key={i}>
              <Untrusted
                text={`${place.function}${place.file === undefined ? "" : ` (${place.file}${place.line === undefined ? "" : `:${place.line}`})`}`}
              />
            </li>
          ))}
        </ol>
      )}
      <p class="small">
        {plural(end.steps, "step")} · {formatCount(end.allocBytes)} bytes allocated · {plural(end.calls, "call")}
      </p>
    </div>
  );
}

function RuleButton({
  rule,
  line,
  onRule,
}: {
  readonly rule: string | undefined;
  readonly line: number | undefined;
  readonly onRule: GoToRule;
}) {
  if (rule === undefined) return null;
  return (
    <button type="button" class="link" onClick={() => onRule(line)}>
      Rule <Untrusted text={rule} />
      {line !== undefined && `, line ${line}`}
    </button>
  );
}

function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="small">{children}</p>;
}

function Calls({ calls, onRule }: { readonly calls: readonly CallRow[]; readonly onRule: GoToRule }) {
  if (calls.length === 0) return <Empty>The program called no capability.</Empty>;
  return (
    <ol class="plain" aria-label="Calls">
      {calls.map((call) => {
        const tone = call.outcome === "ok" ? "good" : toneOfOutcome(call.outcome);
        return (
          <li key={call.number} class={`card ${tone}`}>
            <p>
              <span class={`sign ${tone}`} aria-hidden="true">
                {SIGNS[tone]}{" "}
              </span>
              <code>
                {call.number}. <Untrusted text={`${call.capability}(${call.args})`} />
              </code>
            </p>
            <p>
              <span class={`word ${tone}`}>{call.outcome.replaceAll("_", " ")}</span>{" "}
              <code>
                <Untrusted text={call.text} />
              </code>
            </p>
            {call.outcome !== "ok" && <RuleButton rule={call.rule} line={call.ruleLine} onRule={onRule} />}
          </li>
        );
      })}
    </ol>
  );
}

function Output({ printed, emitted }: { readonly printed: readonly string[]; readonly emitted: readonly string[] }) {
  if (printed.length + emitted.length === 0) return <Empty>The program printed nothing with debug and emitted nothing.</Empty>;
  return (
    <>
      {printed.length > 0 && <TextBlock label="Printed" text={printed.join("\n")} />}
      {emitted.length > 0 && <TextBlock label="Emitted" text={emitted.join("\n")} />}
    </>
  );
}

function TextBlock({ label, text }: { readonly label: string; readonly text: string }) {
  return (
    <pre class="value" tabIndex={0} aria-label={label}>
      <Untrusted text={text} />
    </pre>
  );
}

function Log({ rows, end }: { readonly rows: readonly LogRow[]; readonly end: RunEnd | undefined }) {
  if (end === undefined) return <Empty>The log is here when the run has ended.</Empty>;
  return (
    <>
      <p class="small">
        {plural(end.logRecords, "record")}
        {rows.length < end.logRecords && `, of which the first ${formatCount(rows.length)} are shown`}. Head <code>{end.head}</code>
      </p>
      <ol class="plain log" aria-label="Log">
        {rows.map((row, i) => (
          <li key={i}>
            <span class="small">{row.n ?? "·"}</span>
            <strong>{row.type}</strong>
            <code>
              <Untrusted text={row.text} />
            </code>
          </li>
        ))}
      </ol>
    </>
  );
}

function Spans({ rows }: { readonly rows: readonly SpanRow[] }) {
  if (rows.length === 0) return <Empty>The spans are here when the run has ended.</Empty>;
  const total = Math.max(...rows.map(({ startMs, durationMs }) => startMs + durationMs), Number.EPSILON);
  return (
    <ol class="plain spans" aria-label="Spans">
      {rows.map((row, i) => (
        <li key={i} class={row.isError ? "failed" : ""}>
          <span style={{ paddingLeft: `${Math.min(row.depth, MAX_INDENT) * 14}px` }}>
            {row.isError && "✕ "}
            <strong>
              <Untrusted text={row.name} />
            </strong>{" "}
            <span class="small">
              <Untrusted text={row.detail} />
            </span>
          </span>
          <span class="small duration">{row.durationMs.toFixed(2)} ms</span>
          <span class="track" aria-hidden="true">
            <span
              class="bar"
              style={{ marginLeft: `${(row.startMs / total) * 100}%`, width: `${Math.min((row.durationMs / total) * 100, 100)}%` }}
            />
          </span>
        </li>
      ))}
    </ol>
  );
}

const MAX_INDENT = 12;
