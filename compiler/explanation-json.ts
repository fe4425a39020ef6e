/** Reads the code of a diagnostic as a user types it, and returns the explanation of a code as JSON. */
import { BorunaError } from "../vm/error.ts";
import { nearest } from "../vm/nearest.ts";
import { type DiagnosticCode, DIAGNOSTICS } from "./diagnostics.ts";
import { type Example, EXPLANATIONS, exampleSources, isDiagnosticCode } from "./explanations.ts";

/** Returns the code that `text` names, in upper or lower case. Throws `usage` if there is none; the hint is the nearest code, or all codes. */
export function diagnosticCode(text: string): DiagnosticCode {
  const code = text.toUpperCase();
  if (isDiagnosticCode(code)) return code;
  const codes = Object.keys(DIAGNOSTICS);
  // In `E7` and `E07` zeros are missing, and E017 would be as near as E007. So the zeros are added first.
  const padded = code.replace(/^([EW])0*(\d{1,3})$/, (_, letter: string, digits: string) => letter + digits.padStart(3, "0"));
  const suggestion = isDiagnosticCode(padded) ? padded : nearest(code, codes);
  throw new BorunaError("usage", `there is no diagnostic \`${text}\``, {
    hint: suggestion === undefined ? `the codes are ${codes.join(", ")}` : `did you mean \`${suggestion}\`?`,
  });
}

/** Returns the explanation as JSON. In each example, `files` holds the program first and then the files that the program imports. */
export function explanationJson(code: DiagnosticCode): Readonly<Record<string, unknown>> {
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
