import { check } from "../../compiler/compile.ts";
import { type DiagnosticCode, DIAGNOSTICS } from "../../compiler/diagnostics.ts";
import { elisionNote, type Example, EXPLANATIONS, exampleSources, isDiagnosticCode } from "../../compiler/explanations.ts";
import { renderDiagnostic } from "../../compiler/render.ts";
import { BorunaError } from "../../vm/error.ts";
import { nearest } from "../../vm/nearest.ts";
import { EXIT } from "../../vm/outcome.ts";
import type { Session } from "../session.ts";
import { printJson } from "../terminal.ts";

const WIDTH = 80;

export function explainCommand({ terminal, json }: Session, given: string): number {
  const code = codeOf(given);
  if (json) printJson(terminal, fieldsOf(code));
  else terminal.out(pageOf(code));
  return EXIT.done;
}

function codeOf(given: string): DiagnosticCode {
  const code = given.toUpperCase();
  if (isDiagnosticCode(code)) return code;
  const codes = Object.keys(DIAGNOSTICS);
  const near = nearest(code, codes);
  throw new BorunaError("usage", `there is no diagnostic \`${given}\``, {
    hint: near === undefined ? `the codes are ${codes.join(", ")}` : `did you mean \`${near}\`?`,
  });
}

/** `files`: the program, then the files it imports. */
function fieldsOf(code: DiagnosticCode): Readonly<Record<string, unknown>> {
  const { severity, title, doc } = DIAGNOSTICS[code];
  const page = EXPLANATIONS[code];
  const base = { code, severity, title, meaning: doc, why: page.why };
  if ("unreachable" in page) return { ...base, reachable: false, reason: page.whyUnreachable };
  const filesOf = (example: Example): { readonly files: readonly { readonly name: string; readonly text: string }[] } => {
    const { source, otherFiles } = exampleSources(example);
    return { files: [source, ...otherFiles] };
  };
  return { ...base, reachable: true, wrong: filesOf(page.wrong), right: filesOf(page.right) };
}

function pageOf(code: DiagnosticCode): string {
  const { severity, title, doc } = DIAGNOSTICS[code];
  const page = EXPLANATIONS[code];
  const head = [`${severity}[${code}]: ${title}`, wrapped(doc), wrapped(page.why)];
  if ("unreachable" in page) return [...head, wrapped(page.whyUnreachable)].join("\n\n");
  const wrong = exampleSources(page.wrong);
  const { diagnostics, sourceOf } = check(wrong.source, wrong);
  return [
    ...head,
    "Wrong:",
    ...programOf(page.wrong),
    "The compiler says:",
    ...diagnostics.map((d) => indented(renderDiagnostic(d, sourceOf))),
    "Right:",
    ...programOf(page.right),
  ].join("\n\n");
}

function programOf(example: Example): readonly string[] {
  const note = elisionNote(example);
  const otherFiles = Object.entries(example.otherFiles ?? {}).flatMap(([name, text]) => [`with ${name} beside it:`, indented(text)]);
  return [indented(example.text), ...(note === undefined ? [] : [note]), ...otherFiles];
}

function indented(text: string): string {
  return text.replace(/^(?=.)/gm, "    ");
}

/** Wraps at spaces. A word longer than a line gets a line of its own. */
function wrapped(paragraph: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of paragraph.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}
