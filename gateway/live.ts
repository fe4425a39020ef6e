/** The handlers of a live run: those that reach the world. `db.query` has none yet. */
import type { Policy } from "../policy/policy.ts";
import type { JsonData } from "../vm/json/json.ts";
import type { Handlers } from "./handlers.ts";
import { fsReadHandler } from "./handlers/fs-read.ts";
import { fsWriteHandler } from "./handlers/fs-write.ts";
import type { Resolve } from "./handlers/guarded-connect.ts";
import { llmCallHandler } from "./handlers/llm-call.ts";
import { netFetchHandler } from "./handlers/net-fetch.ts";
import { randomHandler } from "./handlers/random.ts";
import type { Environment } from "./handlers/secrets.ts";
import { stepInputHandler } from "./handlers/step-input.ts";
import { timeNowHandler } from "./handlers/time-now.ts";
import type { OwnFiles } from "./own-files.ts";

export interface LiveOptions {
  /** Secrets of the policy, and `BORUNA_LLM_URL`, `BORUNA_LLM_KEY`, `BORUNA_LLM_MODEL`. */
  readonly env: Environment;
  /** The run's policy; each call brings its own, which is the same. */
  readonly policy?: Policy;
  /** What `step_input` gives, by name. */
  readonly inputs?: ReadonlyMap<string, JsonData>;
  /** Default: the process's. */
  readonly workingDirectory?: string;
  /** The files of this run's log, which its fs calls may not touch; asked for at each call. */
  readonly own?: () => OwnFiles | undefined;
  /** Default: the host's resolver. */
  readonly resolve?: Resolve;
}

/** For one run: what its calls spend on models is counted here. */
export function liveHandlers(options: LiveOptions): Handlers {
  const { env, inputs = new Map<string, JsonData>(), resolve, workingDirectory, own } = options;
  const fs = { ...(workingDirectory === undefined ? {} : { workingDirectory }), ...(own === undefined ? {} : { own }) };
  return new Map([
    ["net.fetch", netFetchHandler({ env, ...(resolve === undefined ? {} : { resolve }) })],
    ["fs.read", fsReadHandler(fs)],
    ["fs.write", fsWriteHandler(fs)],
    ["time.now", timeNowHandler()],
    ["random", randomHandler()],
    ["llm.call", llmCallHandler({ url: env["BORUNA_LLM_URL"], key: env["BORUNA_LLM_KEY"], model: env["BORUNA_LLM_MODEL"] })],
    ["step.input", stepInputHandler(inputs)],
  ]);
}
