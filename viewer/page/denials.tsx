/** The refused calls with the rules that refused them, and charts of the remaining budgets. */
import { useState } from "preact/hooks";
import type { Budget, RunDetail } from "../api.ts";
import { get } from "./client.ts";
import { formatCount, plural } from "./format.ts";
import { ErrorNote, Note, Untrusted } from "./parts.tsx";
import { routeTo } from "./route.ts";
import { Excerpt, policyQuery } from "./source.tsx";
import { useData } from "./use-data.ts";

const MAX_SHOWN = 200;
const REFUSALS: readonly (string | undefined)[] = ["denied", "budget_exceeded", "unknown"];

interface ViewProps {
  readonly run: RunDetail;
  readonly version: number;
}

export function Denials({ run, version }: ViewProps) {
  const { failure, run: summary, timeline } = run;
  const { value, error } = useData(timeline === undefined ? undefined : `${summary.id} ${timeline.traceId}`, version, (signal) =>
    get("GET /api/runs/RUN/spans", { RUN: summary.id }, { errors: "1", count: 1_000 }, signal),
  );
  const refused = (value?.spans ?? []).filter((span) => span.name === "boruna.cap" && REFUSALS.includes(span.error));
  const isRefused = failure !== undefined && (failure.rule !== undefined || /denied|budget/.test(failure.kind));
  return (
    <section class="text-pane" aria-label="Denials">
      {!isRefused && refused.length === 0 && summary.denials === 0 && <Note>The policy refused no call of this run.</Note>}
      {isRefused && (
        <article class="card refused">
          <h2>
            <span aria-hidden="true">⊘ </span>
            {failure.capability === undefined ? "The run was refused a call" : <Untrusted text={`${failure.capability} was refused`} />}
          </h2>
          <p>
            <Untrusted text={failure.message} />
          </p>
          {failure.rule !== undefined && (
            <>
              <h3>
                Rule <Untrusted text={failure.rule} />
              </h3>
              {failure.ruleLine !== undefined && run.log !== undefined && (
                <>
                  <Excerpt run={summary.id} line={failure.ruleLine} />
                  <p>
                    <a href={routeTo(["run", summary.id], policyQuery(failure.ruleLine))}>The complete policy</a>
                  </p>
                </>
              )}
            </>
          )}
        </article>
      )}
      <ErrorNote error={error} />
      {refused.length > 0 && (
        <>
          <h2>{plural(refused.length, "refused call")} in the trace</h2>
          <ul class="plain">
            {refused.slice(0, MAX_SHOWN).map((span) => (
              <li key={span.spanId}>
                <span class="badge refused">
                  <span aria-hidden="true">⊘ </span>
                  <Untrusted text={(span.error ?? "").replaceAll("_", " ")} />
                </span>{" "}
                <a href={routeTo(["run", summary.id], { tab: "waterfall", span: span.spanId })}>
                  <Untrusted text={span.label} />
                  {span.call !== undefined && `, call ${span.call}`}
                </a>
              </li>
            ))}
          </ul>
          {refused.length > MAX_SHOWN && <p class="small">The first {MAX_SHOWN} are shown.</p>}
        </>
      )}
    </section>
  );
}

export function Budgets({ run, version }: ViewProps) {
  if (run.budgets.length === 0) return <Note>The policy of this run sets no budgets, or no log of it is loaded.</Note>;
  return (
    <section class="text-pane" aria-label="Budgets">
      {run.budgets.map((budget) => (
        <BudgetCard key={budget.capability} run={run} budget={budget} version={version} />
      ))}
    </section>
  );
}

interface BudgetCardProps extends ViewProps {
  readonly budget: Budget;
}

/** One step of a budget: the call, and how many calls were still allowed after it. */
interface Step {
  readonly call: number;
  readonly left: number;
  /** Number of the call's event in the log. Undefined if no log is loaded. */
  readonly event: number | undefined;
}

function BudgetCard({ run, budget: { capability, budget, used }, version }: BudgetCardProps) {
  const [isOpen, setOpen] = useState(false);
  const { id } = run.run;
  const { value: steps = [], error } = useData(`${id} ${capability}`, version, (signal) => stepsOf(run, capability, signal));
  const left = Math.max(budget - used, 0);
  return (
    <article class="card">
      <h2>
        <Untrusted text={capability} />
      </h2>
      <p>
        {formatCount(used)} of {plural(budget, "call")} used, {formatCount(left)} left
        {used > budget || (left === 0 && run.failure?.capability === capability) ? (
          <span class="badge refused">
            <span aria-hidden="true">⊘ </span>used up
          </span>
        ) : null}
      </p>
      <ErrorNote error={error} />
      {steps.length > 0 && <RunDown capability={capability} budget={budget} steps={steps} />}
      {steps.length > 0 && (
        <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>Call by call</summary>
          {isOpen && (
            <ol class="plain steps">
              {steps.slice(0, MAX_SHOWN).map(({ call, left: rest, event }) => (
                <li key={call}>
                  {event === undefined ? (
                    `call ${call}`
                  ) : (
                    <a href={routeTo(["run", id], { tab: "events", event })}>call {formatCount(call)}</a>
                  )}
                  : {formatCount(rest)} left
                </li>
              ))}
            </ol>
          )}
        </details>
      )}
    </article>
  );
}

async function stepsOf(run: RunDetail, capability: string, signal: AbortSignal): Promise<readonly Step[]> {
  if (run.log !== undefined) {
    const query = { type: "CapCall", capability, count: 1_000 };
    const { events } = await get("GET /api/runs/RUN/events", { RUN: run.run.id }, query, signal);
    return events.flatMap(({ n, call, budgetLeft }) =>
      call === undefined || budgetLeft === undefined ? [] : [{ call, left: budgetLeft, event: n }],
    );
  }
  const { spans } = await get("GET /api/runs/RUN/spans", { RUN: run.run.id }, { text: capability, count: 1_000 }, signal);
  return spans.flatMap(({ label, call, budgetLeft }) =>
    label !== capability || call === undefined || budgetLeft === undefined ? [] : [{ call, left: budgetLeft, event: undefined }],
  );
}

const WIDTH = 600;
const HEIGHT = 90;

/** A chart of the remaining budget, which goes down with each call. */
function RunDown({ capability, budget, steps }: { readonly capability: string; readonly budget: number; readonly steps: readonly Step[] }) {
  const x = (at: number): number => ((at + 0.5) / Math.max(steps.length, 1)) * WIDTH;
  const y = (left: number): number => HEIGHT - (left / Math.max(budget, 1)) * (HEIGHT - 8);
  const last = steps.at(-1)?.left ?? budget;
  const line = `M0 ${y(budget)}${steps.map(({ left }, i) => `H${x(i)}V${y(left)}`).join("")}H${WIDTH}`;
  return (
    <figure class="run-down">
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT + 2}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${capability}: from ${budget} to ${last} after ${plural(steps.length, "call")}`}
      >
        <path class="area" d={`${line}V${HEIGHT}H0Z`} />
        <path class="line" d={line} />
        <line class="base" x1="0" x2={WIDTH} y1={HEIGHT} y2={HEIGHT} />
      </svg>
      <figcaption class="small">
        {plural(budget, "call")} allowed at the start, {formatCount(last)} after {plural(steps.length, "call")}
      </figcaption>
    </figure>
  );
}
