import { check } from "../../compiler/compile.ts";
import { type DiagnosticCode, DIAGNOSTICS } from "../../compiler/diagnostics.ts";
import { elisionNote, type Example, EXPLANATIONS, exampleSources } from "../../compiler/explanations.ts";
import { diagnosticCode, explanationJson } from "../../compiler/explanation-json.ts";
import { renderDiagnostic } from "../../compiler/render.ts";
import { EXIT } from "../../vm/outcome.ts";
import type { CommandSession } from "../session.ts";
import { printJson } from "../terminal.ts";

const LINE_WIDTH = 80;

export function explainCommand({ terminal, json }: CommandSession, text: string): number {
  const code = diagnosticCode(text);
  if (json) printJson(terminal, explanationJson(code));
  else terminal.out(pageOf(code));
  return EXIT.done;
}

/** Returns the text of `boruna explain CODE`. The examples are compiled here, so that the messages are those of this compiler. */
function pageOf(code: DiagnosticCode): string {
  const { severity, title, doc } = DIAGNOSTICS[code];
  const page = EXPLANATIONS[code];
  const heading = [`${severity}[${code}]: ${title}`, wrapText(doc), wrapText(page.why)];
  if ("unreachable" in page) return [...heading, wrapText(page.whyUnreachable)].join("\n\n");
  const wrong = exampleSources(page.wrong);
  const { diagnostics, sourceOf } = check(wrong.source, wrong);
  return [
    ...heading,
    "Wrong:",
    ...programOf(page.wrong),
    "The compiler says:",
    ...diagnostics.map((d) => indent(renderDiagnostic(d, sourceOf))),
    "Right:",
    ...programOf(page.right),
  ].join("\n\n");
}

/** Returns the paragraphs of an example. `elisionNote` explains `…` in a shortened one. */
function programOf(example: Example): readonly string[] {
  const note = elisionNote(example);
  const otherFiles = Object.entries(example.otherFiles ?? {}).flatMap(([name, text]) => [`with ${name} beside it:`, indent(text)]);
  return [indent(example.text), ...(note === undefined ? [] : [note]), ...otherFiles];
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "    ");
}

/** Breaks the paragraph into lines at spaces. A word longer than a line gets a line of its own. */
function wrapText(paragraph: string): string {
  const lines: string[] = [];
  let line = "";
  for (const word of paragraph.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > LINE_WIDTH) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line].join("\n");
}
