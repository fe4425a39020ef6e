/**
 * The upgrade check: replays recorded runs under this version of Boruna, with their own program or with a new version of it. Reports for
 * each run whether it still does the same.
 */
import { type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Program } from "../vm/bytecode/program.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import type { EngineChoice } from "../vm/compiled/engine.ts";
import { BorunaError } from "../vm/error.ts";
import { EXIT, OUTCOMES } from "../vm/outcome.ts";
import { compareUtf8 } from "../vm/value/utf8.ts";
import { toIoError } from "./log/files.ts";
import { isLog } from "./log/log-file.ts";
import { type ParsedLog, readLog } from "./log/log-reader.ts";
import { recordedRegistry, type ReplayOptions, replayRun } from "./replay.ts";
import type { OnRead } from "./log/log-source.ts";
import type { Divergence } from "./report/divergence.ts";

/**
 * - `same`: every event is equal, and the end record, if the log has one;
 * - `diverges`: the events before that of `divergence` are equal;
 * - `fails`: the log cannot be read, or the program cannot be run with it.
 */
export type UpgradeVerdict = "same" | "diverges" | "fails";

export interface CheckedRun {
  readonly log: string;
  readonly engine: EngineChoice;
  readonly verdict: UpgradeVerdict;
  readonly runId: string | undefined;
  /** The name of the recorded program. */
  readonly program: string | undefined;
  /** Number of events that are equal. */
  readonly events: number;
  readonly divergence: Divergence | undefined;
  readonly error: { readonly kind: string; readonly message: string; readonly hint: string | undefined } | undefined;
  /** Remarks, one sentence each, such as that the log has no end record. */
  readonly notes: readonly string[];
}

export interface UpgradeSummary {
  /** Number of runs with each verdict. A log that is checked on two engines counts twice. */
  readonly counts: Readonly<Record<UpgradeVerdict, number>>;
  /** 5 if a run diverges, else 1 if a run fails, else 0. If the check was canceled, the exit code of `canceled`. */
  readonly exitCode: number;
}

export interface UpgradeOptions extends Pick<ReplayOptions, "limits" | "signal"> {
  /** Returns the program to run instead of the recorded one. `registry` has the capabilities that the log declares. An error ends the check. */
  readonly program?: ((registry: CapabilityRegistry) => Program) | undefined;
  /** The engines to replay each log on. Default: auto. */
  readonly engines?: readonly EngineChoice[] | undefined;
  /** Returns the callback for the reading of one log. */
  readonly onRead?: (log: string) => OnRead | undefined;
}

/** Replays the logs one after the other, and yields a result for each log and engine. */
export async function* checkUpgrade(
  logs: readonly string[],
  { engines = ["auto"], ...options }: UpgradeOptions = {},
): AsyncGenerator<CheckedRun, UpgradeSummary> {
  const counts = { same: 0, diverges: 0, fails: 0 };
  for (const log of logs) {
    for (const engine of engines) {
      if (options.signal?.aborted === true) return { counts, exitCode: OUTCOMES.canceled.exitCode };
      const run = await checkRun(log, engine, options);
      counts[run.verdict] += 1;
      yield run;
    }
  }
  return { counts, exitCode: counts.diverges > 0 ? OUTCOMES.divergence.exitCode : counts.fails > 0 ? EXIT.failed : EXIT.done };
}

async function checkRun(
  path: string,
  engine: EngineChoice,
  { program: programFor, onRead, ...options }: Omit<UpgradeOptions, "engines">,
): Promise<CheckedRun> {
  let log: ParsedLog;
  let registry: CapabilityRegistry;
  try {
    log = readLog(path, {}, onRead?.(path));
    registry = recordedRegistry(log);
  } catch (error) {
    return failedRun(path, engine, error);
  }
  const program = programFor === undefined ? {} : { program: programFor(registry) };
  try {
    const report = await replayRun(log, { ...options, ...program, engine, tracing: false });
    if (report.status === "interrupted") throw new BorunaError("log.interrupted", "the replay was canceled");
    const { runId, divergence, notes, events } = report;
    const verdict = divergence === undefined ? "same" : "diverges";
    const { name } = report.program;
    return { log: path, engine, verdict, runId, program: name, events: events.compared, divergence, error: undefined, notes };
  } catch (error) {
    return failedRun(path, engine, error);
  }
}

function failedRun(log: string, engine: EngineChoice, error: unknown): CheckedRun {
  if (!(error instanceof BorunaError) || error.kind === "internal") throw error;
  const { kind, message, hint } = error;
  const nothing = { runId: undefined, program: undefined, events: 0, divergence: undefined, notes: [] };
  return { log, engine, verdict: "fails", ...nothing, error: { kind, message, hint } };
}

/** Limits on one search for logs in a folder. */
const MAX_LOGS = 10_000;
const MAX_FILES = 1_000_000;
const MAX_DEPTH = 64;
const BLOB_FOLDER = ".blobs";

/**
 * Returns the paths of logs. Keeps each file in `paths`. Replaces a folder by every `.jsonl` and `.json` file in it and its subfolders that
 * is empty or begins like a log, sorted by path. Skips links, hidden folders, folders of blobs and `node_modules`. Throws `log.io_error`, and
 * `usage` if a folder holds no log, too many logs or too many files.
 */
export function findLogs(paths: readonly string[]): readonly string[] {
  const logs = paths.flatMap((path) => (isFolder(path) ? logsUnder(path) : [path]));
  return [...new Set(logs)];
}

/** Whether the path names a folder. False if the path does not exist. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function logsUnder(folder: string): readonly string[] {
  const logs: string[] = [];
  let entryCount = 0;
  const unvisited = [{ path: folder, depth: 0 }];
  for (let current = unvisited.pop(); current !== undefined; current = unvisited.pop()) {
    for (const entry of entriesOf(current.path)) {
      const path = join(current.path, entry.name);
      const isSkipped = entry.name.startsWith(".") || entry.name.endsWith(BLOB_FOLDER) || entry.name === "node_modules";
      if (entry.isDirectory() && !isSkipped && current.depth < MAX_DEPTH) unvisited.push({ path, depth: current.depth + 1 });
      entryCount += 1;
      if (entry.isFile() && /\.jsonl?$/.test(entry.name) && isLog(path)) logs.push(path);
      if (logs.length > MAX_LOGS || entryCount > MAX_FILES) {
        const limit = logs.length > MAX_LOGS ? `${MAX_LOGS} logs` : `${MAX_FILES} files`;
        throw new BorunaError("usage", `${folder} holds more than ${limit}`, { hint: "name a smaller folder" });
      }
    }
  }
  if (logs.length === 0) {
    throw new BorunaError("usage", `${folder} holds no log`, { hint: "a log is a .jsonl file, made by boruna run --record FILE" });
  }
  return logs.sort(compareUtf8);
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw toIoError(error, "read", folder);
  }
}
