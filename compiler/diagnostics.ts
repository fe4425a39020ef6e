/** Diagnostics: the table of codes, the collector to which every stage reports, `CompileError` and the JSON form. */
import { BorunaError, type ErrorPlace } from "../vm/error.ts";
import type { Span } from "./ast.ts";
import { byteOffset, lineTable, positionAt } from "./source.ts";

type Severity = "error" | "warning";

interface DiagnosticDecl {
  readonly severity: Severity;
  readonly title: string;
  readonly doc: string;
}

/** The severity, title and meaning of every code. `boruna explain`, the docs and the tests read this table. */
export const DIAGNOSTICS = {
  E001: { severity: "error", title: "lexical error", doc: "A character, number, string or escape that is not allowed in a program." },
  E002: { severity: "error", title: "syntax error", doc: "A token that the grammar does not allow here." },
  E003: { severity: "error", title: "unknown variable", doc: "A name that is not in scope." },
  E004: { severity: "error", title: "unknown function", doc: "A call to a function, builtin or capability that does not exist." },
  E005: { severity: "error", title: "non-exhaustive match", doc: "A `match` without an arm for every value." },
  E006: {
    severity: "error",
    title: "unknown or missing field",
    doc: "A field or variant that its type does not have, or a field missing from a literal.",
  },
  E007: {
    severity: "error",
    title: "capability",
    doc: "An effect that the function's effect row does not declare, or a capability that does not exist.",
  },
  E008: { severity: "error", title: "lowering", doc: "A correct program that cannot be represented in bytecode." },
  E009: { severity: "error", title: "type mismatch", doc: "A value of one type where another is expected." },
  E010: { severity: "error", title: "duplicate", doc: "Two items, fields, variants or parameters with the same name." },
  E011: {
    severity: "error",
    title: "wrong number of arguments",
    doc: "A call, variant or type with more or fewer arguments than it declares.",
  },
  E012: { severity: "error", title: "import", doc: "An import that is missing, unreadable, circular, or outside the project." },
  E013: { severity: "error", title: "unknown type", doc: "A type name that is not in scope." },
  E014: { severity: "error", title: "cannot infer", doc: "A type that the context does not determine." },
  E015: { severity: "error", title: "limit", doc: "A source larger or more deeply nested than the compiler accepts." },
  E016: {
    severity: "error",
    title: "wrong regular expression",
    doc: "A literal pattern of a `regex` builtin that the builtin does not accept.",
  },
  E017: {
    severity: "error",
    title: "part of an immutable binding",
    doc: "An assignment to an element or a field of a binding made without `mut`.",
  },
  W001: { severity: "warning", title: "unused capability", doc: "A capability in an effect row that the function never uses." },
  W002: { severity: "warning", title: "assignment to an immutable binding", doc: "An assignment to a binding made without `mut`." },
  W003: { severity: "warning", title: "unreachable arm", doc: "A match arm that can never run, because earlier arms cover its values." },
  W004: { severity: "warning", title: "unused binding", doc: "A binding that is never read." },
  W005: { severity: "warning", title: "alias", doc: "The old short name of a capability in an effect row." },
  W006: {
    severity: "warning",
    title: "hides a name",
    doc: "A function or type that hides a builtin, a capability or an import of the same name, or a library of the project that hides a shipped one.",
  },
  W007: {
    severity: "warning",
    title: "dropped value",
    doc: "The value of a builtin, a Result, or the value of an `if` without `else` that nothing uses.",
  },
  W008: {
    severity: "warning",
    title: "interpolation in a plain string",
    doc: "A string with `${x}`, which is text, where `x` is a binding.",
  },
  W009: { severity: "warning", title: "negative index", doc: "An index of a list that is a negative number, which always traps." },
} as const satisfies Record<string, DiagnosticDecl>;

export type DiagnosticCode = keyof typeof DIAGNOSTICS;

/** A replacement of the source at `span` with `text`. The edits of a fix do not overlap. */
export interface Edit {
  readonly span: Span;
  readonly text: string;
  /** The library that this edit imports; undefined if it inserts no import. */
  readonly imports?: string;
}

/** A change that a tool may apply automatically. */
export interface Fix {
  /** What the fix does, as one imperative phrase: "write `==`". */
  readonly title: string;
  readonly edits: readonly Edit[];
}

export interface Diagnostic {
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  /** What is wrong, in one sentence without a full stop. */
  readonly message: string;
  /** The file name as the user wrote it. */
  readonly file: string;
  readonly span: Span;
  /** What to do next. */
  readonly help?: string;
  readonly fixes: readonly Fix[];
}

/** Returns the text of a file by its name, or undefined if it is not available. */
export type SourceOf = (file: string) => string | undefined;

export interface DiagnosticExtras {
  readonly help?: string | undefined;
  readonly fixes?: readonly Fix[] | undefined;
}

