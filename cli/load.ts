/** Loads a program from a file: compiles source text, or decodes a module, and verifies the result. */
import { compile } from "../compiler/compile.ts";
import type { Diagnostic, SourceOf } from "../compiler/diagnostics.ts";
import { readSourceStream } from "../runtime/source-text.ts";
import { openSources, type ProgramSources, readModuleFile } from "../runtime/sources.ts";
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import { decodeModule } from "../vm/bytecode/codec.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";

interface LoadedProgram {
  readonly program: Program;
  readonly warnings: readonly Diagnostic[];
}

type OnSourcesOpened = (sourceOf: SourceOf, paths: ProgramSources["paths"]) => void;

/** Whether the file holds a module, judged by its name: `.axbc` or `.json`. Any other file is source. */
export function isModuleFile(path: string): boolean {
  return /\.(axbc|json)$/.test(path);
}

/**
 * Loads a program or a module. Calls `onSourcesOpened` before it compiles, with a function that returns source text, so that error messages
 * can quote source lines. Throws `io_error`, `CompileError`, `module.*`.
 */
export function loadProgram(
  path: string,
  onSourcesOpened: OnSourcesOpened,
  registry: CapabilityRegistry = BUILTIN_REGISTRY,
): LoadedProgram {
  if (isModuleFile(path)) return { program: loadModule(path, registry), warnings: [] };
  return compileSources(openSources(path), onSourcesOpened, registry);
}

/** Like `loadProgram`, but the path `-` means the source text on stdin. */
export async function loadInput(
  path: string,
  onSourcesOpened: OnSourcesOpened,
  registry: CapabilityRegistry = BUILTIN_REGISTRY,
): Promise<LoadedProgram> {
  return path === STDIN ? compileSources(await openInput(path), onSourcesOpened, registry) : loadProgram(path, onSourcesOpened, registry);
}

function compileSources(
  { source, resolve, textOf, paths }: ProgramSources,
  onSourcesOpened: OnSourcesOpened,
  registry: CapabilityRegistry,
): LoadedProgram {
  onSourcesOpened(textOf, paths);
  const { module, diagnostics } = compile(source, { resolve, registry });
  return { program: verifyModule(module, registry), warnings: diagnostics };
}

/** The path that means stdin. */
export const STDIN = "-";
const STDIN_NAME = "<stdin>";

/** Opens a source file, or the text on stdin if the path is `-`, whose imports are relative to the working directory. Throws `io_error`. */
export async function openInput(path: string): Promise<ProgramSources> {
  return path === STDIN ? openSources(STDIN_NAME, await readSourceStream(process.stdin, STDIN_NAME)) : openSources(path);
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
