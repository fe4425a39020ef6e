/** The compiler's face: source text in, diagnostics and a module out. Pure: files come through `resolve`. */
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import type { Module } from "../vm/bytecode/module.ts";
import { type CheckedProgram, checkProgram } from "./check/program.ts";
import type { Span } from "./ast.ts";
import { CompileError, type Diagnostic, type DiagnosticCode, Diagnostics } from "./diagnostics.ts";
import type { Callable } from "./ir.ts";
import { type Lowered, lowerProgram, ProgramTooLarge } from "./lower/module.ts";
import { lineTable, positionAt, type SourceFile } from "./source.ts";
import type { Resolver } from "./load-units.ts";

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

/** All diagnostics of a program or library, without code: what the module format cannot hold is among them. */
export function check(source: SourceFile, options: CompileOptions = {}): CheckResult {
  const { program, registry } = analyze(source, options);
  const sound = program.diagnostics.every((d) => d.severity !== "error");
  const late = sound ? beyondFormat(program, registry) : [];
  return { ok: sound && late.length === 0, diagnostics: [...program.diagnostics, ...late], sourceOf: sourceOf(program) };
}

/** Lowers all functions and tests of the root file, whatever they are, to see that they fit. */
function beyondFormat(program: CheckedProgram, registry: CapabilityRegistry): readonly Diagnostic[] {
  const tests = program.tests.flatMap((test) => [test.callable, ...test.answers.map((answer) => answer.callable)]);
  const [first] = [...program.functions, ...tests];
  if (first === undefined) return [];
  try {
    lowerProgram(program, first, registry, tests);
    return [];
  } catch (error) {
    if (!(error instanceof ProgramTooLarge)) throw error;
    return tooLarge(error);
  }
}

/** A module with `main` as its entry, and the warnings. Throws `CompileError`. */
export function compile(
  source: SourceFile,
  options: CompileOptions = {},
): { readonly module: Module; readonly diagnostics: readonly Diagnostic[] } {
  const { program, registry } = analyze(source, options);
  if (program.diagnostics.some((d) => d.severity === "error")) throw new CompileError(program.diagnostics, sourceOf(program));
  const main = program.root.functions.get("main");
  if (main === undefined || !program.functions.includes(main)) {
    return refuse(program, "E004", { start: 0, end: 0 }, "there is no function `main`", {
      help: "a program starts there: `fn main() -> Int { 0 }`; a library is checked with `boruna check`",
    });
  }
  if (main.typeParams.length > 0)
    return refuse(program, "E014", main.item?.name.span ?? { start: 0, end: 0 }, "`main` cannot have type parameters");
  return { module: lower(program, main, registry, []).module, diagnostics: program.diagnostics };
}

/** A `test` block of the root file, as the module of `compileTests` has it. */
export interface CompiledTest {
  readonly name: string;
  /** From 1, of the test's name. */
  readonly line: number;
  /** Of the function that is the test's body: no parameters, gives Unit. */
  readonly functionIndex: number;
  /** In the order of the source; each is a pure function of all the arguments of one of the capability's signatures. */
  readonly answers: readonly { readonly capability: string; readonly functionIndex: number }[];
}

/**
 * The tests of a program or library in one module whose entry is the first of them; no module where there is none.
 * Throws `CompileError`.
 */
export function compileTests(
  source: SourceFile,
  options: CompileOptions = {},
): { readonly module?: Module; readonly tests: readonly CompiledTest[]; readonly diagnostics: readonly Diagnostic[] } {
  const { program, registry } = analyze(source, options);
  const { diagnostics, tests } = program;
  if (diagnostics.some((d) => d.severity === "error")) throw new CompileError(diagnostics, sourceOf(program));
  const [first] = tests;
  if (first === undefined) return { tests: [], diagnostics };
  const functions = tests.flatMap((test) => [test.callable, ...test.answers.map((answer) => answer.callable)]);
  const { module, indexOf } = lower(program, first.callable, registry, functions);
  const lines = lineTable(source.text);
  const compiled = tests.map(
    ({ name, span, callable, answers }): CompiledTest => ({
      name,
      line: positionAt(lines, span.start).line,
      functionIndex: indexOf(callable),
      answers: answers.map((answer) => ({ capability: answer.capability, functionIndex: indexOf(answer.callable) })),
    }),
  );
  return { module, tests: compiled, diagnostics };
}

function lower(program: CheckedProgram, entry: Callable, registry: CapabilityRegistry, more: readonly Callable[]): Lowered {
  try {
    return lowerProgram(program, entry, registry, more);
  } catch (error) {
    if (!(error instanceof ProgramTooLarge)) throw error;
    throw new CompileError([...program.diagnostics, ...tooLarge(error)], sourceOf(program));
  }
}

/** At the function, in its own file. */
function tooLarge({ callable, what }: ProgramTooLarge): readonly Diagnostic[] {
  const late = new Diagnostics(callable.file.name);
  const span = callable.item?.name.span ?? callable.body?.value.span ?? { start: 0, end: 0 };
  late.error("E015", span, `\`${callable.name}\` is too large: ${what}`, { help: "split it into several functions" });
  return late.sorted();
}

/** One error more than the program's own diagnostics. */
function refuse(program: CheckedProgram, code: DiagnosticCode, span: Span, message: string, more: { readonly help?: string } = {}): never {
  const late = new Diagnostics(program.root.name);
  late.error(code, span, message, more);
  throw new CompileError([...program.diagnostics, ...late.sorted()], sourceOf(program));
}
