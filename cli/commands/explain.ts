import { check } from "../../compiler/compile.ts";
import { type DiagnosticCode, DIAGNOSTICS } from "../../compiler/diagnostics.ts";
import { elisionNote, type Example, EXPLANATIONS, exampleSources, isDiagnosticCode } from "../../compiler/explanations.ts";
import { renderDiagnostic } from "../../compiler/render.ts";
import { BorunaError } from "../../vm/error.ts";
import { nearest } from "../../vm/nearest.ts";
import { EXIT } from "../../vm/outcome.ts";
import type { Session } from "../session.ts";
import { printJson } from "../terminal.ts";

const LINE_WIDTH = 80;

export function explainCommand({ terminal, json }: Session, text: string): number {
  const code = codeOf(text);
  if (json) printJson(terminal, fieldsOf(code));
  else terminal.out(pageOf(code));
  return EXIT.done;
}

function codeOf(text: string): DiagnosticCode {
  const code = text.toUpperCase();
  if (isDiagnosticCode(code)) return code;
  const codes = Object.keys(DIAGNOSTICS);
  // `E7` and `E07` lack zeros, and then E017 is no better guess than E007.
  const padded = code.replace(/^([EW])0*(\d{1,3})$/, (_, letter: string, digits: string) => letter + digits.padStart(3, "0"));
  const suggestion = isDiagnosticCode(padded) ? padded : nearest(code, codes);
  throw new BorunaError("usage", `there is no diagnostic \`${text}\``, {
    hint: suggestion === undefined ? `the codes are ${codes.join(", ")}` : `did you mean \`${suggestion}\`?`,
  });
}

/** Returns the fields of `--json`. In each example, `files` holds the program first and then the files that the program imports. */
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
