/** The tools that compile or run a program. Each call runs in its own thread (`thread.ts`). */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkProgramPolicy } from "../analysis/check.ts";
import { check, type CheckedFunctions, checkFunctions, compile } from "../compiler/compile.ts";
import { type Diagnostic, diagnosticToJson } from "../compiler/diagnostics.ts";
import type { CallEnd } from "../gateway/observers.ts";
import { narrowPolicy, type Policy, policyFromJson } from "../policy/policy.ts";
import { logEntries, recordedTypes } from "../replay/entries.ts";
import { loadEnd } from "../replay/log/end-record.ts";
import { type ParsedLog, readLog } from "../replay/log/log-reader.ts";
import { replayRun } from "../replay/replay.ts";
import { replayJson } from "../replay/report/replay-report.ts";
import { entryJson, runJson, withShortValues } from "../replay/report/log-table.ts";
import { execute, type Execution, type RunOptions } from "../runtime/execute.ts";
import { executionJson } from "../runtime/execution-json.ts";
import { openSources, type ProgramSources } from "../runtime/sources.ts";
import type { IncomingContext } from "../telemetry/context.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError } from "../vm/error.ts";
import { canonicalJson, isJsonObject, parseJson } from "../vm/json/json.ts";
import { jsonToJs } from "../vm/json/js-interop.ts";
import { valueToTypedJson } from "../vm/json/typed-json.ts";
import { LIMITS, type Limits } from "../vm/limits.ts";
import { cutBeforePair, utf8Length } from "../vm/value/utf8.ts";
import { DEFAULT_RESULT_BYTES, DEFAULT_WALL_MS, listArg, type McpSettings, numberArg, objectArg, textArg } from "./settings.ts";
import type { ToolAnswer, ToolArgs } from "./settings.ts";
import { readToolModule } from "./tool-search.ts";

/** What a tool gets from its thread. */
export interface ToolContext {
  readonly settings: McpSettings;
  /** Aborts when the client cancels. */
  readonly signal: AbortSignal;
  /** Receives each capability call of the program at the call's end, for progress messages. */
  readonly onCall: (call: CallEnd) => void;
  readonly tracing: Tracing | undefined;
  readonly caller: IncomingContext;
  /** The capabilities of programs: the built-in ones, and the imported tools. */
  readonly registry: CapabilityRegistry;
}

type ProgramTool = (args: ToolArgs, context: ToolContext) => Promise<ToolAnswer> | ToolAnswer;

/** The function that answers each tool. It throws `BorunaError` for arguments that fit the tool's schema but are not valid. */
export const PROGRAM_TOOLS: ReadonlyMap<string, ProgramTool> = new Map<string, ProgramTool>([
  [
    "boruna_check",
    (args, context) => withSources(args, context, (sources) => checkAnswer(sources, policyFor(args, context), context.registry)),
  ],
  ["boruna_run", (args, context) => withSources(args, context, (sources) => runAnswer(sources, args, context))],
  ["boruna_replay", (args, context) => replayAnswer(args, context)],
  ["boruna_log_show", (args, { settings }) => logAnswer(args, settings)],
]);

const MAIN_FILE = "main.ax";

