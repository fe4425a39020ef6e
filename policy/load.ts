/** Loads a policy by name or from a file. Only this file of `policy/` touches the file system. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { BUILTIN_REGISTRY, type CapabilityRegistry } from "../vm/capabilities.ts";
import { BorunaError, errorCode } from "../vm/error.ts";
import { didYouMean } from "./did-you-mean.ts";
import { type CheckedPolicy, checkPolicy, MAX_POLICY_BYTES, parsePolicy } from "./parse.ts";
import { NAMED_POLICIES, type Policy } from "./policy.ts";

/** Loads `allow-all`, `deny-all` or a policy file. A file whose name ends in `.jsonc` may contain comments. Throws `policy.*`. */
export function loadPolicy(nameOrPath: string, registry: CapabilityRegistry = BUILTIN_REGISTRY): Policy {
  const builtIn = NAMED_POLICIES.get(nameOrPath);
  if (builtIn !== undefined) return builtIn;
  const text = readText(nameOrPath);
  return parsePolicy(text, { file: nameOrPath, jsonc: nameOrPath.endsWith(".jsonc"), registry });
}

/** Like `loadPolicy`, but also returns warnings. Built-in policies have none. */
export function loadCheckedPolicy(nameOrPath: string, registry: CapabilityRegistry = BUILTIN_REGISTRY): CheckedPolicy {
  const builtIn = NAMED_POLICIES.get(nameOrPath);
  if (builtIn !== undefined) return { policy: builtIn, warnings: [] };
  return checkPolicy(readText(nameOrPath), { file: nameOrPath, jsonc: nameOrPath.endsWith(".jsonc"), registry });
}

function readText(path: string): string {
  const bytes = readBytes(path);
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new BorunaError("policy.parse_error", `${path} is not UTF-8 text`, { place: { file: path }, cause: error });
  }
}

function readBytes(path: string): Uint8Array {
  const failure = (message: string, more: { hint?: string; cause?: unknown } = {}): BorunaError =>
    new BorunaError("policy.io_error", message, { place: { file: path }, ...more });
  const failureFor = (error: unknown): BorunaError => {
    if (error instanceof BorunaError) return error;
    const code = errorCode(error);
    const hint = didYouMean(path, NAMED_POLICIES.keys(), "Give a policy file, allow-all or deny-all.");
    return failure(SYSTEM_ERRORS.get(code)?.(path) ?? `cannot read the policy ${path}${code === "" ? "" : ` (${code})`}`, {
      hint,
      cause: error,
    });
  };
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    throw failureFor(error);
  }
  try {
    const stat = fstatSync(descriptor);
    if (stat.isDirectory()) throw failure(`the policy ${path} is a directory`);
    const bytes = stat.size > MAX_POLICY_BYTES ? undefined : readAtMost(descriptor, MAX_POLICY_BYTES);
    if (bytes === undefined) throw failure(`the policy ${path} is longer than ${MAX_POLICY_BYTES} bytes`);
    return bytes;
  } catch (error) {
    throw failureFor(error);
  } finally {
    closeSync(descriptor);
  }
}

/** Reads to the end. Returns undefined if there are more than `limit` bytes. Counts while reading, because pipes and devices do not report a size. */
function readAtMost(descriptor: number, limit: number): Uint8Array | undefined {
  const bytes = new Uint8Array(limit + 1);
  let length = 0;
  for (;;) {
    const readCount = readSync(descriptor, bytes, length, bytes.length - length, null);
    if (readCount === 0) return bytes.subarray(0, length);
    length += readCount;
    if (length > limit) return undefined;
  }
}

/** Messages for common error codes of Node. */
const SYSTEM_ERRORS: ReadonlyMap<string, (path: string) => string> = new Map([
  ["ENOENT", (path: string) => `there is no policy ${path}`],
  ["EACCES", (path: string) => `the policy ${path} may not be read`],
]);
