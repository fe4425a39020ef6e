/** Prints failures and chooses their exit codes. */
import { CompileError, diagnosticToJson, type SourceOf } from "../compiler/diagnostics.ts";
import { renderDiagnostic } from "../compiler/render.ts";
import { BorunaError } from "../vm/error.ts";
import { EXIT, OUTCOMES } from "../vm/outcome.ts";
import { withFlagNames } from "./hints.ts";
import { withoutControlCharacters, printJson, type Terminal } from "./terminal.ts";

/** Errors that mean a log was read but failed verification. */
const VERIFICATION_ERRORS = new Set([
  "log.hash",
  "log.sequence",
  "log.count",
  "log.trailing",
  "log.cut",
  "log.changed",
  "log.form",
  "log.syntax",
  "log.blob_hash",
  "log.blob_missing",
  "log.module_hash",
  "log.policy_hash",
  "evidence.unverified",
]);

export function exitCodeOf(error: unknown): number {
  if (!(error instanceof BorunaError) || error.kind === "internal") return EXIT.internal;
  if (error.kind === "log.divergence") return OUTCOMES.divergence.exitCode;
  if (error.kind === "log.replay_limit") return OUTCOMES.limit_exceeded.exitCode;
  return VERIFICATION_ERRORS.has(error.kind) ? EXIT.verificationFailed : EXIT.usage;
}

function placeText(error: BorunaError): string {
  const { file, line, column, offset } = error.place ?? {};
  if (file === undefined && line === undefined) return offset === undefined ? "" : ` at byte ${offset}`;
  const location = [file ?? "line", line, line === undefined ? undefined : column].filter((part) => part !== undefined).join(":");
  return `\n  --> ${location}${offset === undefined ? "" : `, byte ${offset}`}`;
}

/** Prints `json` on stdout if it is given, otherwise `text` on stderr. If writing to stdout fails, falls back to the text. */
function print(terminal: Terminal, json: Readonly<Record<string, unknown>> | undefined, text: () => string): void {
  if (json !== undefined) {
    try {
      printJson(terminal, json);
      return;
    } catch (error) {
      if (!(error instanceof BorunaError)) throw error;
    }
  }
  terminal.err(text());
}

/** Prints any failure and returns its exit code. With `json`, prints one object on stdout. */
export function reportFailure(
  terminal: Terminal,
  error: unknown,
  options: { readonly json: boolean; readonly sourceOf?: SourceOf },
): number {
  const code = exitCodeOf(error);
  const sourceOf = options.sourceOf ?? ((): undefined => undefined);
  if (error instanceof CompileError) {
    const json = options.json ? { ok: false, diagnostics: error.diagnostics.map((d) => diagnosticToJson(d, sourceOf)) } : undefined;
    print(terminal, json, () => error.diagnostics.map((d) => renderDiagnostic(d, sourceOf, { color: terminal.color })).join("\n"));
    return code;
  }
  if (error instanceof BorunaError && error.kind !== "internal") {
    const hint = error.hint === undefined ? undefined : withFlagNames(error.hint);
    const reason = withFlagNames(error.message);
    const json = {
      ok: false,
      error: {
        kind: error.kind,
        message: reason,
        location: error.place,
        hint,
      },
    };
    const help = hint === undefined ? "" : `\n  help: ${hint}`;
    print(terminal, options.json ? json : undefined, () => withoutControlCharacters(`error: ${reason}${placeText(error)}${help}`));
    return code;
  }
  const message = error instanceof Error ? error.message : String(error);
  print(terminal, options.json ? { ok: false, error: { kind: "internal", message } } : undefined, () =>
    withoutControlCharacters(`internal error: ${message}\n  This is a bug in Boruna, not in your program. BORUNA_DEBUG=1 shows where.`),
  );
  if (process.env.BORUNA_DEBUG === "1" && error instanceof Error) terminal.err(error.stack ?? "");
  return code;
}
