/** What the compiler has to say: the table of codes, the collector, the JSON form. */
import { BorunaError } from "../vm/error.ts";
import type { Span } from "./ast.ts";
import { byteOffset, lineTable, positionAt } from "./source.ts";

export type Severity = "error" | "warning";

interface DiagnosticDecl {
  readonly severity: Severity;
  readonly title: string;
  readonly doc: string;
}

/** Every code, once. `boruna explain`, the docs and the tests read it. */
export const DIAGNOSTICS = {
  E001: { severity: "error", title: "lexical error", doc: "A character, number, string or escape that cannot stand in a program." },
  E002: { severity: "error", title: "syntax error", doc: "A token where the grammar has no place for it." },
  E003: { severity: "error", title: "unknown variable", doc: "A name that no binding, function or builtin in scope has." },
  E004: { severity: "error", title: "unknown function", doc: "A call of a function, builtin or capability that does not exist." },
  E005: { severity: "error", title: "non-exhaustive match", doc: "A `match` that leaves a value of its scrutinee uncovered." },
  E006: {
    severity: "error",
    title: "unknown or missing field",
    doc: "A field or variant that its type does not have, or one left out of a literal.",
  },
  E007: {
    severity: "error",
    title: "capability",
    doc: "An effect that the row of its function does not declare, or a capability that does not exist.",
  },
  E008: { severity: "error", title: "lowering", doc: "A correct program that the bytecode cannot hold." },
  E009: { severity: "error", title: "type mismatch", doc: "A value of one type where another is needed." },
  E010: { severity: "error", title: "duplicate", doc: "Two items, fields, variants or parameters of one name." },
  E011: {
    severity: "error",
    title: "wrong number of arguments",
    doc: "A call, variant or type with more or fewer arguments than it declares.",
  },
  E012: { severity: "error", title: "import", doc: "An import that is missing, unreadable, circular, or outside the project." },
  E013: { severity: "error", title: "unknown type", doc: "A type name that no declaration in scope has." },
  E014: { severity: "error", title: "cannot infer", doc: "A type that the context does not decide." },
  E015: { severity: "error", title: "limit", doc: "A source larger or more deeply nested than the compiler accepts." },
  W001: { severity: "warning", title: "unused capability", doc: "A capability in an effect row that its function never needs." },
  W002: { severity: "warning", title: "assignment to an immutable binding", doc: "An assignment to a binding made without `mut`." },
  W003: { severity: "warning", title: "unreachable arm", doc: "A match arm whose values earlier arms already cover." },
  W004: { severity: "warning", title: "unused binding", doc: "A binding that is never read." },
  W005: { severity: "warning", title: "alias", doc: "An old short name of a capability in an effect row." },
  W006: {
    severity: "warning",
    title: "hides a name",
    doc: "A function or type with the name of a builtin, a capability or something imported, or a library of the project with the name of a shipped one, which it hides.",
  },
  W007: { severity: "warning", title: "dropped value", doc: "A call of a builtin whose value nobody takes, so that it does nothing." },
} as const satisfies Record<string, DiagnosticDecl>;

export type DiagnosticCode = keyof typeof DIAGNOSTICS;

/** Replace `span` by `text`. The edits of one fix do not overlap. */
export interface Edit {
  readonly span: Span;
  readonly text: string;
}

/** A change that a tool may apply without asking further. */
export interface Fix {
  /** One imperative phrase: "write `==`". */
  readonly title: string;
  readonly edits: readonly Edit[];
}

export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  /** One sentence, without a full stop. */
  readonly message: string;
  /** As the user named it. */
  readonly file: string;
  readonly span: Span;
  /** What to do next. */
  readonly help?: string;
  readonly fixes: readonly Fix[];
}

/** The text of a file by its name, or undefined when it is not at hand. */
export type SourceOf = (file: string) => string | undefined;

export interface DiagnosticExtras {
  readonly help?: string | undefined;
  readonly fixes?: readonly Fix[] | undefined;
}

/** Errors and warnings kept of one file, each; what comes after is counted, not kept. */
export const MAX_DIAGNOSTICS_PER_FILE = 100;

/** Collects the diagnostics of one file. */
export class Diagnostics {
  readonly file: string;
  readonly #errors: Diagnostic[] = [];
  readonly #warnings: Diagnostic[] = [];
  #dropped = 0;
  #firstDropped: Span = { start: 0, end: 0 };

