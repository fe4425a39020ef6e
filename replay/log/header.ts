/** Reads and writes the header, the first record of a log. It holds the program, policy, arguments and limits of the run. */
import { sha256Hex } from "../../gateway/digest.ts";
import type { CapabilityDecl } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, type JsonData } from "../../vm/json/json.ts";
import { LIMIT_FIELDS, LIMITS, type LimitField, type Limits, limitsFrom, LOG_NOT_CHARGED } from "../../vm/limits.ts";
import { declarationToJson, declareCapability } from "../../vm/own-capabilities.ts";
import { compareUtf8 } from "../../vm/value/utf8.ts";
import { flagsFromJson } from "./behavior-flags.ts";
import { arrayOf, countOf, jsonObject, objectOf, onlyFields, prefixedDigestOf, textOf, type JsonObject } from "./json-fields.ts";

const LOG_VERSION = 1;

interface LogProgram {
  readonly name: string;
  /** The module hash as `sha256:hex`. It does not cover debug information. */
  readonly moduleHash: string;
  /** `sha256:hex` of the source files (`sourceHash` in `run-description.ts`), or null if the module contains no source text. */
  readonly sourceHash: string | null;
  /** `sha256:hex` of the module file (`.axbc`), which is a blob. */
  readonly moduleBlob: string;
}

export interface LogHeader {
  readonly runId: string;
  readonly program: LogProgram;
  readonly policyHash: string;
  /** The policy as `policyToJson` returns it. */
  readonly policy: JsonData;
  readonly capabilitySetHash: string;
  /** The declarations of the host's own capabilities, sorted by name. The file has no member for an empty list. */
  readonly capabilities: readonly CapabilityDecl[];
  /** The arguments as typed JSON, by parameter name. */
  readonly args: ReadonlyMap<string, JsonData>;
  readonly limits: Limits;
  /** `audit`: a live run that obeyed a laxer policy (`auditPolicy`), and reported what the recorded policy would have refused. */
  readonly mode: "mock" | "live" | "audit";
  /** Whether every value is sealed, see `sealed-value.ts`. If false, the file has no such member. */
  readonly redactable: boolean;
  /** Names of the registered capabilities that had no handler, sorted. The file has no member for an empty list. */
  readonly unserved: readonly string[];
  /** Numbers of the behavior flags of this run, ascending. */
  readonly flags: readonly number[];
}

/** Returns the id of a mock run whose caller gave none. The id is a hash of the header, so the logs of equal runs have equal bytes. */
export function runIdOf(header: Omit<LogHeader, "runId">): string {
  return sha256Hex(canonicalJson(fieldsOf(header, undefined))).slice(0, 32);
}

export function isRunId(id: unknown): id is string {
  return typeof id === "string" && /^[\x21-\x7e]{1,128}$/.test(id);
}

export function headerToJson(header: LogHeader): JsonObject {
  return fieldsOf(header, header.runId);
}

function fieldsOf(header: Omit<LogHeader, "runId">, runId: string | undefined): JsonObject {
  const { name, moduleHash, sourceHash, moduleBlob } = header.program;
  return jsonObject({
    boruna_log: LOG_VERSION,
    run_id: runId,
    program: jsonObject({ name, module_hash: moduleHash, source_hash: sourceHash, module_blob: moduleBlob }),
    policy_hash: header.policyHash,
    policy: header.policy,
    capability_set_hash: header.capabilitySetHash,
    capabilities: header.capabilities.length === 0 ? undefined : header.capabilities.map(declarationToJson),
    args: header.args,
    limits: limitsToJson(header.limits),
    mode: header.mode,
    redactable: header.redactable ? true : undefined,
    unserved: header.unserved.length === 0 ? undefined : header.unserved,
    flags: header.flags,
  });
}

