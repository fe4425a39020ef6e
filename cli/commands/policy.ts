import { loadCheckedPolicy, loadPolicy } from "../../policy/load.ts";
import { policyHash, policyToJson } from "../../policy/policy.ts";
import { jsonToJs } from "../../vm/json/js-interop.ts";
import { EXIT } from "../../vm/outcome.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import type { Session } from "../session.ts";
import { withoutControlCharacters, printJson } from "../terminal.ts";

export async function policyValidateCommand({ terminal, json }: Session, file: string, flags: CapabilityFlags): Promise<number> {
  const { policy, warnings } = loadCheckedPolicy(file, await loadRegistry(flags));
  const hash = policyHash(policy);
  if (json) {
    const warningsJson = warnings.map(({ path, message, place }) => ({ ...place, path, message }));
    printJson(terminal, { ok: true, policy_hash: hash, warnings: warningsJson });
    return EXIT.done;
  }
  for (const { path, message, place } of warnings)
    terminal.err(withoutControlCharacters(`${place.file}:${place.line}:${place.column}: warning: ${path}: ${message}`));
  terminal.err(`${file}: ok, ${hash}`);
  return EXIT.done;
}

export async function policyShowCommand({ terminal, json }: Session, file: string, flags: CapabilityFlags): Promise<number> {
  const policy = loadPolicy(file, await loadRegistry(flags));
  const policyData = jsonToJs(policyToJson(policy));
  if (json) printJson(terminal, { policy: policyData, policy_hash: policyHash(policy) });
  else terminal.out(JSON.stringify(policyData, null, 2));
  return EXIT.done;
}
