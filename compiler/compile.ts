/** The compiler's face: source text in, diagnostics and a module out. Pure: files come through `resolve`. */
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import type { Module } from "../vm/module.ts";
import { type CheckedProgram, checkProgram } from "./check/program.ts";
import { CompileError, type Diagnostic, Diagnostics } from "./diagnostics.ts";
import type { SourceUnit } from "./ir.ts";
import { lowerProgram, ProgramTooLarge } from "./lower/module.ts";
import type { Resolver } from "./units.ts";

export type { Resolver };
/** A file: its name relative to the project, and its text. */
export type SourceFile = SourceUnit;

export interface CompileOptions {
  /** Gives imported files; without it no import resolves. */
  readonly resolve?: Resolver;
  /** The capabilities there are; the built-in ones when absent. */
  readonly registry?: CapabilityRegistry;
}

export interface CheckResult {
  readonly ok: boolean;
  readonly diagnostics: readonly Diagnostic[];
  /** The text of a file that a diagnostic names. */
  readonly sourceOf: (file: string) => string | undefined;
}

function analyze(source: SourceFile, options: CompileOptions): { program: CheckedProgram; registry: CapabilityRegistry } {
  const registry = options.registry ?? BUILTIN_REGISTRY;
  return { program: checkProgram(source, options.resolve ?? (() => undefined), registry), registry };
}

const sourceOf =
  (program: CheckedProgram) =>
  (file: string): string | undefined =>
    program.units.find((u) => u.name === file)?.text;

/** All diagnostics of a program or library, without code. */
export function check(source: SourceFile, options: CompileOptions = {}): CheckResult {
  const { program } = analyze(source, options);
  return { ok: program.diagnostics.every((d) => d.severity !== "error"), diagnostics: program.diagnostics, sourceOf: sourceOf(program) };
}

/** A module with `main` as its entry, and the warnings. Throws `CompileError`. */
export function compile(
  source: SourceFile,
  options: CompileOptions = {},
): { readonly module: Module; readonly diagnostics: readonly Diagnostic[] } {
  const { program, registry } = analyze(source, options);
  const fail = (diagnostics: readonly Diagnostic[]): never => {
    throw new CompileError(diagnostics, sourceOf(program));
  };
  if (program.diagnostics.some((d) => d.severity === "error")) return fail(program.diagnostics);
  const late = new Diagnostics(source.name);
  const main = program.root.functions.get("main");
  if (main === undefined || !program.functions.includes(main)) {
    late.error("E004", { start: 0, end: 0 }, "there is no function `main`", {
      help: "a program starts there: `fn main() -> Int { 0 }`; a library is checked with `boruna check`",
    });
    return fail([...program.diagnostics, ...late.sorted()]);
  }
  if (main.typeParams.length > 0) {
    late.error("E014", main.item?.name.span ?? { start: 0, end: 0 }, "`main` cannot have type parameters");
    return fail([...program.diagnostics, ...late.sorted()]);
  }
  try {
    return { module: lowerProgram(program, main, registry), diagnostics: program.diagnostics };
  } catch (error) {
    if (!(error instanceof ProgramTooLarge)) throw error;
    late.error("E015", error.callable.item?.name.span ?? { start: 0, end: 0 }, `\`${error.callable.name}\` is too large: ${error.what}`, {
      help: "split it into several functions",
    });
    return fail([...program.diagnostics, ...late.sorted()]);
  }
}
