/** Reads the recorded program of a log. Caches the last one, because many requests in a row need its source and types. */
import { recordedProgram } from "../replay/replay.ts";
import type { Program } from "../vm/bytecode/program.ts";
import { BorunaError } from "../vm/error.ts";
import type { LogIndex } from "./log-index.ts";

let cached: { readonly moduleHash: string; readonly blob: string; readonly file: string; readonly program: Program } | undefined;

/** Returns the program. Throws `log.*` or `module.*` if it cannot be read. */
export function recordedProgramOf(index: LogIndex): Program {
  const log = index.toRunLog();
  if (log === undefined) throw new BorunaError("log.no_program", `${index.file} has no header yet`, { place: { file: index.file } });
  const { moduleHash, moduleBlob } = log.header.program;
  const { file } = index;
  if (cached?.moduleHash === moduleHash && cached.blob === moduleBlob && cached.file === file) return cached.program;
  const program = recordedProgram(log);
  cached = { moduleHash, blob: moduleBlob, file, program };
  return program;
}
