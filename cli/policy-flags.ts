/** The policy of a command: `--policy`, and the flags that allow more. */
import type { Policy } from "../policy/policy.ts";
import { NAMED_POLICIES, type Shorthands, withShorthands } from "../policy/policy.ts";
import type { CapabilityRegistry } from "../vm/capabilities.ts";
import { omitUndefined } from "./omit-undefined.ts";

export interface PolicyFlags {
  readonly policy?: string;
  readonly allowNet?: string;
  readonly allowRead?: readonly string[];
  readonly allowWrite?: readonly string[];
  readonly allow?: readonly string[];
}

/** Loads the file parser only for a policy file; named policies do not need it. */
async function basePolicy(nameOrPath: string, registry: CapabilityRegistry): Promise<Policy> {
  return NAMED_POLICIES.get(nameOrPath) ?? (await import("../policy/load.ts")).loadPolicy(nameOrPath, registry);
}

/** Returns the policy that the flags describe. Throws the errors of `loadPolicy` and `withShorthands`. */
export async function policyOf(flags: PolicyFlags, registry: CapabilityRegistry): Promise<Policy> {
  const shorthands = omitUndefined<Shorthands>({
    allowNet: flags.allowNet?.split(","),
    allowRead: flags.allowRead,
    allowWrite: flags.allowWrite,
    allow: flags.allow?.flatMap((list) => list.split(",")),
  });
  return withShorthands(await basePolicy(flags.policy ?? "deny-all", registry), shorthands, registry);
}
