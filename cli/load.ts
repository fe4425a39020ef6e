/** Loads a program from a file: compiles source text, or decodes a module, and verifies the result. */
import { compile } from "../compiler/compile.ts";
import type { Diagnostic } from "../compiler/diagnostics.ts";
import { openSources, readModuleFile } from "../runtime/sources.ts";
import { BorunaError } from "../vm/error.ts";
import { decodeModule } from "../vm/bytecode/codec.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import type { TextOf } from "./failure.ts";

export interface LoadedProgram {
  readonly program: Program;
  readonly warnings: readonly Diagnostic[];
}

/** `.axbc` and `.json` hold a module; everything else is source. */
export function isModuleFile(path: string): boolean {
  return /\.(axbc|json)$/.test(path);
}

/** Calls `useText` before compiling, so that errors can show source lines. Throws `io_error`, `CompileError`, `module.*`. */
export function loadProgram(path: string, useText: (textOf: TextOf) => void): LoadedProgram {
  if (isModuleFile(path)) return { program: loadModule(path), warnings: [] };
  const { source, resolve, textOf } = openSources(path);
  useText(textOf);
  const { module, diagnostics } = compile(source, { resolve });
  return { program: verifyModule(module), warnings: diagnostics };
}

function loadModule(path: string): Program {
  const bytes = readModuleFile(path);
  try {
    return verifyModule(decodeModule(bytes));
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError(error.kind, `${path} is not a valid module: ${error.message}`, {
      place: { ...error.place, file: path },
      hint: error.hint ?? "boruna compile makes modules; a source file has a name ending in .ax",
      cause: error,
    });
  }
}
