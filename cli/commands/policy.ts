import { checkProgramPolicy, policyCheckJson, policyCheckLines, refusesCall } from "../../analysis/check.ts";
import { changeLines, needsReview, policyChanges } from "../../analysis/policy-diff.ts";
import { programChanges, programChangesJson, programChangeText } from "../../analysis/program-diff.ts";
import { findEffects } from "../../analysis/effects.ts";
import { suggestionJson, suggestionLines } from "../../analysis/suggestion-report.ts";
import { checkFunctions, type CheckedFunctions, compileWithFunctions } from "../../compiler/compile.ts";
import { loadCheckedPolicy, loadPolicy } from "../../policy/load.ts";
import { policyHash, policyToJson } from "../../policy/policy.ts";
import { jsonToJs } from "../../vm/json/js-interop.ts";
import { readLog, type RunLog } from "../../replay/log/log-reader.ts";
import { recordedRegistry } from "../../replay/replay.ts";
import { openSources, type ProgramSources } from "../../runtime/sources.ts";
import { suggestPolicy } from "../../runtime/suggest.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import type { CapabilityRegistry } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT, OUTCOMES } from "../../vm/outcome.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import { withFlagNames } from "../hints.ts";
import { isModuleFile } from "../load.ts";
import { type Progress, withProgress } from "../progress.ts";
import type { CommandSession } from "../session.ts";
import { withoutControlCharacters, printJson, toPlainObject } from "../terminal.ts";

export async function policyValidateCommand({ terminal, json }: CommandSession, file: string, flags: CapabilityFlags): Promise<number> {
  const { policy, warnings } = loadCheckedPolicy(file, await loadRegistry(flags));
  const hash = policyHash(policy);
  if (json) {
    const warningsJson = warnings.map(({ path, message, place }) => ({ ...place, path, message }));
    printJson(terminal, { ok: true, policy_hash: hash, warnings: warningsJson });
    return EXIT.done;
  }
  for (const { path, message, place } of warnings)
    terminal.err(withoutControlCharacters(`${place.file}:${place.line}:${place.column}: warning: ${path}: ${message}`));
  terminal.err(`${file}: ok, ${hash}`);
  return EXIT.done;
}

export async function policyShowCommand({ terminal, json }: CommandSession, file: string, flags: CapabilityFlags): Promise<number> {
  const policy = loadPolicy(file, await loadRegistry(flags));
  const policyData = jsonToJs(policyToJson(policy));
  if (json) printJson(terminal, { policy: policyData, policy_hash: policyHash(policy) });
  else terminal.out(JSON.stringify(policyData, null, 2));
  return EXIT.done;
}

/** The options of `boruna policy check`, which `command-table.ts` explains. */
export interface PolicyCheckFlags extends CapabilityFlags {
  readonly program?: string;
  readonly policy?: string;
}

export async function policyCheckCommand(session: CommandSession, flags: PolicyCheckFlags): Promise<number> {
  const { terminal, json } = session;
  const registry = await loadRegistry(flags);
  if (flags.program === undefined)
    throw new BorunaError("usage", "no program is named", { hint: "boruna policy check --program app.ax --policy policy.json" });
  const policy = flags.policy === undefined ? undefined : loadPolicy(flags.policy, registry);
  const check = checkProgramPolicy(loadFunctions(session, flags.program, registry), policy, registry);
  if (json) printJson(terminal, toPlainObject(policyCheckJson(check)));
  else for (const line of policyCheckLines(check)) terminal.out(withoutControlCharacters(withFlagNames(line)));
  return refusesCall(check) ? EXIT.failed : EXIT.done;
}

/** The options of `boruna policy diff`, which `command-table.ts` explains. */
export interface PolicyDiffFlags extends CapabilityFlags {
  readonly program?: boolean;
}