/** Writes the files into a temporary folder, so that the compiler's rules for imports apply. Removes the folder afterwards. */
async function withSources<T>(args: ToolArgs, { settings }: ToolContext, body: (sources: ProgramSources) => Promise<T> | T): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "boruna-mcp-"));
  try {
    // `libs` marks the folder as the root of a project, so imports cannot leave it.
    mkdirSync(join(folder, "libs"));
    for (const { file, text } of settings.tools.map(readToolModule)) writeFileSync(join(folder, file), text);
    for (const [path, text] of Object.entries(objectArg(args, "files") ?? {})) writeSource(folder, path, String(text));
    writeSource(folder, MAIN_FILE, textArg(args, "source") ?? "");
    return await body(openSources(join(folder, MAIN_FILE)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function writeSource(folder: string, path: string, text: string): void {
  if (!/^(?:[A-Za-z0-9_-]{1,64}\/){0,8}[A-Za-z0-9_-]{1,64}\.ax$/.test(path)) {
    throw new BorunaError("usage", `files[${JSON.stringify(path.slice(0, 80))}]: expected a relative path such as lib/dates.ax`, {
      hint: "letters, digits, _ and -, at most eight folders, and the ending .ax",
    });
  }
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

/** Returns the operator's policy, narrowed by the caller's argument `allow`. Throws `policy.*`. */
function policyFor(args: ToolArgs, { settings, registry }: ToolContext): Policy {
  const policy = policyFromJson(parseJson(settings.policy));
  const allow = listArg(args, "allow");
  return allow === undefined ? policy : narrowPolicy(policy, allow, registry);
}

function checkAnswer({ source, resolve }: ProgramSources, policy: Policy, registry: CapabilityRegistry): ToolAnswer {
  const { ok, diagnostics, sourceOf } = check(source, { resolve, registry });
  const shown = diagnosticsJson(diagnostics, sourceOf);
  if (!ok) return { ok, diagnostics: shown };
  return { ok, diagnostics: shown, calls: callsJson(checkFunctions(source, { resolve, registry }), policy, registry) };
}

const MAX_DIAGNOSTICS = 50;

const diagnosticsJson = (diagnostics: readonly Diagnostic[], sourceOf: (name: string) => string | undefined): readonly unknown[] =>
  diagnostics.slice(0, MAX_DIAGNOSTICS).map((diagnostic) => diagnosticToJson(diagnostic, sourceOf));

const MAX_CALLS = 100;

/** Returns what the policy decides about each call of the program, as far as that is known before a run. */
function callsJson(program: CheckedFunctions, policy: Policy, registry: CapabilityRegistry): readonly unknown[] {
  const { calls } = checkProgramPolicy(program, policy, registry);
  return calls.slice(0, MAX_CALLS).map(({ call, judgement }) => ({
    capability: call.capability.name,
    place: { file: call.place.file, line: call.place.line, column: call.place.column },
    verdict: judgement?.verdict ?? "never_reached",
    reasons: (judgement?.reasons ?? []).map(({ rule, reason }) => ({ rule, reason })),
  }));
}

async function runAnswer(sources: ProgramSources, args: ToolArgs, context: ToolContext): Promise<ToolAnswer> {
  const { source, resolve } = sources;
  const { settings, signal, onCall, tracing, caller, registry } = context;
  const checked = check(source, { resolve, registry });
  if (!checked.ok) return { ok: false, diagnostics: diagnosticsJson(checked.diagnostics, checked.sourceOf) };
  const policy = policyFor(args, context);
  const live = args["live"] === true;
  if (live && !settings.live)
    throw new BorunaError("usage", "the operator of this server allowed no real calls", { hint: "leave out live: mocks answer" });
  const log = `${randomUUID()}.jsonl`;
  const options: RunOptions = {
    policy,
    registry,
    live,
    args: objectArg(args, "args") ?? {},
    inputs: objectArg(args, "inputs") ?? {},
    limits: limitsFor(args, policy),
    record: join(settings.logs, log),
    outputSchema: args["output_schema"],
    signal,
    tracing: tracing ?? false,
    ...caller,
    on: { callEnd: onCall },
  };
  const execution = await execute(compile(source, { resolve, registry }), options);
  return runJsonWithin(execution, log, numberArg(args, "max_result_bytes") ?? DEFAULT_RESULT_BYTES);
}

/** Returns the limits of a run. The caller can only lower those of the policy. */
function limitsFor(args: ToolArgs, { limits }: Policy): Partial<Limits> {
  const wanted = objectArg(args, "limits") ?? {};
  const lower = (name: "max_steps" | "max_alloc_bytes" | "max_wall_ms", most: number): number => {
    const limit = Math.min(numberArg(wanted, name) ?? most, LIMITS[name].max);
    // A wall-clock limit of 0 is no limit.
    return name === "max_wall_ms" && limit === 0 ? most : Math.min(limit, most);
  };
  return {
    max_steps: lower("max_steps", limits.max_steps),
    max_alloc_bytes: lower("max_alloc_bytes", limits.max_alloc_bytes),
    max_wall_ms: lower("max_wall_ms", limits.max_wall_ms === 0 ? DEFAULT_WALL_MS : limits.max_wall_ms),
  };
}

/** Maximum UTF-16 code units of each text of an error. */
const MAX_MESSAGE_CHARS = 2_000;

/** Returns the answer of a run. Of the members that may be long, leaves out the largest until the rest of them has at most `maxBytes`. */
function runJsonWithin(execution: Execution, log: string, maxBytes: number): ToolAnswer {
  const { text: _, display: __, error, ...json } = executionJson(execution);
  const cutText = (text: unknown): unknown =>
    typeof text === "string" && text.length > MAX_MESSAGE_CHARS ? `${text.slice(0, MAX_MESSAGE_CHARS)}…` : text;
  const shortError =
    typeof error === "object" && error !== null ? Object.fromEntries(Object.entries(error).map(([k, v]) => [k, cutText(v)])) : null;
  const answer: Record<string, unknown> = { ...json, log, error: shortError };
  const sizes = (["value", "ui", "suspended", "actor_failures"] as const)
    .map((name) => ({ name, bytes: answer[name] === undefined ? 0 : utf8Length(JSON.stringify(answer[name])) }))
    .toSorted((a, b) => b.bytes - a.bytes);
  let total = sizes.reduce((sum, { bytes }) => sum + bytes, 0);
  const cut: string[] = [];
  let cutBytes = 0;
  for (const { name, bytes } of sizes) {
    if (total <= maxBytes) break;
    answer[name] = name === "value" ? null : undefined;
    cut.push(name);
    total -= bytes;
    cutBytes += bytes;
  }
  return cut.length === 0 ? answer : { ...answer, cut: { members: cut, bytes: cutBytes, max_result_bytes: maxBytes } };
}

/** Returns the path of a log. Throws `usage` for a name that `boruna_run` did not make. */
function logPath(args: ToolArgs, settings: McpSettings): string {
  const name = textArg(args, "log") ?? "";
  if (!/^[A-Za-z0-9_-]{1,128}\.jsonl$/.test(name))
    throw new BorunaError("usage", `there is no log ${JSON.stringify(name.slice(0, 80))}`, {
      hint: "boruna_run names the log of each run",
    });
  return join(settings.logs, name);
}

/** Reads a log. An error message names the log as the caller did, not by its path in the operator's folder. */
function openLog(args: ToolArgs, settings: McpSettings): ParsedLog {
  const path = logPath(args, settings);
  try {
    return readLog(path);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    throw new BorunaError(error.kind, error.message.replaceAll(path, textArg(args, "log") ?? ""), { hint: error.hint });
  }
}

async function replayAnswer(args: ToolArgs, { settings, signal, tracing, caller }: ToolContext): Promise<ToolAnswer> {
  const report = await replayRun(openLog(args, settings), {
    limits: { max_wall_ms: DEFAULT_WALL_MS },
    signal,
    tracing: tracing ?? false,
    ...caller,
  });
  const json = replayJson(report);
  return isJsonObject(json) ? Object.fromEntries([...json].map(([name, data]) => [name, jsonToJs(data)])) : {};
}

function logAnswer(args: ToolArgs, settings: McpSettings): ToolAnswer {
  const log = openLog(args, settings);
  const maxBytes = numberArg(args, "max_result_bytes") ?? DEFAULT_RESULT_BYTES;
  const types = recordedTypes(log);
  if (args["value"] === true) return valuePart(log, numberArg(args, "start") ?? 0, maxBytes);
  const only = numberArg(args, "call");
  const from = only ?? numberArg(args, "from") ?? 1;
  const calls: unknown[] = [];
  let bytes = 0;
  for (const entry of logEntries(log)) {
    if (entry.type === "event" || entry.call < from) continue;
    const json = jsonToJs(entryJson(withShortValues({ ...entry, place: undefined }, log.blobs), types));
    bytes += utf8Length(JSON.stringify(json));
    if (bytes > maxBytes && calls.length > 0) return { ...runOf(log), calls, next: entry.call };
    calls.push(bytes > maxBytes ? { call: entry.call, capability: entry.capability, bytes, note: "longer than max_result_bytes" } : json);
    if (only !== undefined) break;
  }
  return { ...runOf(log), calls };
}

/** Members of `runJson` that are always short. */
const SHORT_MEMBERS = ["run_id", "program", "policy_hash", "mode", "events", "outcome", "steps", "alloc_bytes"];

function runOf(log: ParsedLog): ToolAnswer {
  const json = runJson(log, recordedTypes(log));
  const members = isJsonObject(json) ? [...json].filter(([name]) => SHORT_MEMBERS.includes(name)) : [];
  return { run: Object.fromEntries(members.map(([name, data]) => [name, jsonToJs(data)])) };
}

/** Returns at most `maxBytes` bytes of the value's JSON in UTF-8, from the UTF-16 code unit `start`. Throws `usage` if the run has no value. */
function valuePart(log: ParsedLog, start: number, maxBytes: number): ToolAnswer {
  const end = log.format === "eventlog" || log.end === undefined ? undefined : loadEnd(log.end, log.blobs);
  if (end?.value === undefined) throw new BorunaError("usage", "this run has no value", { hint: "without value, its calls are listed" });
  const text = canonicalJson(valueToTypedJson(end.value, undefined, recordedTypes(log)));
  const from = cutBeforePair(text, start);
  const rest = text.slice(from);
  // `encodeInto` stops before the first character that does not fit.
  const { read } = new TextEncoder().encodeInto(rest, new Uint8Array(maxBytes));
  const part = { value_json: rest.slice(0, read), value_length: text.length };
  return read === rest.length ? part : { ...part, next: from + read };
}
