/** The programs of a pool, in the form in which they are sent to workers. */
import type { Diagnostic } from "../../compiler/diagnostics.ts";
import type { SourceFile } from "../../compiler/source.ts";
import { encodeModule } from "../../vm/bytecode/codec.ts";
import type { Module, TypeDef } from "../../vm/bytecode/module.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { BUILTIN_REGISTRY, type CapabilityRegistry, registryOf } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, isJsonArray, parseJson } from "../../vm/json/json.ts";
import { memoizePerObject } from "../../vm/lazy.ts";
import { declarationToJson, declareCapability } from "../../vm/own-capabilities.ts";
import type { Runnable } from "../execute.ts";

/** A program of a pool. The workers know it by its `id`. */
export interface PoolProgram {
  readonly id: number;
  /** The bytes of the module, with debug information. */
  readonly module: Uint8Array;
  readonly registry: CapabilityRegistry;
  readonly types: readonly TypeDef[];
  /** Undefined if a worker has compiled the program from source text. */
  readonly program: Program | undefined;
  /** The warnings of the compiler, if a worker has compiled the program from source text. */
  readonly diagnostics: readonly Diagnostic[] | undefined;
}

let programs = 0;

/** Gives a program its id. */
export function newProgram(parts: Omit<PoolProgram, "id">): PoolProgram {
  programs += 1;
  return { ...parts, id: programs };
}

/** Encodes a verified program for the pool, once for each program. */
const verifiedProgram = memoizePerObject((program: Program): PoolProgram => {
  const { module, registry } = program;
  const bytes = encodeModule(module, { debug: true, registry });
  return newProgram({ module: bytes, registry, types: module.types, program, diagnostics: undefined });
});

/** Verified programs by registry and module, so that a module is verified once. */
const verifiedProgramsOf = memoizePerObject((registry: CapabilityRegistry) =>
  memoizePerObject((module: Module) => verifyModule(module, registry)),
);

/** Returns the program for the pool. Verifies a module that is not verified yet. Throws `module.*`. */
export function programOf(runnable: Runnable, registry: CapabilityRegistry): PoolProgram {
  if ("moduleHash" in runnable) return verifiedProgram(runnable);
  return verifiedProgram(verifiedProgramsOf(registry)("module" in runnable ? runnable.module : runnable));
}

export const isSource = (runnable: Runnable | SourceFile): runnable is SourceFile => "text" in runnable;

/** Checks a source text that the embedder gave. Throws `usage`. */
export function checkSource({ name, text }: { readonly name: unknown; readonly text: unknown }): void {
  if (typeof name === "string" && typeof text === "string") return;
  throw new BorunaError("usage", "the program: expected { name, text }, two texts, or a program");
}

/** Returns the declarations of a registry's own capabilities as text, for a worker. The text is in an object, because only objects are cached. */
export const registryToText = memoizePerObject((registry: CapabilityRegistry) => ({
  text: canonicalJson(registry.own.map(declarationToJson)),
}));

/** Reads what `registryToText` returned. */
export function registryFromText(text: string): CapabilityRegistry {
  const declarations = parseJson(text);
  const own = isJsonArray(declarations) ? declarations.map(declareCapability) : [];
  return own.length === 0 ? BUILTIN_REGISTRY : registryOf(own);
}
