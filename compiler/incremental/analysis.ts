/**
 * The analysis of a program for an editor, updated while its files change. It finds the diagnostics of `check`, except errors about the
 * limits of the module format, because nothing is lowered:
 *
 *     const analysis = new Analysis({ resolve, registry });
 *     analysis.update({ name: "main.ax", text });      // the diagnostics of main.ax and of the files that it imports
 *
 * `file.ts` says what is reused from one update to the next. Spans are offsets; the code that shows a diagnostic converts them to lines.
 */
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { CheckContext } from "../check/context.ts";
import { checkMailboxCalls } from "../check/mailbox.ts";
import { builtinRecords, fillRecords, SourceBuiltins } from "../check/source-builtins.ts";
import type { CompileOptions } from "../compile.ts";
import type { Diagnostic } from "../diagnostics.ts";
import { Diagnostics } from "../diagnostics.ts";
import { checkEffects } from "../effect-rows.ts";
import { loadUnits, type Resolver } from "../load-units.ts";
import type { NameRecorder } from "../name-recorder.ts";
import type { SourceUnit } from "../scope.ts";
import type { SourceFile } from "../source.ts";
import { AnalyzedFile } from "./file.ts";
import type { Section } from "./sections.ts";

export class Analysis {
  readonly context: CheckContext;
  readonly #resolve: Resolver;
  readonly #files = new Map<string, AnalyzedFile>();

  constructor(options: CompileOptions = {}) {
    const sameName = (name: string): string => name;
    const records = builtinRecords(sameName);
    const builtins = new SourceBuiltins();
    const context: CheckContext = new CheckContext(
      options.registry ?? BUILTIN_REGISTRY,
      (builtin) => builtins.get(builtin, context, sameName),
      (name) => records.get(name),
    );
    fillRecords(context, records);
    this.context = context;
    this.#resolve = options.resolve ?? (() => undefined);
  }

  /** Returns the file of that name as it was at the last update. */
  file(name: string): AnalyzedFile | undefined {
    return this.#files.get(name);
  }

  /** Returns all files that were read. */
  files(): Iterable<AnalyzedFile> {
    return this.#files.values();
  }

  /** Sets the text of a file. Returns the diagnostics of the file and of those that it imports. */
  update(source: SourceFile): readonly Diagnostic[] {
    const loaded = loadUnits(source, this.#resolve, ({ name, text }) => {
      const file = this.#files.get(name) ?? new AnalyzedFile(name);
      this.#files.set(name, file);
      return file.begin(text);
    });
    const files = loaded.flatMap(({ unit }) => this.#files.get(unit.name) ?? []);
    loaded.forEach((unit, i) => files[i]?.declare(this.context, unit));
    for (const file of files) file.checkBodies(this.context);
    const effects = new Map<SourceUnit, Diagnostics>();
    const diagnosticsOf = (unit: SourceUnit): Diagnostics => {
      const unitDiagnostics = effects.get(unit) ?? new Diagnostics(unit.name);
      effects.set(unit, unitDiagnostics);
      return unitDiagnostics;
    };
    const scopes = new Map(files.flatMap((file) => [...file.scopes()]));
    checkEffects(scopes, diagnosticsOf);
    checkMailboxCalls(scopes, diagnosticsOf);
    return files.flatMap((file) => file.diagnostics(effects));
  }

  /** Returns a name recorder with what the checker finds out about a section of a file. */
  record(file: AnalyzedFile, section: Section): NameRecorder {
    return file.record(this.context, section);
  }
}
