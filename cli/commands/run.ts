import { resolve } from "node:path";
import { renderDiagnostic } from "../../compiler/render.ts";
import type { CallEnd, Observers } from "../../gateway/observers.ts";
import { type Execution, execute, type RecordOptions, type RunOptions } from "../../runtime/execute.ts";
import type { LogFormat } from "../../replay/log/recorder.ts";
import type { EngineChoice } from "../../vm/compiled/engine.ts";
import { NAMED_POLICIES } from "../../policy/policy.ts";
import { BorunaError } from "../../vm/error.ts";
import type { RunEvent } from "../../vm/events.ts";
import type { TypeDef } from "../../vm/bytecode/module.ts";
import { jsonToJs } from "../../vm/json/js-interop.ts";
import { valueToTypedJson } from "../../vm/json/typed-json.ts";
import { terminalApprover } from "../terminal-approver.ts";
import { AuditReport } from "../audit.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import { printExecution } from "../execution-output.ts";
import { limitFromFlag, maxParallelCallsFromFlag, parseArguments, readInputs, readOutputSchema } from "../run-arguments.ts";
import { withFlagNames } from "../hints.ts";
import { readKey } from "../keys.ts";
import { loadInput, STDIN } from "../load.ts";
import { MockedCalls } from "../mocked.ts";
import { omitUndefined } from "../omit-undefined.ts";
import { type PolicyFlags, policyOf } from "../policy-flags.ts";
import type { CommandSession } from "../session.ts";
import { exitCodeOfOutcome, withTelemetry } from "../telemetry.ts";
import { withoutControlCharacters, jsonLine, type Terminal } from "../terminal.ts";

/** The options of `boruna run`, which `command-table.ts` explains. */
export interface RunFlags extends CapabilityFlags, PolicyFlags {
  readonly live?: boolean;
  readonly audit?: boolean;
  readonly arg?: readonly string[];
  readonly inputs?: string;
  readonly outputSchema?: string;
  readonly maxSteps?: string;
  readonly maxWallMs?: string;
  readonly maxParallelCalls?: string;
  readonly record?: string;
  readonly runId?: string;
  readonly format?: string;
  readonly force?: boolean;
  readonly durable?: boolean;
  readonly sign?: string;
  readonly redactable?: boolean;
  readonly engine?: EngineChoice;
  readonly trace?: boolean;
  readonly explain?: boolean;
  readonly ui?: string;
  readonly traceparent?: string;
  readonly watch?: boolean;
}

function formatOf(text: string | undefined): LogFormat {
  if (text === undefined || text === "log") return "log";
  if (text === "eventlog") return "eventlog";
  throw new BorunaError("usage", `--format ${text}: expected log or eventlog`);
}

function printDecision(terminal: Terminal, call: CallEnd): void {
  const decision = call.rule === undefined ? "" : `${call.reason ?? ""} [${call.rule}]`;
  // If the policy allowed the call but its handler refused or failed it, the handler's message is the explanation.
  const explanation = call.outcome === "ok" || call.message === undefined || call.message === call.reason ? decision : call.message;
  const budgetText = call.budgetRemaining === undefined ? "" : `, ${call.budgetRemaining} left`;
  terminal.err(
    withoutControlCharacters(`call ${call.call} ${call.capability}: ${call.outcome}${budgetText}: ${withFlagNames(explanation)}`),
  );
}

function observers(
  terminal: Terminal,
  flags: RunFlags,
  mockedCalls: MockedCalls | undefined,
  uiPrinter: TreePrinter | undefined,
  audit: AuditReport | undefined,
  decisions: Readonly<Record<string, unknown>>[],
): Observers {
  const needsCallEnd = mockedCalls !== undefined || flags.explain === true || audit !== undefined;
  const callEnd = (call: CallEnd): void => {
    mockedCalls?.end(call);
    audit?.end(call);
    if (call.audit !== undefined) decisions.push({ call: call.call, capability: call.capability, ...call.audit });
    if (flags.explain === true) printDecision(terminal, call);
  };
  return omitUndefined<Observers>({
    eventAppended: uiPrinter?.observe,
    callStart: mockedCalls === undefined ? undefined : (call) => mockedCalls.start(call),
    callEnd: needsCallEnd ? callEnd : undefined,
  });
}

interface TreePrinter {
  readonly observe: (event: RunEvent) => void;
  /** Call it after the run. Throws if a value could not be printed: `observe` cannot throw, because an observer cannot end a run. */
  throwIfFailed(): void;
}

/** Prints each value that the program emits (a UI tree) as a line of JSON, during the run. */
function treePrinter(terminal: Terminal, types: readonly TypeDef[]): TreePrinter {
  let failure: BorunaError | undefined;
  return {
    observe: (event) => {
      if (event.type !== "UiEmit" || failure !== undefined) return;
      try {
        terminal.out(jsonLine(jsonToJs(valueToTypedJson(event.tree, undefined, types))));
      } catch (error) {
        if (!(error instanceof BorunaError)) throw error;
        failure = error;
      }
    },
    throwIfFailed: () => {
      if (failure !== undefined) throw failure;
    },
  };
}