  constructor(file: string) {
    this.file = file;
  }

  error(code: DiagnosticCode, span: Span, message: string, extras: DiagnosticExtras = {}): void {
    if (this.full) {
      if (this.#dropped === 0) this.#firstDropped = span;
      this.#dropped += 1;
      return;
    }
    this.#errors.push(this.#make(code, "error", span, message, extras));
  }

  warning(code: DiagnosticCode, span: Span, message: string, extras: DiagnosticExtras = {}): void {
    if (this.#warnings.length < MAX_DIAGNOSTICS_PER_FILE) this.#warnings.push(this.#make(code, "warning", span, message, extras));
  }

  /** No further error is kept: a phase may stop here. */
  get full(): boolean {
    return this.#errors.length >= MAX_DIAGNOSTICS_PER_FILE;
  }

  get errorCount(): number {
    return this.#errors.length + this.#dropped;
  }

  get hasErrors(): boolean {
    return this.#errors.length > 0;
  }

  /** In source order; errors and warnings mixed. Last, when there were too many errors, one that says so. */
  sorted(): readonly Diagnostic[] {
    const all = [...this.#errors, ...this.#warnings].sort(compareDiagnostics);
    if (this.#dropped > 0) {
      all.push(
        this.#make(
          "E015",
          "error",
          this.#firstDropped,
          `more than ${MAX_DIAGNOSTICS_PER_FILE} errors in this file; the rest are not shown`,
          {},
        ),
      );
    }
    return all;
  }

  #make(code: DiagnosticCode, severity: Severity, span: Span, message: string, extras: DiagnosticExtras): Diagnostic {
    const base = { code, severity, message, file: this.file, span, fixes: extras.fixes ?? [] };
    return extras.help === undefined ? base : { ...base, help: extras.help };
  }
}

function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  return a.span.start - b.span.start || a.span.end - b.span.end || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0);
}

/** A program that does not compile. `diagnostics` holds at least one error, and the warnings beside it. */
export class CompileError extends BorunaError {
  override readonly name = "CompileError";
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[], sourceOf: SourceOf = () => undefined) {
    const errors = diagnostics.filter((d) => d.severity === "error");
    const first = errors[0];
    super("compile_error", summary(errors), first === undefined ? {} : moreOf(first, sourceOf));
    this.diagnostics = diagnostics;
  }
}

function summary(errors: readonly Diagnostic[]): string {
  const first = errors[0];
  if (first === undefined) return "the program does not compile";
  const others = errors.length - 1;
  const rest = others === 0 ? "" : others === 1 ? " (and 1 more error)" : ` (and ${others} more errors)`;
  return `${first.code}: ${first.message}${rest}`;
}

function moreOf(first: Diagnostic, sourceOf: SourceOf): { place: { file: string; line?: number; column?: number }; hint?: string } {
  const text = sourceOf(first.file);
  const place = text === undefined ? { file: first.file } : { file: first.file, ...positionAt(lineTable(text), first.span.start) };
  return first.help === undefined ? { place } : { place, hint: first.help };
}

export interface DiagnosticJson {
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly end_line: number;
  readonly end_column: number;
  readonly help?: string;
  readonly fixes: readonly {
    readonly title: string;
    readonly edits: readonly { readonly start: number; readonly end: number; readonly text: string }[];
  }[];
}

/**
 * The form of `boruna check --json`: lines and columns 1-based in code points, the end exclusive; the edits of a
 * fix in UTF-8 byte offsets. A file whose text is not at hand counts as empty.
 */
export function diagnosticToJson(diagnostic: Diagnostic, sourceOf: SourceOf): DiagnosticJson {
  const text = sourceOf(diagnostic.file) ?? "";
  const table = lineTable(text);
  const start = positionAt(table, diagnostic.span.start);
  const end = positionAt(table, diagnostic.span.end);
  return {
    code: diagnostic.code,
    severity: diagnostic.severity,
    message: diagnostic.message,
    file: diagnostic.file,
    line: start.line,
    column: start.column,
    end_line: end.line,
    end_column: end.column,
    ...(diagnostic.help === undefined ? {} : { help: diagnostic.help }),
    fixes: diagnostic.fixes.map((fix) => ({
      title: fix.title,
      edits: fix.edits.map((edit) => ({ start: byteOffset(text, edit.span.start), end: byteOffset(text, edit.span.end), text: edit.text })),
    })),
  };
}
