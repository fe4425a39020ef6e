import { check } from "../../compiler/compile.ts";
import { diagnosticToJson } from "../../compiler/diagnostics.ts";
import { fixAll } from "../../compiler/fix.ts";
import { renderDiagnostic } from "../../compiler/render.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import { openInput, STDIN } from "../load.ts";
import { replaceFile } from "../replace-file.ts";
import { printJson } from "../terminal.ts";
import type { CommandSession } from "../session.ts";

/** The options of `boruna check`, which `command-table.ts` explains. */
export interface CheckFlags extends CapabilityFlags {
  readonly fix?: boolean;
}

const countOf = (count: number, word: string): string => `${count} ${word}${count === 1 ? "" : word.endsWith("x") ? "es" : "s"}`;

export async function checkCommand(session: CommandSession, file: string, flags: CheckFlags): Promise<number> {
  const { terminal, json } = session;
  const registry = await loadRegistry(flags);
  if (flags.fix === true && file === STDIN)
    throw new BorunaError("usage", "--fix changes a file, and the program is on stdin", { hint: "leave out --fix" });
  const { source: original, resolve } = await openInput(file);
  const fixed = flags.fix === true ? fixAll(original, { resolve, registry }) : undefined;
  if (fixed !== undefined && fixed.count > 0) replaceFile(file, fixed.text);
  const source = fixed === undefined ? original : { name: original.name, text: fixed.text };
  const { ok, diagnostics, sourceOf } = check(source, { resolve, registry });
  if (json) {
    const found = { ok, diagnostics: diagnostics.map((d) => diagnosticToJson(d, sourceOf)) };
    printJson(terminal, fixed === undefined ? found : { ...found, fixed: fixed.count });
  } else {
    for (const d of diagnostics) terminal.err(renderDiagnostic(d, sourceOf, { color: terminal.color }));
    if (fixed !== undefined) terminal.err(`${file}: ${countOf(fixed.count, "fix")} applied`);
    if (ok) terminal.err(`${file}: ok${diagnostics.length === 0 ? "" : `, ${countOf(diagnostics.length, "warning")}`}`);
  }
  return ok ? EXIT.done : EXIT.usage;
}
