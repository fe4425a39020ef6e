/** The what-if view: which calls another policy would have refused, and what the program would have done with other answers. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { RunDetail, WhatIfAnswer, WhatIfRequest } from "../api.ts";
import { get, post } from "./client.ts";
import { formatCount, plural } from "./format.ts";
import { ErrorNote, Facts, Note, Untrusted } from "./parts.tsx";
import { routeTo } from "./route.ts";
import { Excerpt } from "./source.tsx";
import { useData } from "./use-data.ts";

interface Edit {
  readonly call: string;
  readonly answer: string;
}

/** The last request, with its answer or its error. */
interface Asked {
  readonly policy: string;
  readonly answer: WhatIfAnswer | undefined;
  readonly error: unknown;
}

/** Returns the body of the request. If an edit is invalid, throws `Error` with a message for the user. */
function requestOf(policy: string, edits: readonly Edit[]): WhatIfRequest {
  return {
    policy,
    edits: edits.map(({ call, answer }) => {
      const number = Number(call);
      if (!Number.isInteger(number) || number < 1) throw new Error(`“${call}” is not the number of a call.`);
      return { call: number, answer: jsonOf(call, answer) };
    }),
  };
}

function jsonOf(call: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Error(`The answer to call ${call} is not JSON. A String needs quotes.`, { cause: error });
  }
}

export function WhatIf({ run }: { readonly run: RunDetail }) {
  const { id } = run.run;
  const recorded = useData(run.log === undefined ? undefined : id, 0, (signal) => get("GET /api/runs/RUN/policy", { RUN: id }, {}, signal));
  const [policy, setPolicy] = useState<string>();
  const [edits, setEdits] = useState<readonly Edit[]>([]);
  const [asked, setAsked] = useState<Asked>();
  const [isBusy, setBusy] = useState(false);
  const abort = useRef<AbortController | undefined>(undefined);
  useEffect(() => () => abort.current?.abort(), []);
  if (run.log === undefined) return <Note>No log of this run is loaded. Give its file to boruna view to try another policy.</Note>;
  if (recorded.value === undefined) return recorded.error === undefined ? <Note>Loading …</Note> : <ErrorNote error={recorded.error} />;
  const text = policy ?? recorded.value.text;

  const ask = async (): Promise<void> => {
    abort.current?.abort();
    const { signal } = (abort.current = new AbortController());
    setBusy(true);
    try {
      const answer = await post("POST /api/runs/RUN/what-if", { RUN: id }, requestOf(text, edits), signal);
      if (!signal.aborted) setAsked({ policy: text, answer, error: undefined });
    } catch (error) {
      if (!signal.aborted) setAsked({ policy: text, answer: undefined, error });
    }
    if (!signal.aborted) setBusy(false);
  };
  const changeEdit = (at: number, change: Partial<Edit>): void =>
    setEdits(edits.map((edit, i) => (i === at ? { ...edit, ...change } : edit)));
  return (
    <section class="text-pane what-if" aria-label="What if">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void ask();
        }}
      >
        <p>The program runs again with the recorded answers; no call is made.</p>
        <label class="block">
          <span>Policy</span>
          <textarea value={text} onInput={(event) => setPolicy(event.currentTarget.value)} rows={14} spellcheck={false} />
        </label>
        <div class="buttons">
          <button type="button" onClick={() => setPolicy(undefined)}>
            Recorded policy
          </button>
          <button type="button" onClick={() => setPolicy("deny-all")}>
            deny-all
          </button>
          <button type="button" onClick={() => setPolicy("allow-all")}>
            allow-all
          </button>
        </div>
        {edits.map(({ call, answer }, i) => (
          <div key={i} class="edit">
            <label>
              <span>Call</span>
              <input type="number" min="1" value={call} onInput={(event) => changeEdit(i, { call: event.currentTarget.value })} />
            </label>
            <label>
              <span>Answer as JSON</span>
              <input
                type="text"
                value={answer}
                onInput={(event) => changeEdit(i, { answer: event.currentTarget.value })}
                spellcheck={false}
              />
            </label>
            <button type="button" onClick={() => setEdits(edits.filter((_, at) => at !== i))}>
              Remove
            </button>
          </div>
        ))}
        <div class="buttons">
          <button type="button" onClick={() => setEdits([...edits, { call: "", answer: "" }])}>
            Change an answer
          </button>
          <button type="submit" class="primary" disabled={isBusy}>
            {isBusy ? "Running …" : "Run"}
          </button>
        </div>
      </form>
      <div aria-live="polite">
        <ErrorNote error={asked?.error} />
        {asked?.answer !== undefined && <Report run={run} policy={asked.policy} answer={asked.answer} />}
      </div>
    </section>
  );
}

const STATUS: Readonly<Record<WhatIfAnswer["replay"]["status"], string>> = {
  same: "✓ The run would be the same.",
  changed: "≠ The run would be different.",
  incomplete: "· The log has no end to compare with.",
  interrupted: "◔ The replay was stopped before its end.",
};

function Report({
  run,
  policy,
  answer: { refusals, replay },
}: {
  readonly run: RunDetail;
  readonly policy: string;
  readonly answer: WhatIfAnswer;
}) {
  const { id } = run.run;
  const lines = policy.split("\n");
  const [top] = replay.stack;
  return (
    <>
      <article class="card">
        <h2>{STATUS[replay.status]}</h2>
        <Facts
          facts={[
            { name: "calls answered", value: `${formatCount(replay.answeredCalls)} of ${formatCount(replay.recordedCalls)}` },
            { name: "recorded end", value: replay.recordedEnd },
            { name: "end now", value: replay.end },
          ]}
        />
        {replay.stop !== undefined && (
          <>
            <h3>{replay.stop.reason === "refused" ? "The first call that the policy refuses" : "Where the replay ends"}</h3>
            <pre class="value" tabIndex={0}>
              <Untrusted text={replay.stop.text} />
            </pre>
            {replay.stop.rule !== undefined && (
              <p>
                Rule <Untrusted text={replay.stop.rule} />
              </p>
            )}
          </>
        )}
        {top?.file !== undefined && top.line !== undefined && run.log?.sources.includes(top.file) === true && (
          <Excerpt run={id} file={top.file} line={top.line} />
        )}
      </article>
      <article class="card">
        <h2>
          {refusals.refused === 0
            ? `No recorded call would be refused (${formatCount(refusals.judged)} judged)`
            : `${formatCount(refusals.refused)} of ${plural(refusals.judged, "recorded call")} would be refused`}
        </h2>
        <ul class="plain">
          {refusals.calls.slice(0, 200).map(({ call, event, capability, kind, rule, reason, ruleLine }) => (
            <li key={call}>
              <span class="badge refused">
                <span aria-hidden="true">{kind === "approval" ? "◔ " : "⊘ "}</span>
                {kind}
              </span>{" "}
              <a href={routeTo(["run", id], { tab: "events", event })}>
                <Untrusted text={`${capability}, call ${call}`} />
              </a>
              : <Untrusted text={reason} />
              <div class="small">
                <Untrusted text={rule} />
                {ruleLine !== undefined && (
                  <>
                    {" "}
                    (line {ruleLine}: <code>{(lines[ruleLine - 1] ?? "").trim()}</code>)
                  </>
                )}
              </div>
            </li>
          ))}
        </ul>
        {refusals.calls.length > 200 && <p class="small">The first 200 are shown.</p>}
      </article>
    </>
  );
}
