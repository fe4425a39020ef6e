import { CompileError, type Diagnostic } from "../../compiler/diagnostics.ts";
import { formatSource } from "../../compiler/format/format.ts";
import { openSources } from "../../runtime/sources.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { unifiedDiff } from "../line-diff.ts";
import { replaceFile } from "../replace-file.ts";
import type { CommandSession } from "../session.ts";
import { withoutControlCharacters, printJson } from "../terminal.ts";

/** The options of `boruna fmt`, which `command-table.ts` explains. */
export interface FmtFlags {
  readonly check?: boolean;
  readonly stdout?: boolean;
  readonly diff?: boolean;
}

interface FormattedFile {
  readonly file: string;
  readonly text: string;
  readonly before: string;
  readonly changed: boolean;
}

/** Formats the files. If any file has syntax errors, writes none. */
export function fmtCommand(session: CommandSession, files: readonly string[], flags: FmtFlags): number {
  const { terminal, json } = session;
  if (flags.check === true && flags.stdout === true)
    throw new BorunaError("usage", "`--check` prints no program", { hint: "leave out `--check` or `--stdout`" });
  if (flags.stdout === true && json)
    throw new BorunaError("usage", "`--stdout` prints the program, not JSON", { hint: "leave out `--stdout` or `--json`" });
  if (flags.diff === true && flags.stdout === true)
    throw new BorunaError("usage", "`--diff` prints what changes, not the program", { hint: "leave out `--diff` or `--stdout`" });
  if (flags.diff === true && json)
    throw new BorunaError("usage", "`--diff` prints a patch, not JSON", { hint: "leave out `--diff` or `--json`" });
  const formatted = formatAll(session, files);
  const changed = formatted.filter((file) => file.changed);
  if (flags.stdout === true) {
    for (const { text } of formatted) if (text !== "") terminal.out(text.slice(0, text.endsWith("\n") ? -1 : undefined));
    return EXIT.done;
  }
  if (flags.diff === true) {
    for (const { file, before, text } of changed) terminal.out(unifiedDiff(withoutControlCharacters(file), before, text));
    return flags.check === true && changed.length > 0 ? EXIT.failed : EXIT.done;
  }
  if (flags.check !== true) for (const { file, text } of changed) replaceFile(file, text);
  if (json) printJson(terminal, { files: formatted.map(({ file, changed: differs }) => ({ file, changed: differs })) });
  else for (const { file } of changed) terminal.out(withoutControlCharacters(file));
  return flags.check === true && changed.length > 0 ? EXIT.failed : EXIT.done;
}

function formatAll(session: CommandSession, files: readonly string[]): readonly FormattedFile[] {
  const texts = new Map<string, string>();
  session.sourceOf = (file) => texts.get(file);
  const formatted: FormattedFile[] = [];
  const diagnostics: Diagnostic[] = [];
  for (const file of new Set(files)) {
    const { text } = openSources(file).source;
    texts.set(file, text);
    const result = formatSource({ name: file, text });
    if (result.ok) formatted.push({ file, text: result.text, before: text, changed: result.text !== text });
    else diagnostics.push(...result.diagnostics);
  }
  if (diagnostics.length > 0) throw new CompileError(diagnostics, session.sourceOf);
  return formatted;
}
