import { writeFileSync } from "node:fs";
import { basename } from "node:path";
import { renderDiagnostic } from "../../compiler/render.ts";
import { removeUnfinished, systemReason } from "../../replay/log/files.ts";
import { encodeModule } from "../../vm/bytecode/codec.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { isModuleFile, loadProgram } from "../load.ts";
import type { Session } from "../session.ts";
import { printJson } from "../terminal.ts";

export interface CompileFlags {
  readonly output?: string;
  readonly strip?: boolean;
}

export function compileCommand(session: Session, file: string, flags: CompileFlags): number {
  const { terminal, json } = session;
  if (isModuleFile(file)) throw new BorunaError("usage", `${file} is a module already`, { hint: "`boruna inspect` shows what is in it" });
  const { program, warnings } = loadProgram(file, (textOf) => {
    session.textOf = textOf;
  });
  const output = flags.output ?? `${basename(file).replace(/\.ax$/, "")}.axbc`;
  const bytes = encodeModule(program.module, { debug: flags.strip !== true });
  try {
    writeFileSync(output, bytes);
  } catch (error) {
    if (error instanceof Error && "syscall" in error && error.syscall === "write") removeUnfinished(output);
    throw new BorunaError("io_error", `cannot write ${output}: ${systemReason(error, "write")}`, { place: { file: output }, cause: error });
  }
  if (json) printJson(terminal, { ok: true, output, bytes: bytes.length, module_hash: program.moduleHash });
  else {
    for (const d of warnings) terminal.err(renderDiagnostic(d, session.textOf, { color: terminal.color }));
    terminal.err(`${output}: ${bytes.length} bytes, ${program.moduleHash}`);
  }
  return EXIT.done;
}
