/** The compiler as the package offers it. Without the option `resolve`, programs may import the shipped libraries, but no files. */
import * as compiler from "../compiler/compile.ts";
import type { CheckResult, CompiledTest, CompileOptions } from "../compiler/compile.ts";
import type { Diagnostic } from "../compiler/diagnostics.ts";
import type { SourceFile } from "../compiler/source.ts";
import type { Module } from "../vm/bytecode/module.ts";
import { resolveShipped } from "./libraries.ts";

const withLibraries = (options: CompileOptions): CompileOptions => ({ ...options, resolve: options.resolve ?? resolveShipped });

/**
 * Returns all diagnostics of a program or library, including an error if a part is too large for the module format. Never
 * throws because of mistakes in the source.
 */
export function check(source: SourceFile, options: CompileOptions = {}): CheckResult {
  return compiler.check(source, withLibraries(options));
}

/**
 * Compiles a program to a module with `main` as its entry, and returns its warnings. Throws `CompileError`. Blocks the calling thread. For
 * untrusted source, use `Pool.execute`.
 */
export function compile(
  source: SourceFile,
  options: CompileOptions = {},
): { readonly module: Module; readonly diagnostics: readonly Diagnostic[] } {
  return compiler.compile(source, withLibraries(options));
}

/**
 * Compiles the tests of a program or library to one module, whose entry is the first test. If there are no tests, `module`
 * is absent. Throws `CompileError`.
 */
export function compileTests(
  source: SourceFile,
  options: CompileOptions = {},
): { readonly module?: Module; readonly tests: readonly CompiledTest[]; readonly diagnostics: readonly Diagnostic[] } {
  return compiler.compileTests(source, withLibraries(options));
}
