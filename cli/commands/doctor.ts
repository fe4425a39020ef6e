/** Checks each part that a live run needs, and reports it on one line. Writes nothing and asks no model. */
import { existsSync } from "node:fs";
import { CapabilityFailure } from "../../gateway/handlers.ts";
import { databaseVersion } from "../../gateway/handlers/db-query.ts";
import { listModels } from "../../gateway/handlers/llm-probe.ts";
import { loadCheckedPolicy } from "../../policy/load.ts";
import { type Policy, policyHash } from "../../policy/policy.ts";
import { probeCollector } from "../../telemetry/collector-probe.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { VERSION } from "../../vm/version.ts";
import type { CommandSession } from "../session.ts";
import { printJson, withoutControlCharacters } from "../terminal.ts";

export interface DoctorFlags {
  readonly policy?: string;
}

interface Finding {
  readonly name: string;
  /** `off`: not set up, and the policy allows no capability that needs it. */
  readonly status: "ok" | "failed" | "off";
  readonly detail: string;
}

type Probe = () => Promise<Omit<Finding, "name">>;

/** The oldest Node that Boruna runs on, as in `package.json`. */
export const OLDEST_NODE = "20.19.0";

/** Maximum time for one request, in milliseconds. A connection to a database has its own limit, because an embedded database starts slowly. */
const REQUEST_MS = 30_000;

const POLICY_FILES = ["policy.json", "policy.jsonc"];

const ok = (detail: string): Omit<Finding, "name"> => ({ status: "ok", detail });
const failed = (detail: string): Omit<Finding, "name"> => ({ status: "failed", detail });
const off = (detail: string): Omit<Finding, "name"> => ({ status: "off", detail });

/** Returns exit code 1 if a part fails that is set up or that the policy needs. */
export async function doctorCommand({ terminal, json }: CommandSession, flags: DoctorFlags): Promise<number> {
  const findings: Finding[] = [];
  for (const [name, probe] of probesOf(flags)) {
    const finding = { name, ...(await probe()) };
    findings.push(finding);
    if (!json) terminal.out(withoutControlCharacters(`${STATUS_WORDS[finding.status]} ${name.padEnd(10)} ${finding.detail}`));
  }
  const isHealthy = findings.every(({ status }) => status !== "failed");
  if (json) printJson(terminal, { ok: isHealthy, checks: findings });
  return isHealthy ? EXIT.done : EXIT.failed;
}

const STATUS_WORDS = { ok: "ok   ", failed: "FAIL ", off: "-    " } as const;

function probesOf(flags: DoctorFlags): readonly (readonly [string, Probe])[] {
  const { env } = process;
  const { file, policy, problem } = readPolicy(flags);
  /** Says that something is not set up. If a rule of the policy allows the capability, that is a failure. */
  const missing = (detail: string, capability: string): Omit<Finding, "name"> =>
    policy?.rules.get(capability)?.allow === true ? failed(`${detail}, and the policy allows ${capability}`) : off(detail);
  let models: readonly string[] | undefined;
  return [
    ["node", async () => nodeFinding(process.versions.node)],
    ["policy", async () => policyFinding(file, policy, problem, env)],
    [
      "endpoint",
      () =>
        attempt(async (signal) => {
          const url = env["BORUNA_LLM_URL"];
          if (url === undefined || url === "") return missing("BORUNA_LLM_URL is not set", "llm.call");
          models = await listModels({ url, key: env["BORUNA_LLM_KEY"] }, signal);
          return ok(models === undefined ? "answers; it has no list of models" : `answers; it has ${models.length} models`);
        }),
    ],
    ["model", async () => modelFinding(env["BORUNA_LLM_MODEL"] ?? "", policy, models)],
    ["collector", () => attempt((signal) => collectorFinding(env, signal))],
    [
      "database",
      () =>
        attempt(async () => {
          const version = await databaseVersion({ env }, new AbortController().signal);
          return version === undefined ? off("the first call of db.query makes .boruna/db, or BORUNA_DB") : ok(`PostgreSQL ${version}`);
        }),
    ],
  ];
}

