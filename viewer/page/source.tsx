/** Texts with line numbers: the files of the program, and the policy. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { RunDetail } from "../api.ts";
import { get } from "./client.ts";
import { ErrorNote, Note, Untrusted, untrusted } from "./parts.tsx";
import { type Route, setQuery } from "./route.ts";
import { type Data, useData } from "./use-data.ts";
import { VirtualRows } from "./virtual-rows.tsx";

/** Number of lines that an excerpt shows above and below its line. */
const CONTEXT_LINES = 3;
/** The name of the policy in the list of files. No file of a program has this name. */
const POLICY = "(policy)";

const linesOf = (text: string): readonly string[] => text.replace(/\r?\n$/, "").split(/\r?\n/);

function useSource(run: string, file: string | undefined): Data<{ readonly text: string }> {
  return useData(file === undefined ? undefined : `${run} ${file}`, 0, async (signal) => {
    const answer =
      file === POLICY
        ? await get("GET /api/runs/RUN/policy", { RUN: run }, {}, signal)
        : await get("GET /api/runs/RUN/source", { RUN: run }, { file: file ?? "" }, signal);
    return { text: answer.text };
  });
}

/** Shows a marked line and the lines around it. Without `file`, the line is one of the policy. */
export function Excerpt({ run, file = POLICY, line }: { readonly run: string; readonly file?: string; readonly line: number }) {
  const { value, error } = useSource(run, file);
  const lines = useMemo(() => linesOf(value?.text ?? ""), [value]);
  if (error !== undefined) return <ErrorNote error={error} />;
  if (value === undefined) return null;
  const first = Math.max(line - CONTEXT_LINES, 1);
  return (
    <pre class="excerpt" tabIndex={0} aria-label={`Lines around line ${line} of ${file}`}>
      {lines.slice(first - 1, line + CONTEXT_LINES).map((text, i) => (
        <Line key={i} number={first + i} text={text} isMarked={first + i === line} />
      ))}
    </pre>
  );
}

function Line({ number, text, isMarked }: { readonly number: number; readonly text: string; readonly isMarked: boolean }) {
  return (
    <span class={isMarked ? "line marked" : "line"}>
      <span class="line-number">
        <span aria-hidden="true">{isMarked ? "▸" : " "}</span>
        {number}
      </span>
      <span class="line-text">
        <Untrusted text={text} />
      </span>
    </span>
  );
}

/** Shows the files of the program and the policy. The line in the address is marked. */
export function SourceView({ run, query }: { readonly run: RunDetail; readonly query: Route["query"] }) {
  const files = [...(run.log?.sources ?? []), ...(run.log === undefined ? [] : [POLICY])];
  // Files are sorted by name, so a file of the standard library may come before the program's own.
  const file = query.get("file") ?? files.find((name) => !name.startsWith("std/")) ?? files[0];
  const line = Number(query.get("line") ?? "");
  const { value, error } = useSource(run.run.id, file);
  const lines = useMemo(() => linesOf(value?.text ?? ""), [value]);
  const linked = Number.isInteger(line) && line >= 1 && line <= lines.length ? line - 1 : undefined;
  const [selected, setSelected] = useState<number>();
  useEffect(() => {
    if (value !== undefined) setSelected(linked);
  }, [linked, file, value]);
  if (file === undefined) return <Note>A trace has no source. Give the log of this run to boruna view to see it.</Note>;
  return (
    <section class="pane" aria-label="Source">
      <div class="toolbar">
        <label class="inline">
          <span>File</span>
          <select value={file} onChange={(event) => setQuery({ file: event.currentTarget.value, line: undefined })}>
            {files.map((name) => (
              <option key={name} value={name}>
                {untrusted(name)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <ErrorNote error={error} />
      {value !== undefined && (
        <VirtualRows
          key={file}
          total={lines.length}
          rowHeight={20}
          label={`Lines of ${untrusted(file)}`}
          role="grid"
          columns={2}
          selected={selected}
          onSelect={(row) => {
            setSelected(row);
            setQuery({ file, line: row + 1 });
          }}
          rowAttributes={() => ({ class: "code-row" })}
        >
          {(row) => (
            <>
              <div role="gridcell" class="cell line-number">
                <span aria-hidden="true">{row === selected ? "▸" : " "}</span>
                {row + 1}
              </div>
              <div role="gridcell" class="cell line-text">
                <Untrusted text={lines[row] ?? ""} />
              </div>
            </>
          )}
        </VirtualRows>
      )}
    </section>
  );
}

/** Returns the query that opens a line of the policy in the source view. */
export const policyQuery = (line: number | undefined): Readonly<Record<string, string | number | undefined>> => ({
  tab: "source",
  file: POLICY,
  line,
});
