import { renderDiagnostic } from "../../compiler/render.ts";
import { incomingContext } from "../../telemetry/context.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import type { SubmitOptions } from "../../worker/api.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import { type DatabaseFlags, requiredDatabaseUrl, withClient } from "../database-flag.ts";
import { loadProgram } from "../load.ts";
import { omitUndefined } from "../omit-undefined.ts";
import { type PolicyFlags, policyOf } from "../policy-flags.ts";
import { limitFromFlag, maxParallelCallsFromFlag, parseArguments, readInputs, readOutputSchema } from "../run-arguments.ts";
import type { CommandSession } from "../session.ts";
import { printJson } from "../terminal.ts";

export interface SubmitFlags extends CapabilityFlags, DatabaseFlags, PolicyFlags {
  readonly arg?: readonly string[];
  readonly inputs?: string;
  readonly outputSchema?: string;
  readonly maxSteps?: string;
  readonly maxWallMs?: string;
  readonly maxParallelCalls?: string;
  readonly queue?: string;
  readonly tenant?: string;
  /** Names the run: a second submit with the same key returns the first run. Not a signing key. */
  readonly key?: string;
  readonly inDoubt?: "retry" | "fail";
  readonly attempts?: string;
  readonly deadlineMs?: string;
  readonly traceparent?: string;
}

export async function submitCommand(session: CommandSession, file: string, flags: SubmitFlags): Promise<number> {
  const { terminal, json } = session;
  await requiredDatabaseUrl(flags);
  const registry = await loadRegistry(flags, session);
  const policy = await policyOf(flags, registry);
  const { program, warnings } = loadProgram(
    file,
    (sourceOf) => {
      session.sourceOf = sourceOf;
    },
    registry,
  );
  for (const d of warnings) terminal.err(renderDiagnostic(d, session.sourceOf, { color: terminal.color }));
  const options = omitUndefined<SubmitOptions>({
    policy,
    args: parseArguments(flags.arg ?? [], program.module),
    inputs: flags.inputs === undefined ? undefined : readInputs(flags.inputs),
    outputSchema: readOutputSchema(flags.outputSchema),
    limits: {
      ...limitFromFlag("--max-steps", "max_steps", flags.maxSteps),
      ...limitFromFlag("--max-wall-ms", "max_wall_ms", flags.maxWallMs),
    },
    maxParallelCalls: maxParallelCallsFromFlag(flags.maxParallelCalls),
    queue: flags.queue,
    tenant: flags.tenant,
    key: flags.key,
    inDoubt: flags.inDoubt,
    attempts: countOf("--attempts", flags.attempts),
    deadlineMs: countOf("--deadline-ms", flags.deadlineMs),
    ...incomingContext({ traceparent: flags.traceparent }, process.env),
  });
  const { runId, isNew } = await withClient(flags, (client) => client.submit(program, options));
  if (json) printJson(terminal, { run_id: runId, is_new: isNew });
  else {
    terminal.out(runId);
    if (!isNew) terminal.err("note: the key names this run, which was submitted before");
  }
  return EXIT.done;
}

function countOf(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,12}$/.test(text)) return Number(text);
  throw new BorunaError("usage", `${flag} ${text}: expected a whole number from 1`);
}
