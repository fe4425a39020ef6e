/** The options of a run in a pool. Checks them and makes a `PreparedRun` before the run joins the queue. */
import { limitsOption, maxParallelCallsOption, policyOption, traceDetailOption } from "../../gateway/options.ts";
import type { Handlers } from "../../gateway/handlers.ts";
import { MachineHandler } from "../../gateway/handlers.ts";
import { ownMocks } from "../../gateway/own-capabilities.ts";
import { ProtectedFiles } from "../../gateway/protected-files.ts";
import { auditPolicy } from "../../policy/audit.ts";
import { effectiveLimits, policyToJson } from "../../policy/policy.ts";
import { checkRunId, freshRunId } from "../../replay/log/run-description.ts";
import { chosenTracing } from "../../telemetry/default-tracing.ts";
import { BorunaError } from "../../vm/error.ts";
import { jsonFromJs } from "../../vm/json/js-interop.ts";
import { canonicalJson } from "../../vm/json/json.ts";
import { handlersFor, objectOption, type RecordOptions, replacementsFor, type RunOptions, schemaOption } from "../execute.ts";
import type { RunData } from "./messages.ts";
import type { PreparedRun } from "./pool-run.ts";
import type { PoolProgram } from "./programs.ts";
import { SpanReceiver } from "./span-receiver.ts";

/**
 * Options of `Pool.execute`. Those with the same names as in `RunOptions` have the same meanings. There are no observers and no `approve`: a
 * call that needs an approval suspends the run.
 */
export interface PoolRunOptions
  extends Pick<
    RunOptions,
    | "policy"
    | "live"
    | "audit"
    | "handlers"
    | "args"
    | "inputs"
    | "limits"
    | "maxParallelCalls"
    | "outputSchema"
    | "signal"
    | "traceDetail"
    | "traceparent"
    | "tracestate"
    | "baggage"
    | "tracing"
    | "genAiSpans"
    | "runId"
    | "onDebug"
    | "engine"
    | "registry"
    | "env"
  > {
  /** The tenant that the run belongs to. Tenants share the workers evenly. Default: all runs belong to one tenant. */
  readonly tenant?: string | undefined;
  /** Where the log goes. The worker writes it. Default: no log. */
  readonly record?: string | RecordOptions | undefined;
}

/** Checks the options of a run. Throws what `execute` throws. */
export async function prepareRun(program: PoolProgram, tenant: string, options: PoolRunOptions): Promise<PreparedRun> {
  const { live, audit, runId, signal, onDebug, traceparent, tracestate, baggage } = options;
  const givenPolicy = policyOption(options.policy, program.registry);
  const limits = limitsOption(options.limits);
  if (runId !== undefined) checkRunId(runId);
  const protectedFiles = new ProtectedFiles();
  const handlers = await handlersOf(program, options, protectedFiles);
  const tracing = await chosenTracing(options.tracing, options.genAiSpans);
  return {
    tenant,
    program,
    allocBytes: effectiveLimits(givenPolicy, limits).max_alloc_bytes,
    policy: audit === true ? auditPolicy(givenPolicy) : givenPolicy,
    handlers,
    protectedFiles,
    signal,
    onDebug,
    spans: tracing === undefined ? undefined : (onRead) => new SpanReceiver(tracing, { traceparent, tracestate, baggage }, onRead),
    data: {
      live: live === true,
      audit,
      limits,
      maxParallelCalls: maxParallelCallsOption(options.maxParallelCalls),
      traceDetail: traceDetailOption(options.traceDetail),
      runId: runId ?? (live === true ? freshRunId() : undefined),
      ...plainOptions(options),
      policy: canonicalJson(policyToJson(givenPolicy)),
      args: canonicalJson(objectOption("args", options.args)),
      mockInputs: canonicalJson(objectOption("inputs", options.inputs)),
      outputSchema: schemaOption(options.outputSchema) === undefined ? undefined : canonicalJson(jsonFromJs(options.outputSchema)),
      handlers: [...handlers].map(([name, handler]) => ({
        name,
        hasUsage: handler instanceof MachineHandler && handler.usage !== undefined,
      })),
      isTraced: tracing !== undefined,
      hasDebug: onDebug !== undefined,
    },
  };
}

/** Returns the handlers that run in this process: all of them in a live run, else only the embedder's. The worker has the other mocks. */
async function handlersOf(program: PoolProgram, options: PoolRunOptions, protectedFiles: ProtectedFiles): Promise<Handlers> {
  if (options.live === true) return handlersFor(program, options, () => protectedFiles);
  return new Map([...ownMocks(program.registry), ...replacementsFor(program.registry, options.handlers)]);
}

/** Returns copies of options that must be plain data. Throws `usage` if one is not. */
function plainOptions({ record, engine }: PoolRunOptions): Pick<RunData, "record" | "engine"> {
  if (typeof record === "function") throw new BorunaError("usage", "record: a worker writes the log; expected a path or { path, … }");
  try {
    return structuredClone({ record, engine });
  } catch (cause) {
    throw new BorunaError("usage", "record: expected a path or { path, … } of plain data", { cause });
  }
}
