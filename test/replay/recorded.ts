/** Runs and records programs in memory. */
import { memoryRecorder, type MemoryRecorder } from "../../replay/log/recorder.ts";
import { execute, type Execution, type RunOptions } from "../../runtime/execute.ts";
import { LOG_LIMITS } from "../../replay/log/log-limits.ts";
import { parseLog, type RunLog } from "../../replay/log/log-reader.ts";
import { memorySource } from "../../replay/log/log-source.ts";
import { replayRun, type ReplayOptions, type ReplayReport } from "../../replay/replay.ts";
import type { Program } from "../../vm/bytecode/program.ts";

/** A run with its log. */
export interface Recorded {
  readonly run: Execution;
  readonly bytes: Uint8Array;
  readonly recorder: MemoryRecorder;
}

/** Runs a program and records its log in memory. Default: allow-all and no tracing. */
export async function recorded(program: Program, options: RunOptions = {}, inlineBytes = LOG_LIMITS.inlineBytes): Promise<Recorded> {
  const made: MemoryRecorder[] = [];
  const run = await execute(program, {
    policy: "allow-all",
    tracing: false,
    ...options,
    record: (facts) => {
      const recorder = memoryRecorder(facts, { limits: { inlineBytes } });
      made.push(recorder);
      return recorder;
    },
  });
  const [recorder] = made;
  if (recorder === undefined) throw new Error("no recorder was asked for");
  return { run, bytes: recorder.bytes(), recorder };
}

/** Reads the log, or `bytes` instead of it. */
export function logOf(recording: Recorded, bytes: Uint8Array = recording.bytes): RunLog {
  const log = parseLog(memorySource(bytes, recording.recorder.blobs));
  if (log.format !== "log") throw new Error("not a run log");
  return log;
}

/** Replays the log, or `bytes` instead of it. */
export function replayed(recording: Recorded, bytes: Uint8Array = recording.bytes, options: ReplayOptions = {}): Promise<ReplayReport> {
  return replayRun(logOf(recording, bytes), { tracing: false, ...options });
}
