/** Loads a program from a file: compiles source text, or decodes a module, and verifies the result. */
import { compile } from "../compiler/compile.ts";
import type { Diagnostic, SourceOf } from "../compiler/diagnostics.ts";
import { openSources, readModuleFile } from "../runtime/sources.ts";
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import { decodeModule } from "../vm/bytecode/codec.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";

interface LoadedProgram {
  readonly program: Program;
  readonly warnings: readonly Diagnostic[];
}

/** Whether the file holds a module, judged by its name: `.axbc` or `.json`. Any other file is source. */
export function isModuleFile(path: string): boolean {
  return /\.(axbc|json)$/.test(path);
}

/**
 * Loads a program or a module. Before compiling, passes `onSourcesOpened` a function that looks up source text, so that error
 * messages can quote source lines. Throws `io_error`, `CompileError`, `module.*`.
 */
export function loadProgram(
  path: string,
  onSourcesOpened: (sourceOf: SourceOf) => void,
  registry: CapabilityRegistry = BUILTIN_REGISTRY,
): LoadedProgram {
  if (isModuleFile(path)) return { program: loadModule(path, registry), warnings: [] };
  const { source, resolve, textOf } = openSources(path);
  onSourcesOpened(textOf);
  const { module, diagnostics } = compile(source, { resolve, registry });
  return { program: verifyModule(module, registry), warnings: diagnostics };
}

function loadModule(path: string, registry: CapabilityRegistry): Program {
  const bytes = readModuleFile(path);
  try {
    return verifyModule(decodeModule(bytes, registry), registry);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError(error.kind, `${path} is not a valid module: ${error.message}`, {
      place: { ...error.place, file: path },
      hint: error.hint ?? "boruna compile makes modules; a source file has a name ending in .ax",
      cause: error,
    });
  }
}