/** Converts the error of a probe to a finding. */
async function attempt(body: (signal: AbortSignal) => Promise<Omit<Finding, "name">>): Promise<Omit<Finding, "name">> {
  try {
    return await body(AbortSignal.timeout(REQUEST_MS));
  } catch (error) {
    if (error instanceof CapabilityFailure || error instanceof BorunaError) return failed(error.message);
    throw error;
  }
}

const numbersOf = (version: string): readonly number[] => version.split(".").map(Number);

export function nodeFinding(version: string): Omit<Finding, "name"> {
  const [major = 0, minor = 0] = numbersOf(version);
  const [oldestMajor = 0, oldestMinor = 0] = numbersOf(OLDEST_NODE);
  const isNewEnough = major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
  const detail = `${version}, Boruna ${VERSION}`;
  return isNewEnough ? ok(detail) : failed(`${detail}, which needs Node ${OLDEST_NODE} or newer`);
}

interface ReadPolicy {
  readonly file: string | undefined;
  readonly policy: Policy | undefined;
  /** Why the file cannot be used; or, with a policy, the first warning about it. */
  readonly problem: string | undefined;
}

/** Reads the policy of the flag, or the one in this folder. */
function readPolicy({ policy: given }: DoctorFlags): ReadPolicy {
  const file = given ?? POLICY_FILES.find((name) => existsSync(name));
  if (file === undefined) return { file, policy: undefined, problem: undefined };
  try {
    const { policy, warnings } = loadCheckedPolicy(file);
    return { file, policy, problem: warnings.length === 0 ? undefined : `${warnings[0]?.path}: ${warnings[0]?.message}` };
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    const { line, column } = error.place ?? {};
    return { file, policy: undefined, problem: `${line === undefined ? "" : `${line}:${column ?? 1}: `}${error.message}` };
  }
}

function policyFinding(
  file: string | undefined,
  policy: Policy | undefined,
  problem: string | undefined,
  env: NodeJS.ProcessEnv,
): Omit<Finding, "name"> {
  if (file === undefined) return off("no policy.json here; --policy names another file");
  if (policy === undefined) return failed(`${file}: ${problem ?? ""}`);
  const unset = [...policy.secrets].find(([, secret]) => (env[secret.env] ?? "") === "");
  if (unset !== undefined) return failed(`${file}: the secret ${unset[0]} has no value: ${unset[1].env} is not set`);
  return ok(`${file}, ${problem === undefined ? policyHash(policy) : `but ${problem}`}`);
}

/** `models` are the models of the endpoint. Undefined if it has no list or did not answer. */
function modelFinding(model: string, policy: Policy | undefined, models: readonly string[] | undefined): Omit<Finding, "name"> {
  const allowed = policy?.llm_policy.allowed_models ?? [];
  if (model !== "" && allowed.length > 0 && !allowed.includes(model))
    return failed(`BORUNA_LLM_MODEL is ${model}, which llm_policy.allowed_models does not name`);
  const wanted = [...(model === "" ? [] : [model]), ...allowed];
  if (wanted.length === 0) return off("BORUNA_LLM_MODEL is not set, so each call must name its model");
  if (models === undefined) return off(`${wanted.join(", ")}: the endpoint has not said which models it has`);
  const unknown = wanted.find((name) => !models.includes(name));
  return unknown === undefined ? ok(wanted.join(", ")) : failed(`the endpoint has no model ${unknown}`);
}

async function collectorFinding(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Omit<Finding, "name">> {
  const notices: string[] = [];
  const state = await probeCollector(env, signal, (line) => notices.push(line));
  if (state.kind === "off") return off("OTEL_EXPORTER_OTLP_ENDPOINT is not set, so there are no spans");
  if (state.kind === "problem") return failed(state.problem);
  const { host, result } = state;
  if (result.kind === "failed") return failed(`${host}: ${result.reason}`);
  return ok(`${host} accepts spans${notices.length === 0 ? "" : `, but ${notices.join(" ")}`}`);
}
