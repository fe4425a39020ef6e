/**
 * The playground: a page that compiles and runs programs without a server. It is static files.
 *
 *   main.tsx      the page: the sources, the run, the problems
 *   editor.tsx, ax-language.ts, language-client.ts      the editors (CodeMirror) and the client of the language server
 *   results.tsx   the results of a run
 *   link.ts       links, whose fragment holds the sources
 *
 *   worker.ts     the worker of the page; messages.ts has their messages
 *   language.ts   the language server
 *   run.ts        runs the program behind the gateway: inputs.ts reads its arguments and mocks, span-rows.ts shows its spans
 *
 * The sources may come from a link, so they are hostile: nothing runs before the user presses Run, runs have limits (run.ts), and all texts
 * reach the document as text nodes, or as HTML with only plain elements (clean-html.ts).
 */
import type { EditorView } from "@codemirror/view";
import { formatDocument } from "@codemirror/lsp-client";
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { ErrorNote, Untrusted } from "../viewer/page/parts.tsx";
import { AX_INDENT, axLanguage, jsonLanguage } from "./ax-language.ts";
import { Editor, goToLine } from "./editor.tsx";
import { EXAMPLES } from "./examples.ts";
import { languageSupport, type ProgramProblem } from "./language-client.ts";
import { fragmentOf, sourcesOf } from "./link.ts";
import { type FromWorker, isFromWorker, type Problem, type Sources, type ToWorker } from "./messages.ts";
import { Results, type Run } from "./results.tsx";

/** How long a stopped run may take to end, in milliseconds. After that, its worker is terminated. */
const STOP_MS = 1_000;
const CHECK_DELAY_MS = 200;
const JSON_INDENT = "  ";
const DOCUMENTS: readonly { readonly id: keyof Sources; readonly label: string }[] = [
  { id: "program", label: "Program" },
  { id: "policy", label: "Policy" },
  { id: "inputs", label: "Inputs" },
];

const startWorker = (onMessage: (message: FromWorker) => void): Worker => {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<unknown>) => {
    if (isFromWorker(data)) onMessage(data);
  };
  return worker;
};
const post = (worker: Worker, message: ToWorker): void => worker.postMessage(message);

