/** The handlers of a live run, which reach the outside world. */
import { statSync } from "node:fs";
import type { JsonData } from "../vm/json/json.ts";
import { type Handlers, type MachineFunction, machineHandler } from "./handlers.ts";
import { databaseFolder, dbQueryHandler } from "./handlers/db-query.ts";
import { fsReadHandler } from "./handlers/fs-read.ts";
import type { FsOptions } from "./handlers/fs-roots.ts";
import { fsWriteHandler } from "./handlers/fs-write.ts";
import type { Resolve } from "./handlers/guarded-connect.ts";
import { llmCallHandler } from "./handlers/llm-call.ts";
import { netFetchHandler } from "./handlers/net-fetch.ts";
import { randomHandler } from "./handlers/random.ts";
import type { Environment } from "./handlers/secrets.ts";
import { stepInputHandler } from "./handlers/step-input.ts";
import { timeNowHandler } from "./handlers/time-now.ts";
import { ProtectedFiles } from "./protected-files.ts";

interface LiveOptions extends FsOptions {
  /** Environment variables: the values of the policy's secrets, and the variables of `db.query` and `llm.call` (`docs/reference/capabilities.md`). */
  readonly env: Environment;
  /** Answers of `step.input`, by input name. */
  readonly inputs?: ReadonlyMap<string, JsonData>;
  /** Resolves host names. Default: the system's resolver. */
  readonly resolve?: Resolve | undefined;
}

/** Creates the handlers of one run. They count what the run spends on models, so two runs must not share them. */
export function liveHandlers(options: LiveOptions): Handlers {
  const { env, inputs = new Map<string, JsonData>(), resolve } = options;
  const fsOptions = { ...options, protectedFiles: () => protectedFilesOf(options) };
  const functions: readonly (readonly [string, MachineFunction])[] = [
    ["net.fetch", netFetchHandler({ env, resolve })],
    ["fs.read", fsReadHandler(fsOptions)],
    ["fs.write", fsWriteHandler(fsOptions)],
    ["db.query", dbQueryHandler(options)],
    ["time.now", timeNowHandler()],
    ["random", randomHandler()],
    ["step.input", stepInputHandler(inputs)],
  ];
  const handlers = new Map(functions.map(([name, run]) => [name, machineHandler(run)]));
  const llmCall = llmCallHandler({ url: env["BORUNA_LLM_URL"], key: env["BORUNA_LLM_KEY"], model: env["BORUNA_LLM_MODEL"] });
  return handlers.set("llm.call", llmCall);
}

/** Returns the files of the run's log, and the folder of the embedded database if that exists. */
function protectedFilesOf(options: LiveOptions): ProtectedFiles | undefined {
  const logFiles = options.protectedFiles?.();
  const folder = databaseFolder(options);
  const identity = folder === undefined ? undefined : statSync(folder, { bigint: true, throwIfNoEntry: false });
  if (identity === undefined) return logFiles;
  const files = logFiles ?? new ProtectedFiles();
  files.add(identity);
  return files;
}
