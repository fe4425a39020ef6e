/** The check of `boruna replay LOGS` and `boruna test --logs`: replays each log, with its own program or another one, and prints the result. */
import type { JsonData } from "../vm/json/json.ts";
import { checkedRunJson, checkedRunLines, upgradeSummaryJson, upgradeSummaryLine } from "../replay/report/upgrade-report.ts";
import { checkUpgrade, findLogs, type UpgradeOptions, type UpgradeSummary } from "../replay/upgrade.ts";
import type { OnRead } from "../replay/log/log-source.ts";
import type { Program } from "../vm/bytecode/program.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { loadProgram } from "./load.ts";
import { omitUndefined } from "./omit-undefined.ts";
import { withProgress } from "./progress.ts";
import type { CommandSession } from "./session.ts";
import { printJson, toPlainObject, withoutControlCharacters } from "./terminal.ts";

interface LogCheckOptions extends Pick<UpgradeOptions, "limits"> {
  /** The file of the program to run instead of the recorded ones. */
  readonly program?: string | undefined;
  readonly engines?: UpgradeOptions["engines"] | undefined;
}

/** The result of a check: its summary, and the JSON of each run if `--json` is given. */
export interface LogCheck {
  readonly summary: UpgradeSummary;
  readonly runs: readonly JsonData[];
}

/** Checks all logs. Without `--json`, prints each result as soon as it is there. */
export async function checkLogs(session: CommandSession, paths: readonly string[], options: LogCheckOptions): Promise<LogCheck> {
  const { terminal, json } = session;
  const logs = findLogs(paths);
  const numbers = new Map(logs.map((log, i) => [log, i + 1]));
  const { program: file, limits, engines } = options;
  const program = file === undefined ? undefined : programLoader(session, file);
  return withProgress(session, "replay", async (progress) => {
    const onRead = (log: string): OnRead | undefined => {
      progress.step(`log ${numbers.get(log)} of ${logs.length}`);
      return progress.reading(log);
    };
    const checks = checkUpgrade(logs, omitUndefined<UpgradeOptions>({ program, limits, engines, onRead }));
    const runs: JsonData[] = [];
    let next = await checks.next();
    for (; next.done !== true; next = await checks.next()) {
      if (json) runs.push(checkedRunJson(next.value));
      else for (const line of checkedRunLines(next.value)) terminal.out(withoutControlCharacters(line));
    }
    return { summary: next.value, runs };
  });
}

/** Returns a function that loads the program once for each set of capabilities. */
function programLoader(session: CommandSession, file: string): (registry: CapabilityRegistry) => Program {
  const loaded = new Map<string, Program>();
  const onSourcesOpened = (sourceOf: CommandSession["sourceOf"]): void => {
    session.sourceOf = sourceOf;
  };
  return (registry) => {
    const program = loaded.get(registry.setHash) ?? loadProgram(file, onSourcesOpened, registry).program;
    loaded.set(registry.setHash, program);
    return program;
  };
}

/** Prints the summary of a check and returns the exit code. */
export function reportLogCheck({ terminal, json }: CommandSession, check: LogCheck): number {
  if (json) printJson(terminal, logCheckJson(check));
  else terminal.out(upgradeSummaryLine(check.summary));
  return check.summary.exitCode;
}

export function logCheckJson({ summary, runs }: LogCheck): Readonly<Record<string, unknown>> {
  return { ...toPlainObject(upgradeSummaryJson(summary)), runs: runs.map(toPlainObject) };
}