export async function runCommand(session: CommandSession, file: string, flags: RunFlags): Promise<number> {
  if (flags.watch !== true) return runOnce(session, file, flags);
  if (file === STDIN) throw new BorunaError("usage", "stdin cannot be watched", { hint: "name a file, or leave out --watch" });
  const { watchFiles } = await import("../watch.ts");
  const namedFiles = [file, flags.policy, flags.inputs, flags.outputSchema, ...(flags.capabilities ?? [])]
    .filter((path) => path !== undefined)
    .filter((path) => !NAMED_POLICIES.has(path));
  return watchFiles(
    session,
    () => new Set([...namedFiles.map((path) => resolve(path)), ...session.filesRead()]),
    () => runOnce(session, file, flags),
  );
}

async function runOnce(session: CommandSession, file: string, flags: RunFlags): Promise<number> {
  const { terminal } = session;
  const format = formatOf(flags.format);
  if (flags.ui !== undefined && flags.ui !== "json") throw new BorunaError("usage", `--ui ${flags.ui}: expected json`);
  if (format === "eventlog" && flags.capabilities !== undefined)
    throw new BorunaError(
      "usage",
      "--format eventlog cannot be combined with --capabilities: the older form has no place for declarations",
      {
        hint: "leave out --format",
      },
    );
  const registry = await loadRegistry(flags, session);
  const policy = await policyOf(flags, registry);
  const inputs = flags.inputs === undefined ? undefined : readInputs(flags.inputs);
  const outputSchema = readOutputSchema(flags.outputSchema);
  const limits = {
    ...limitFromFlag("--max-steps", "max_steps", flags.maxSteps),
    ...limitFromFlag("--max-wall-ms", "max_wall_ms", flags.maxWallMs),
  };
  const { program, warnings } = await loadInput(
    file,
    (sourceOf, paths) => {
      session.sourceOf = sourceOf;
      session.filesRead = paths;
    },
    registry,
  );
  for (const d of warnings) terminal.err(renderDiagnostic(d, session.sourceOf, { color: terminal.color }));
  const args = parseArguments(flags.arg ?? [], program.module);
  const exitCode = ({ outcome }: Execution): number => exitCodeOfOutcome(outcome);
  const mockedCalls = flags.live === true ? undefined : new MockedCalls(inputs?.keys() ?? []);
  /** The decisions of an audit run, for `--json`. */
  const decisions: Readonly<Record<string, unknown>>[] = [];
  const audit = flags.audit === true ? new AuditReport(session.json ? undefined : terminal) : undefined;
  const uiPrinter = flags.ui === "json" && !session.json ? treePrinter(terminal, program.module.types) : undefined;
  const record: RecordOptions | undefined =
    flags.record === undefined
      ? undefined
      : {
          path: flags.record,
          format,
          durable: flags.durable === true,
          force: flags.force === true,
          redactable: flags.redactable === true,
          ...(flags.sign === undefined ? {} : { sign: readKey(flags.sign) }),
        };
  const execution = await withTelemetry(session, { ...flags, exitCode }, ({ tracing, traceDetail, signal, context }) =>
    execute(
      program,
      omitUndefined<RunOptions>({
        policy,
        live: flags.live === true,
        audit: flags.audit === true,
        approve: terminalApprover(session),
        args,
        inputs,
        limits,
        outputSchema,
        maxParallelCalls: maxParallelCallsFromFlag(flags.maxParallelCalls),
        runId: flags.runId,
        record,
        signal,
        tracing: tracing ?? false,
        traceDetail,
        ...context,
        on: observers(terminal, flags, mockedCalls, uiPrinter, audit, decisions),
        onDebug: (text) => terminal.err(withoutControlCharacters(text)),
        engine: flags.engine,
        trace: flags.trace === true ? (line) => terminal.err(withoutControlCharacters(line)) : undefined,
      }),
    ),
  );
  session.endedAs = execution.outcome;
  uiPrinter?.throwIfFailed();
  printExecution(session, execution, { printsTrees: flags.ui !== undefined, json: audit === undefined ? {} : { audit: decisions } });
  const { log } = execution;
  if (log !== undefined && !session.json)
    terminal.err(
      `${execution.suspended === undefined ? "recorded" : "suspended"}: ${log.path}${log.head === undefined ? "" : ` (head ${log.head})`}`,
    );
  const note = mockedCalls?.note();
  if (note !== undefined) terminal.err(note);
  if (audit !== undefined && !session.json) terminal.err(audit.note());
  return exitCode(execution);
}