/** Compares two policies, or with `--program` two programs. Exits with 1 if the second allows more, or may do more. */
export async function policyDiffCommand(session: CommandSession, before: string, after: string, flags: PolicyDiffFlags): Promise<number> {
  const registry = await loadRegistry(flags);
  if (flags.program !== true) {
    const changes = policyChanges(loadPolicy(before, registry), loadPolicy(after, registry), registry);
    return printChanges(session, changes, changes);
  }
  const changes = programChanges(loadFunctions(session, before, registry), loadFunctions(session, after, registry), registry);
  const lines = changes.map((change) => ({ ...change, text: programChangeText(change) }));
  return printChanges(session, lines, jsonToJs(programChangesJson(changes)));
}

function printChanges({ terminal, json }: CommandSession, changes: Parameters<typeof changeLines>[0], changesJson: unknown): number {
  const isRefused = changes.some(needsReview);
  if (json) printJson(terminal, { ok: !isRefused, changes: changesJson });
  else {
    for (const line of changeLines(changes)) terminal.out(withoutControlCharacters(line));
    terminal.err(summaryOf(changes));
  }
  return isRefused ? EXIT.failed : EXIT.done;
}

function summaryOf(changes: Parameters<typeof changeLines>[0]): string {
  if (changes.some(({ direction }) => direction === "grows")) return "the authority grows";
  if (changes.some(needsReview)) return "the authority may grow";
  return changes.length === 0 ? "the authority is the same" : "the authority does not grow";
}

/** Loads the checked functions of a program, for analyses. Throws `usage`, `io_error`, `CompileError`. */
function loadFunctions(session: CommandSession, path: string, registry: CapabilityRegistry): CheckedFunctions {
  const { source, resolve } = openProgram(session, path);
  return checkFunctions(source, { resolve, registry });
}

function openProgram(session: CommandSession, path: string): ProgramSources {
  if (isModuleFile(path))
    throw new BorunaError("usage", `${path} is a module, and this command reads source`, {
      hint: "Give the .ax file that it was compiled from.",
    });
  const sources = openSources(path);
  session.sourceOf = sources.textOf;
  return sources;
}

/** The options of `boruna policy suggest`, which `command-table.ts` explains. */
export interface PolicySuggestFlags {
  readonly program?: string;
}

/** Prints the suggested policy on stdout, and the evidence for each rule on stderr. Exits with 5 if a log does not pass under it. */
export async function policySuggestCommand(session: CommandSession, files: readonly string[], flags: PolicySuggestFlags): Promise<number> {
  return withProgress(session, "policy suggest", (progress) => suggest(session, files, flags, progress));
}

async function suggest(session: CommandSession, files: readonly string[], flags: PolicySuggestFlags, progress: Progress): Promise<number> {
  const { terminal, json } = session;
  const logs = files.map((file) => readRunLog(file, progress));
  const [first] = logs;
  if (flags.program === undefined || first === undefined)
    throw new BorunaError("usage", "no program is named", { hint: "boruna policy suggest run.jsonl --program app.ax" });
  const registry = recordedRegistry(first);
  const { source, resolve } = openProgram(session, flags.program);
  const { module, ...functions } = compileWithFunctions(source, { resolve, registry });
  const effects = findEffects(functions, registry);
  const suggestion = await suggestPolicy(logs, verifyModule(module, registry), effects);
  const isProven = suggestion.proofs.every(({ holds }) => holds);
  if (json) printJson(terminal, { ok: isProven, ...toPlainObject(suggestionJson(suggestion)) });
  else {
    for (const line of suggestionLines(suggestion)) terminal.err(withoutControlCharacters(line));
    terminal.out(JSON.stringify(jsonToJs(suggestion.file), null, 2));
  }
  return isProven ? EXIT.done : OUTCOMES.divergence.exitCode;
}

function readRunLog(file: string, progress: Progress): RunLog {
  const log = readLog(file, {}, progress.reading(file));
  if (log.format === "log") return log;
  throw new BorunaError("usage", `${file} is an event log, which has no policy and no program`, { hint: "Record the run with --record." });
}