/** Maximum number of errors, and of warnings, kept for each file. Further errors are only counted. */
export const MAX_DIAGNOSTICS_PER_FILE = 100;

/** Collects the diagnostics of one file. */
export class Diagnostics {
  readonly file: string;
  readonly #errors: Diagnostic[] = [];
  readonly #warnings: Diagnostic[] = [];
  /** The number of errors that were reported after the limit was reached, and so are not kept. */
  #uncollectedErrors = 0;
  #firstUncollected: Span = { start: 0, end: 0 };

  constructor(file: string) {
    this.file = file;
  }

  error(code: DiagnosticCode, span: Span, message: string, extras: DiagnosticExtras = {}): void {
    if (this.isFull) {
      if (this.#uncollectedErrors === 0) this.#firstUncollected = span;
      this.#uncollectedErrors += 1;
      return;
    }
    this.#errors.push(this.#make(code, "error", span, message, extras));
  }

  warning(code: DiagnosticCode, span: Span, message: string, extras: DiagnosticExtras = {}): void {
    if (this.#warnings.length < MAX_DIAGNOSTICS_PER_FILE) this.#warnings.push(this.#make(code, "warning", span, message, extras));
  }

  /** Whether the error limit is reached, so that a stage may stop. */
  get isFull(): boolean {
    return this.#errors.length >= MAX_DIAGNOSTICS_PER_FILE;
  }

  get errorCount(): number {
    return this.#errors.length + this.#uncollectedErrors;
  }

  get hasErrors(): boolean {
    return this.#errors.length > 0;
  }

  /** Returns errors and warnings in source order. If there were too many errors, the last one says so. */
  sorted(): readonly Diagnostic[] {
    if (this.#errors.length === 0 && this.#warnings.length === 0) return [];
    const all = [...this.#errors, ...this.#warnings].sort(compareDiagnostics);
    if (this.#uncollectedErrors > 0) {
      all.push(
        this.#make(
          "E015",
          "error",
          this.#firstUncollected,
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

/** Orders diagnostics by their place in the file. */
export function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  return a.span.start - b.span.start || a.span.end - b.span.end || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0);
}

/** Thrown if a program does not compile. `diagnostics` has at least one error, and may have warnings. */
export class CompileError extends BorunaError {
  override readonly name = "CompileError";
  readonly diagnostics: readonly Diagnostic[];
  readonly #sourceOf: SourceOf;

  constructor(diagnostics: readonly Diagnostic[], sourceOf: SourceOf = () => undefined) {
    const errors = diagnostics.filter((d) => d.severity === "error");
    const first = errors[0];
    super("compile_error", summary(errors), first === undefined ? {} : locationAndHint(first, sourceOf));
    this.diagnostics = diagnostics;
    this.#sourceOf = sourceOf;
  }

  /** Returns the text of a file of the program, for `diagnosticToJson` and `renderDiagnostic`. `file` is its name in a diagnostic. */
  sourceOf(file: string): string | undefined {
    return this.#sourceOf(file);
  }
}

function summary(errors: readonly Diagnostic[]): string {
  const first = errors[0];
  if (first === undefined) return "the program does not compile";
  const otherCount = errors.length - 1;
  const suffix = otherCount === 0 ? "" : otherCount === 1 ? " (and 1 more error)" : ` (and ${otherCount} more errors)`;
  return `${first.code}: ${first.message}${suffix}`;
}

function locationAndHint(first: Diagnostic, sourceOf: SourceOf): { readonly place: ErrorPlace; readonly hint: string | undefined } {
  const text = sourceOf(first.file);
  const place = text === undefined ? { file: first.file } : { file: first.file, ...positionAt(lineTable(text), first.span.start) };
  return { place, hint: first.help };
}

/** A diagnostic with lines and columns, as `boruna check --json` prints it. */
export interface DiagnosticJson {
  readonly code: DiagnosticCode;
  readonly severity: Severity;
  readonly message: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly end_line: number;
  readonly end_column: number;
  readonly help: string | undefined;
  readonly fixes: readonly {
    readonly title: string;
    readonly edits: readonly { readonly start: number; readonly end: number; readonly text: string }[];
  }[];
}

/**
 * Converts a diagnostic to the JSON form of `boruna check --json`. Lines and columns count from 1, columns in code points;
 * the end is exclusive. Edits are in UTF-8 byte offsets. A file whose text is not available is treated as empty. Pass
 * the `sourceOf` of the `CompileError`, or of the result of `check`.
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
    help: diagnostic.help,
    fixes: diagnostic.fixes.map((fix) => ({
      title: fix.title,
      edits: fix.edits.map((edit) => ({ start: byteOffset(text, edit.span.start), end: byteOffset(text, edit.span.end), text: edit.text })),
    })),
  };
}