function App({ initial, notice }: { readonly initial: Sources; readonly notice: string | undefined }) {
  const [sources, setSources] = useState(initial);
  /** The sources before the user's changes: an example, or those of a link. `revision` grows when others are loaded. */
  const [loaded, setLoaded] = useState({ sources: initial, revision: 0 });
  const [shown, show] = useState<keyof Sources>("program");
  const [problems, setProblems] = useState<readonly Problem[]>([]);
  const [programProblems, setProgramProblems] = useState<readonly ProgramProblem[]>([]);
  const [message, setMessage] = useState(notice);
  const [link, setLink] = useState<string>();
  const views = useRef(new Map<keyof Sources, EditorView>());
  const checker = useRef<Worker | undefined>(undefined);
  const { run, start, stop } = useRun(sources);
  checker.current ??= startWorker((answer) => answer.kind === "checked" && setProblems(answer.problems));
  const language = useRef<ReturnType<typeof languageSupport> | undefined>(undefined);
  language.current ??= languageSupport(checker.current, setProgramProblems);

  const load = (next: Sources): void => {
    setSources(next);
    setLoaded(({ revision }) => ({ sources: next, revision: revision + 1 }));
    setLink(undefined);
    setMessage(undefined);
    show("program");
  };
  useEffect(() => {
    const open = async (): Promise<void> => {
      const next = await sourcesOf(location.hash.slice(1));
      if (next !== undefined) load(next);
      else if (location.hash.length > 1) setMessage(NO_PROGRAM);
    };
    const onHash = (): void => void open();
    addEventListener("hashchange", onHash);
    return () => removeEventListener("hashchange", onHash);
  }, []);
  useEffect(() => {
    const timer = setTimeout(() => checker.current !== undefined && post(checker.current, { kind: "check", sources }), CHECK_DELAY_MS);
    return () => clearTimeout(timer);
  }, [sources.policy, sources.inputs]);

  const goTo = (where: keyof Sources, line = 1, column = 1): void => {
    show(where);
    // The editor has no size while it is hidden.
    requestAnimationFrame(() => {
      const view = views.current.get(where);
      if (view !== undefined) goToLine(view, line, column);
    });
  };
  const share = async (): Promise<void> => {
    const made = await fragmentOf(sources);
    if ("problem" in made) return setMessage(made.problem);
    history.replaceState(null, "", `#${made.fragment}`);
    setLink(location.href);
    setMessage(undefined);
  };
  const format = (): void => {
    const view = views.current.get("program");
    if (view === undefined) return;
    show("program");
    formatDocument(view);
  };
  const isRunning = run?.state === "running";
  return (
    <>
      <header class="top">
        <h1 class="brand">Boruna playground</h1>
        <label class="inline">
          <span>Example</span>
          <select
            value=""
            onChange={({ currentTarget }) => {
              const example = EXAMPLES[Number(currentTarget.value)];
              // The menu never shows a choice, because the user may have edited the program.
              currentTarget.value = "";
              if (example !== undefined) load(example.sources);
            }}
          >
            <option value="" disabled>
              Choose…
            </option>
            {EXAMPLES.map(({ name }, i) => (
              <option key={name} value={i}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <span class="spacer" />
        <div class="buttons">
          {isRunning ? (
            <button type="button" class="primary" onClick={stop}>
              Stop
            </button>
          ) : (
            <button type="button" class="primary" onClick={start}>
              Run
            </button>
          )}
          <button type="button" onClick={format}>
            Format
          </button>
          <button type="button" onClick={() => void share()}>
            Share
          </button>
        </div>
      </header>
      <main>
        <section class="sources" aria-label="Sources">
          <ErrorNote error={message === undefined ? undefined : new Error(message)} />
          {link !== undefined && (
            <label class="block">
              <span>This link holds the program, the policy and the inputs.</span>
              <input readOnly value={link} onFocus={({ currentTarget }) => currentTarget.select()} />
            </label>
          )}
          <div class="tabs" role="group" aria-label="Sources">
            {DOCUMENTS.map(({ id, label }) => (
              <button key={id} type="button" aria-pressed={shown === id} onClick={() => show(id)}>
                {label}
                <ProblemCount problems={[...programProblems, ...problems].filter(({ where }) => where === id)} />
              </button>
            ))}
          </div>
          {DOCUMENTS.map(({ id, label }) => (
            <Editor
              key={id}
              label={label}
              text={loaded.sources[id]}
              revision={loaded.revision}
              indent={id === "program" ? AX_INDENT : JSON_INDENT}
              extensions={id === "program" ? [axLanguage, language.current ?? []] : jsonLanguage}
              isHidden={shown !== id}
              onText={(text) => setSources((before) => ({ ...before, [id]: text }))}
              onView={(view) => views.current.set(id, view)}
            />
          ))}
          <Problems
            problems={[...programProblems, ...problems, ...runProblems(run, sources, [...programProblems, ...problems])]}
            onGo={goTo}
          />
        </section>
        {run !== undefined && <Results run={run} onRule={(line) => goTo("policy", line)} />}
        {run === undefined && (
          <section class="results" aria-label="Run">
            <p class="small">
              A run reaches nothing: capabilities give the answers of the inputs, or those of the table of mocks. The policy decides about
              each call as in a live run.
            </p>
          </section>
        )}
      </main>
    </>
  );
}

const NO_PROGRAM = "The link holds no program: it is cut, or made for another version of the page.";

interface RunState extends Run {
  readonly sources: Sources;
  readonly problems: readonly Problem[];
}

/** Returns the last run, and functions that start and stop a run. Each run has a worker of its own. */
function useRun(sources: Sources): { readonly run: RunState | undefined; readonly start: () => void; readonly stop: () => void } {
  const [run, setRun] = useState<RunState>();
  const worker = useRef<Worker | undefined>(undefined);
  const finish = (change: Partial<RunState>): void => {
    worker.current?.terminate();
    worker.current = undefined;
    setRun((before) => (before === undefined ? before : { ...before, ...change }));
  };
  const onMessage = (message: FromWorker): void => {
    switch (message.kind) {
      case "progress":
        return setRun(
          (before) => before && { ...before, calls: [...before.calls, ...message.calls], printed: [...before.printed, ...message.printed] },
        );
      case "refused":
        return finish({ state: "refused", problems: message.problems });
      case "ended":
        return finish({ state: "ended", end: message.end });
      case "checked":
        return undefined;
    }
  };
  const start = (): void => {
    worker.current?.terminate();
    worker.current = startWorker(onMessage);
    setRun({ state: "running", calls: [], printed: [], end: undefined, sources, problems: [] });
    post(worker.current, { kind: "run", sources });
  };
  const stop = (): void => {
    const stopped = worker.current;
    if (stopped === undefined) return;
    post(stopped, { kind: "stop" });
    setTimeout(() => worker.current === stopped && finish({ state: "stopped" }), STOP_MS);
  };
  return { run, start, stop };
}

/** Returns the problems of a run of these sources that did not start, without those that are known already. */
function runProblems(run: RunState | undefined, sources: Sources, known: readonly Problem[]): readonly Problem[] {
  if (run?.sources !== sources) return [];
  const places = new Set(known.map(({ where, severity }) => `${where} ${severity}`));
  return run.problems.filter(({ where, severity }) => !places.has(`${where} ${severity}`));
}

function ProblemCount({ problems }: { readonly problems: readonly Problem[] }) {
  const errors = problems.filter(({ severity }) => severity === "error").length;
  if (errors === 0) return null;
  return (
    <span class="count failed">
      <span aria-hidden="true">✕ </span>
      {errors}
      <span class="hidden"> {errors === 1 ? "error" : "errors"}</span>
    </span>
  );
}

interface ProblemsProps {
  readonly problems: readonly (Problem & Partial<ProgramProblem>)[];
  readonly onGo: (where: keyof Sources, line: number | undefined, column: number | undefined) => void;
}

function Problems({ problems, onGo }: ProblemsProps) {
  return (
    <ul class="plain problems" aria-label="Problems">
      {problems.map(({ where, severity, line, column, message, hint, fixes = [] }, i) => (
        <li key={i} class={severity === "error" ? "failed" : "some"}>
          <span>
            <span aria-hidden="true">{severity === "error" ? "✕ " : "⚠ "}</span>
            <button type="button" class="link" onClick={() => onGo(where, line, column)}>
              {where}
              {line !== undefined && `:${line}:${column ?? 1}`}
            </button>{" "}
            <Untrusted text={hint === undefined ? message : `${message}\n${hint}`} />
          </span>
          {fixes.map(({ title, apply }) => (
            <button key={title} type="button" onClick={apply}>
              <Untrusted text={`Fix: ${title}`} />
            </button>
          ))}
        </li>
      ))}
    </ul>
  );
}

const app = document.getElementById("app");
if (app !== null) {
  const given = await sourcesOf(location.hash.slice(1));
  render(
    <App initial={given ?? EXAMPLES[0].sources} notice={given === undefined && location.hash.length > 1 ? NO_PROGRAM : undefined} />,
    app,
  );
}
