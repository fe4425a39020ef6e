import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import type { SourceOf } from "../../compiler/diagnostics.ts";
import { renderDiagnostic } from "../../compiler/render.ts";
import { removeIncompleteFile, systemErrorText } from "../../replay/log/files.ts";
import { encodeModule } from "../../vm/bytecode/codec.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import { isModuleFile, loadProgram } from "../load.ts";
import type { CommandSession } from "../session.ts";
import { printJson } from "../terminal.ts";

/** The options of `boruna compile`, which `command-table.ts` explains. */
export interface CompileFlags extends CapabilityFlags {
  readonly output?: string;
  readonly strip?: boolean;
}

export async function compileCommand(session: CommandSession, file: string, flags: CompileFlags): Promise<number> {
  const { terminal, json } = session;
  if (isModuleFile(file)) throw new BorunaError("usage", `${file} is a module already`, { hint: "`boruna inspect` shows what is in it" });
  const registry = await loadRegistry(flags);
  // Set before the program is compiled: the message of a CompileError quotes source lines.
  const onSourcesOpened = (sourceOf: SourceOf): void => {
    session.sourceOf = sourceOf;
  };
  const { program, warnings } = loadProgram(file, onSourcesOpened, registry);
  const output = flags.output ?? `${basename(file).replace(/\.ax$/, "")}.axbc`;
  const bytes = encodeModule(program.module, { debug: flags.strip !== true, registry });
  try {
    writeFileSync(output, bytes);
  } catch (error) {
    if (error instanceof Error && "syscall" in error && error.syscall === "write") removeIncompleteFile(output);
    throw new BorunaError("io_error", `cannot write ${output}: ${systemErrorText(error, "write")}`, {
      place: { file: output },
      cause: error,
    });
  }
  for (const d of warnings) terminal.err(renderDiagnostic(d, session.sourceOf, { color: terminal.color }));
  if (json) printJson(terminal, { ok: true, output, bytes: bytes.length, module_hash: program.moduleHash });
  else terminal.err(`${output}: ${bytes.length} bytes, ${program.moduleHash}`);
  return EXIT.done;
}
