import { check } from "../../compiler/compile.ts";
import { diagnosticToJson } from "../../compiler/diagnostics.ts";
import { renderDiagnostic } from "../../compiler/render.ts";
import { openSources } from "../../runtime/sources.ts";
import { EXIT } from "../../vm/outcome.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import { printJson } from "../terminal.ts";
import type { Session } from "../session.ts";

export async function checkCommand(session: Session, file: string, flags: CapabilityFlags): Promise<number> {
  const { terminal, json } = session;
  const registry = await loadRegistry(flags);
  const { source, resolve } = openSources(file);
  const { ok, diagnostics, sourceOf } = check(source, { resolve, registry });
  if (json) printJson(terminal, { ok, diagnostics: diagnostics.map((d) => diagnosticToJson(d, sourceOf)) });
  else {
    for (const d of diagnostics) terminal.err(renderDiagnostic(d, sourceOf, { color: terminal.color }));
    if (ok)
      terminal.err(
        `${file}: ok${diagnostics.length === 0 ? "" : `, ${diagnostics.length} ${diagnostics.length === 1 ? "warning" : "warnings"}`}`,
      );
  }
  return ok ? EXIT.done : EXIT.usage;
}
