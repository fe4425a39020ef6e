/** The analysis of one open file and of the files that it imports. Offsets count from the start of a file. */
import type { Span } from "../compiler/ast.ts";
import type { Diagnostic } from "../compiler/diagnostics.ts";
import { Analysis } from "../compiler/incremental/analysis.ts";
import type { AnalyzedFile } from "../compiler/incremental/file.ts";
import type { Section } from "../compiler/incremental/sections.ts";
import type { Referent, RecordedName, NameRecorder } from "../compiler/name-recorder.ts";
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import type { OpenText, Workspace } from "./workspace.ts";

/** A span in a file. */
export interface Place {
  readonly path: string;
  readonly span: Span;
}

/** A name in the text, what it refers to, and the section that contains it. */
export interface Occurrence {
  readonly span: Span;
  readonly referent: Referent;
  readonly section: Section;
}

export class AnalyzedProgram {
  readonly path: string;
  readonly workspace: Workspace;
  readonly analysis: Analysis;
  diagnostics: readonly Diagnostic[] = [];
  /** Number of updates so far. */
  #version = 0;
  /** The name recorders of `namesAndTypesOf`, each with the update after which it was made. */
  readonly #recorded = new WeakMap<Section, { readonly version: number; readonly nameRecorder: NameRecorder }>();
  #pathOf: (name: string) => string | undefined = () => undefined;
  #resolve: ReturnType<Workspace["sources"]>["resolve"] = () => undefined;
  #name: string;

  constructor(path: string, workspace: Workspace, registry: CapabilityRegistry = BUILTIN_REGISTRY) {
    this.path = path;
    this.workspace = workspace;
    this.#name = path;
    this.analysis = new Analysis({ registry, resolve: (specifier, importer) => this.#resolve(specifier, importer) });
  }

  /** Checks the text. `openText` returns the text of an open file, by path. If the workspace cannot open the file's sources, its imports fail. */
  update(text: string, openText: OpenText): void {
    this.#version += 1;
    try {
      const { source, resolve, pathOf } = this.workspace.sources(this.path, text, openText);
      this.#name = source.name;
      this.#resolve = resolve;
      this.#pathOf = pathOf;
    } catch (error) {
      if (!(error instanceof BorunaError)) throw error;
      this.#name = this.path;
      this.#resolve = () => undefined;
      this.#pathOf = () => undefined;
    }
    this.diagnostics = this.analysis.update({ name: this.#name, text });
  }

  /** The open file. */
  get main(): AnalyzedFile | undefined {
    return this.analysis.file(this.#name);
  }

  /** The name of the open file in diagnostics. */
  get name(): string {
    return this.#name;
  }

  pathOf(file: AnalyzedFile): string {
    return file.name === this.#name ? this.path : (this.#pathOf(file.name) ?? file.name);
  }

  /** Returns what the checker records about a section. The result is kept until the next update. */
  namesAndTypesOf(file: AnalyzedFile, section: Section): NameRecorder {
    const cached = this.#recorded.get(section);
    if (cached?.version === this.#version) return cached.nameRecorder;
    const nameRecorder = this.analysis.record(file, section);
    this.#recorded.set(section, { version: this.#version, nameRecorder });
    return nameRecorder;
  }

  /** Returns the names at an offset of the open file. The `x` of `P { x }` is two names: a binding, which comes first, and a field. */
  namesAt(offset: number): readonly Occurrence[] {
    const file = this.main;
    const section = file?.sectionAt(offset);
    if (file === undefined || section === undefined) return [];
    const offsetInSection = offset - section.start;
    return withoutDuplicates(this.namesAndTypesOf(file, section).names)
      .filter(({ span }) => span.start <= offsetInSection && offsetInSection <= span.end)
      .map(({ span, referent }) => ({ span: shiftSpan(span, section.start), referent, section }))
      .toSorted((a, b) => Number(b.referent.kind === "local") - Number(a.referent.kind === "local"));
  }

  /** Returns all names of the open file. */
  *names(): Iterable<Occurrence> {
    const file = this.main;
    for (const section of file?.sections ?? []) {
      if (file === undefined) return;
      for (const { span, referent } of withoutDuplicates(this.namesAndTypesOf(file, section).names))
        yield { span: shiftSpan(span, section.start), referent, section };
    }
  }

  /** Returns where a referent is declared. `section` contains a name that refers to it. Undefined for builtins and capabilities. */
  definitionOf(referent: Referent, section: Section): Place | undefined {
    const main = this.main;
    if (main === undefined) return undefined;
    if (referent.kind === "local") return { path: this.path, span: shiftSpan(referent.local.span, section.start) };
    if (referent.kind === "param") {
      for (const item of section.items) {
        if (item.kind === "import" || item.kind === "test") continue;
        const name = item.typeParams.find(({ text }) => text === referent.param.name);
        if (name !== undefined) return { path: this.path, span: shiftSpan(name.span, section.start) };
      }
      return undefined;
    }
    if (referent.kind === "builtin" || referent.kind === "capability") return undefined;
    const isFunction = referent.kind === "function";
    const fileName = isFunction ? referent.callable.file.name : referent.decl.declaredIn;
    const file = fileName === null ? undefined : this.analysis.file(fileName);
    if (file === undefined) return undefined;
    const name = isFunction ? referent.callable.name : referent.decl.name;
    const place = (section: Section, span: Span): Place => ({ path: this.pathOf(file), span: shiftSpan(span, section.start) });
    for (const declaring of file.sections) {
      for (const item of declaring.items) {
        if (item.kind === "import" || item.kind === "test" || item.name.text !== name || (item.kind === "fn") !== isFunction) continue;
        if (referent.kind === "function" || referent.kind === "type") return place(declaring, item.name.span);
        const found =
          referent.kind === "variant"
            ? partNamed(item, null, referent.name, true)
            : partNamed(item, referent.variant, referent.name, false);
        return found === undefined ? undefined : place(declaring, found);
      }
    }
    return undefined;
  }
}

/** Returns the span of the name of a variant, or of a field of a record or variant. */
function partNamed(item: Section["items"][number], variant: string | null, name: string, isVariant: boolean): Span | undefined {
  if (item.kind === "record") return item.fields.find((field) => field.name.text === name)?.name.span;
  if (item.kind !== "enum") return undefined;
  if (isVariant) return item.variants.find((candidate) => candidate.name.text === name)?.name.span;
  const payload = item.variants.find((candidate) => candidate.name.text === variant)?.payload;
  return payload?.kind === "struct" ? payload.fields.find((field) => field.name.text === name)?.name.span : undefined;
}

export const shiftSpan = ({ start, end }: Span, by: number): Span => ({ start: start + by, end: end + by });

/** Removes duplicates and empty names. The checker records a name twice if it checks a pattern twice. */
function withoutDuplicates(names: readonly RecordedName[]): readonly RecordedName[] {
  const seen = new Set<string>();
  return names.filter(({ span, referent }) => {
    const key = `${span.start} ${span.end} ${referent.kind}`;
    return span.end > span.start && !seen.has(key) && seen.add(key) !== undefined;
  });
}
