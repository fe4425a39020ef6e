/** Describes a run before it starts: makes the header of its log, and the module that becomes a blob. */
import { randomHex, sha256Hex } from "../../gateway/digest.ts";
import { policyHash, policyToJson, type Policy } from "../../policy/policy.ts";
import { encodeModule } from "../../vm/bytecode/codec.ts";
import { BorunaError } from "../../vm/error.ts";
import type { JsonData } from "../../vm/json/json.ts";
import { memoizeInObject } from "../../vm/lazy.ts";
import type { Limits } from "../../vm/limits.ts";
import type { Module } from "../../vm/bytecode/module.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { compareUtf8 } from "../../vm/value/utf8.ts";
import { flagsOf } from "./behavior-flags.ts";
import { isRunId, runIdOf, type LogHeader } from "./header.ts";

export interface RunDescription {
  readonly header: LogHeader;
  /** The module as `.axbc` bytes, with debug information. */
  readonly module: Uint8Array;
}

interface RunFacts {
  readonly policy: Policy;
  readonly args: ReadonlyMap<string, JsonData>;
  /** The limits that apply to the run, from the policy and the caller. */
  readonly limits: Limits;
  readonly mode: LogHeader["mode"];
  /** Names of the capabilities that have a handler. */
  readonly served: ReadonlySet<string>;
  /** If undefined, the id is a hash of the rest of the header. */
  readonly runId: string | undefined;
  /** Whether values can be redacted later. */
  readonly redactable?: boolean | undefined;
}

/** Throws `usage` if `runId` is not a valid run id. */
export function checkRunId(runId: unknown): void {
  if (isRunId(runId)) return;
  throw new BorunaError("usage", "the run id is not 1 to 128 printable ASCII characters without spaces", {
    hint: "for example: order-4711; without one a live run gets a fresh id of its own",
  });
}

/** Returns 32 random hexadecimal digits. Ids from `runIdOf` have the same form. */
export function freshRunId(): string {
  return randomHex(16);
}

/** Returns the header and the module for a log of this run. Throws `usage` if the run id is invalid. */
export function describeRun(program: Program, run: RunFacts): RunDescription {
  if (run.runId !== undefined) checkRunId(run.runId);
  const { module, ...hashes } = encodedModule(program);
  const header: Omit<LogHeader, "runId"> = {
    program: { name: program.module.name, moduleHash: program.moduleHash, ...hashes },
    policyHash: policyHash(run.policy),
    policy: policyToJson(run.policy),
    capabilitySetHash: program.registry.setHash,
    capabilities: program.registry.own,
    args: run.args,
    limits: run.limits,
    mode: run.mode,
    redactable: run.redactable === true,
    unserved: unservedBy(program, run.served),
    flags: flagsOf(program.module),
  };
  return { header: { ...header, runId: run.runId ?? runIdOf(header) }, module };
}

/** Encodes and hashes the module once for each program, because that takes longer than a short run. */
const encodedModule = memoizeInObject((program: Program) => {
  const module = encodeModule(program.module, { debug: true, registry: program.registry });
  return { module, sourceHash: sourceHash(program.module), moduleBlob: `sha256:${sha256Hex(module)}` };
});

/** Returns the names of the registered capabilities that have no handler, sorted. */
export function unservedBy(program: Program, served: ReadonlySet<string>): readonly string[] {
  const names = program.registry.all.filter((c) => c.internal !== true && !served.has(c.name)).map((c) => c.name);
  return names.sort(compareUtf8);
}

/** Returns `sha256:hex` of the lines `name TAB sha256(text) LF` of the source files, sorted by name. Null if the module has no source text. */
function sourceHash(module: Module): string | null {
  const files = module.debug?.files ?? [];
  if (files.length === 0) return null;
  const lines = [...files].sort((a, b) => compareUtf8(a.name, b.name)).map((file) => `${file.name}\t${sha256Hex(file.text)}\n`);
  return `sha256:${sha256Hex(lines.join(""))}`;
}
