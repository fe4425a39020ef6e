/**
 * The compiler turns source text into diagnostics and a module. It does not read files: the option `resolve` supplies imports.
 *
 *     stage                             result            described in
 *
 *                                       source text       source.ts
 *     load-units.ts: finds imports
 *     lexer.ts: splits the text         tokens            tokens.ts
 *     parser/: builds the tree          syntax tree       ast.ts
 *     declare.ts: declares items        declarations      scope.ts, check-types.ts
 *     check/: resolves names, infers    checked program   check/program.ts
 *       types, checks matches             and its IR      ir.ts
 *       (exhaustive.ts) and effect
 *       rows (effect-rows.ts)
 *     lower/: emits instructions        module            vm/bytecode/module.ts
 *
 * Every stage reports to the `Diagnostics` of the file it works on and continues, so that one run shows many mistakes. A
 * section of the text with a syntax error (`parser/sections.ts`) is not checked, and nothing is lowered if there is any error.
 * `incremental/` repeats the stages up to checking for what an edit has changed. `format/` needs only the lexer and the parser.
 */
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
  /**
   * Finds imported files. By default, the functions that the package exports find the shipped libraries but no files; those of this
   * directory find nothing.
   */
  readonly resolve?: Resolver | undefined;
  /** The capabilities that programs may name; by default the built-in ones. */
  readonly registry?: CapabilityRegistry | undefined;
}

export interface CheckResult {
  readonly ok: boolean;
  readonly diagnostics: readonly Diagnostic[];
  /** Returns the text of a file of the program. `file` is its name in a diagnostic. */
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

/**
 * Returns all diagnostics of a program or library, including an error if a part is too large for the module format. Never
 * throws because of mistakes in the source.
 */
export function check(source: SourceFile, options: CompileOptions = {}): CheckResult {
  const { program, registry } = analyze(source, options);
  const errorFree = program.diagnostics.every((d) => d.severity !== "error");
  const tooLarge = errorFree ? checkModuleLimits(program, registry) : [];
  return { ok: errorFree && tooLarge.length === 0, diagnostics: [...program.diagnostics, ...tooLarge], sourceOf: sourceOf(program) };
}

const testFunctions = ({ tests }: CheckedProgram): readonly Callable[] =>
  tests.flatMap((test) => [test.callable, ...test.answers.map((answer) => answer.callable)]);

/** Lowers all functions and tests of the root file and drops the module. Returns E015 if a part is too large for the module format. */
function checkModuleLimits(program: CheckedProgram, registry: CapabilityRegistry): readonly Diagnostic[] {
  const tests = testFunctions(program);
  const [first] = [...program.functions, ...tests];
  if (first === undefined) return [];
  try {
    lowerProgram(program, first, registry, tests);
    return [];
  } catch (error) {
    if (!(error instanceof ProgramTooLarge)) throw error;
    return tooLargeDiagnostics(error);
  }
}

/** Compiles a program to a module with `main` as its entry, and returns its warnings. Throws `CompileError`. */
export function compile(
  source: SourceFile,
  options: CompileOptions = {},
): { readonly module: Module; readonly diagnostics: readonly Diagnostic[] } {
  const { program, main, registry } = withMain(source, options);
  return { module: lower(program, main, registry, []).module, diagnostics: program.diagnostics };
}

/** The checked functions of a program, for analyses that need no module. */
export interface CheckedFunctions {
  readonly main: Callable;
  /** The functions that the program's own files declare, `main` included. */
  readonly functions: readonly Callable[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Checks a program as `compile` does, and returns its functions. Throws `CompileError`. */
export function checkFunctions(source: SourceFile, options: CompileOptions = {}): CheckedFunctions {
  return functionsOf(withMain(source, options));
}

/** Does what `compile` and `checkFunctions` do. Throws `CompileError`. */
export function compileWithFunctions(source: SourceFile, options: CompileOptions = {}): CheckedFunctions & { readonly module: Module } {
  const checked = withMain(source, options);
  const { module } = lower(checked.program, checked.main, checked.registry, []);
  return { ...functionsOf(checked), module };
}

function functionsOf({ program, main }: ReturnType<typeof withMain>): CheckedFunctions {
  const own = program.units.filter(({ name }) => !name.startsWith("std/"));
  const functions = own.flatMap((unit) => [...unit.functions.values()].filter(({ file }) => file === unit));
  return { main, functions, diagnostics: program.diagnostics };
}

/** Checks a program that has a `main`. Throws `CompileError`. */
function withMain(source: SourceFile, options: CompileOptions): ReturnType<typeof analyze> & { readonly main: Callable } {
  const { program, registry } = analyze(source, options);
  if (program.diagnostics.some((d) => d.severity === "error")) throw new CompileError(program.diagnostics, sourceOf(program));
  const main = program.root.functions.get("main");
  if (main === undefined || !program.functions.includes(main)) {
    return failCompile(program, "E004", { start: 0, end: 0 }, "there is no function `main`", {
      help: "a program starts at `main`: `fn main() -> Int { 0 }`; check a library with `boruna check`",
    });
  }
  if (main.typeParams.length > 0)
    return failCompile(program, "E014", main.item?.name.span ?? { start: 0, end: 0 }, "`main` cannot have type parameters");
  return { program, main, registry };
}

/** A `test` block of the root file, compiled to a function of the module. */
export interface CompiledTest {
  readonly name: string;
  /** The line of the test's name, counted from 1. */
  readonly line: number;
  /** The function that runs the test. It has no parameters and returns Unit. */
  readonly functionIndex: number;
  /**
   * The `answer` statements of the test, in source order. Each is compiled to a pure function that takes all parameters of one
   * signature of the capability.
   */
  readonly answers: readonly { readonly capability: string; readonly functionIndex: number }[];
}

/**
 * Compiles the tests of a program or library to one module, whose entry is the first test. If there are no tests, `module`
 * is absent. Throws `CompileError`.
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
  const { module, indexOf } = lower(program, first.callable, registry, testFunctions(program));
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

/** Lowers the program and the `additional` functions of its tests. Throws `CompileError` if a part is too large for the module format. */
function lower(program: CheckedProgram, entry: Callable, registry: CapabilityRegistry, additional: readonly Callable[]): Lowered {
  try {
    return lowerProgram(program, entry, registry, additional);
  } catch (error) {
    if (!(error instanceof ProgramTooLarge)) throw error;
    throw new CompileError([...program.diagnostics, ...tooLargeDiagnostics(error)], sourceOf(program));
  }
}

/** Returns E015 with the span of the function, in the file that declares the function. */
function tooLargeDiagnostics({ callable, excess }: ProgramTooLarge): readonly Diagnostic[] {
  const diagnostics = new Diagnostics(callable.file.name);
  const span = callable.item?.name.span ?? callable.body?.value.span ?? { start: 0, end: 0 };
  diagnostics.error("E015", span, `\`${callable.name}\` is too large: ${excess}`, { help: "split it into several functions" });
  return diagnostics.sorted();
}

/** Throws a `CompileError` with the program's diagnostics and one more error in the root file. */
function failCompile(
  program: CheckedProgram,
  code: DiagnosticCode,
  span: Span,
  message: string,
  extras: { readonly help?: string } = {},
): never {
  const diagnostics = new Diagnostics(program.root.name);
  diagnostics.error(code, span, message, extras);
  throw new CompileError([...program.diagnostics, ...diagnostics.sorted()], sourceOf(program));
}