/** Reads the header. `record` may contain its hash. Throws `log.form`, `log.version`, `log.flag`. */
export function headerFromJson(record: JsonObject): LogHeader {
  const version = countOf(record.get("boruna_log"), "boruna_log");
  if (version !== LOG_VERSION) {
    throw new BorunaError("log.version", `the log has version ${version}; this boruna reads version ${LOG_VERSION}`, {
      hint: "Use a newer boruna.",
    });
  }
  const knownFields = [
    "boruna_log",
    "run_id",
    "program",
    "policy_hash",
    "policy",
    "capability_set_hash",
    "capabilities",
    "args",
    "limits",
    "mode",
    "redactable",
    "unserved",
    "flags",
    "hash",
  ];
  onlyFields(record, knownFields, "header");
  const mode = textOf(record.get("mode"), "mode");
  if (mode !== "mock" && mode !== "live" && mode !== "audit") throw new BorunaError("log.form", "mode: expected mock, live or audit");
  const isRedactable = record.has("redactable");
  if (isRedactable && record.get("redactable") !== true) throw new BorunaError("log.form", "redactable: false is left out");
  const runId = textOf(record.get("run_id"), "run_id");
  if (!isRunId(runId)) throw new BorunaError("log.form", "run_id: expected 1 to 128 printable characters without spaces");
  return {
    runId,
    program: programFromJson(objectOf(record.get("program"), "program")),
    policyHash: prefixedDigestOf(record.get("policy_hash"), "policy_hash"),
    policy: objectOf(record.get("policy"), "policy"),
    capabilitySetHash: prefixedDigestOf(record.get("capability_set_hash"), "capability_set_hash"),
    capabilities: record.has("capabilities") ? capabilitiesFromJson(arrayOf(record.get("capabilities"), "capabilities")) : [],
    args: objectOf(record.get("args"), "args"),
    limits: limitsFromJson(objectOf(record.get("limits"), "limits")),
    mode,
    redactable: isRedactable,
    unserved: record.has("unserved") ? unservedFromJson(arrayOf(record.get("unserved"), "unserved")) : [],
    flags: flagsFromJson(arrayOf(record.get("flags"), "flags")),
  };
}

/**
 * Reads the declarations. Throws `log.form` for a list that the recorder would not write: empty, unsorted, or with a wrong or repeated
 * declaration.
 */
function capabilitiesFromJson(declarations: readonly JsonData[]): readonly CapabilityDecl[] {
  const capabilities = declarations.map((data, i) => {
    try {
      const capability = declareCapability(data);
      if (canonicalJson(declarationToJson(capability)) === canonicalJson(data)) return capability;
    } catch (error) {
      if (!(error instanceof BorunaError) || error.kind !== "capability.invalid_declaration") throw error;
      throw new BorunaError("log.form", `capabilities[${i}]: ${error.message}`, { cause: error });
    }
    throw new BorunaError("log.form", `capabilities[${i}]: not in the form in which a recorder writes it`);
  });
  const isSorted = capabilities.every(({ name }, i) => i === 0 || compareUtf8(capabilities[i - 1]?.name ?? "", name) < 0);
  if (capabilities.length === 0 || !isSorted)
    throw new BorunaError("log.form", "capabilities: expected declarations in order of name, each once");
  return capabilities;
}

/** Reads the list `unserved`. Throws `log.form` for a list that the recorder would not write: empty, unsorted, or with repeated names. */
function unservedFromJson(names: readonly JsonData[]): readonly string[] {
  const texts = names.map((name, i) => textOf(name, `unserved[${i}]`));
  const isSorted = texts.every((name, i) => i === 0 || compareUtf8(texts[i - 1] ?? "", name) < 0);
  if (texts.length === 0 || !isSorted) throw new BorunaError("log.form", "unserved: expected names in order, each once");
  return texts;
}

function programFromJson(program: JsonObject): LogProgram {
  onlyFields(program, ["name", "module_hash", "source_hash", "module_blob"], "program");
  const source = program.get("source_hash");
  return {
    name: textOf(program.get("name"), "program.name"),
    moduleHash: prefixedDigestOf(program.get("module_hash"), "program.module_hash"),
    sourceHash: source === null ? null : prefixedDigestOf(source, "program.source_hash"),
    moduleBlob: prefixedDigestOf(program.get("module_blob"), "program.module_blob"),
  };
}

function limitsToJson(limits: Limits): JsonObject {
  const mustWrite = (name: LimitField): boolean =>
    name === "max_log_bytes" ? limits[name] !== LOG_NOT_CHARGED : name !== "max_tasks" || limits[name] !== LIMITS.max_tasks.default;
  return new Map(LIMIT_FIELDS.filter(mustWrite).map((name) => [name, limits[name]]));
}

/** Reads the limits. In older logs `max_log_bytes` is absent, because the log was not charged. `max_tasks` is absent if it has its default. */
function limitsFromJson(limits: JsonObject): Limits {
  onlyFields(limits, LIMIT_FIELDS, "limits");
  return limitsFrom((name) => {
    if (name === "max_log_bytes" && !limits.has(name)) return LOG_NOT_CHARGED;
    if (name === "max_tasks" && !limits.has(name)) return LIMITS.max_tasks.default;
    const value = countOf(limits.get(name), `limits.${name}`);
    if (value > LIMITS[name].max) throw new BorunaError("log.form", `limits.${name}: at most ${LIMITS[name].max}`);
    if (name === "max_tasks" && value === LIMITS.max_tasks.default)
      throw new BorunaError("log.form", `limits.${name}: the default is left out`);
    if (name === "max_log_bytes" && value === LOG_NOT_CHARGED) throw new BorunaError("log.form", `limits.${name}: at least 1`);
    return value;
  });
}
