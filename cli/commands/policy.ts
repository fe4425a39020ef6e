import { checkProgramPolicy, policyCheckJson, policyCheckLines, refusesCall } from "../../analysis/check.ts";
import { changeLines, policyChanges } from "../../analysis/policy-diff.ts";
import { programChanges } from "../../analysis/program-diff.ts";
import { checkFunctions, type CheckedFunctions } from "../../compiler/compile.ts";
import { loadCheckedPolicy, loadPolicy } from "../../policy/load.ts";
import { policyHash, policyToJson } from "../../policy/policy.ts";
import { jsonToJs } from "../../vm/json/js-interop.ts";
import { openSources } from "../../runtime/sources.ts";
import type { CapabilityRegistry } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT } from "../../vm/outcome.ts";
import { type CapabilityFlags, loadRegistry } from "../capabilities.ts";
import { isModuleFile } from "../load.ts";
import type { Session } from "../session.ts";
import { withoutControlCharacters, printJson, toPlainObject } from "../terminal.ts";

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

export interface PolicyCheckFlags extends CapabilityFlags {
  readonly program?: string;
  readonly policy?: string;
}

export async function policyCheckCommand(session: Session, flags: PolicyCheckFlags): Promise<number> {
  const { terminal, json } = session;
  const registry = await loadRegistry(flags);
  if (flags.program === undefined)
    throw new BorunaError("usage", "no program is named", { hint: "boruna policy check --program app.ax --policy policy.json" });
  const policy = flags.policy === undefined ? undefined : loadPolicy(flags.policy, registry);
  const check = checkProgramPolicy(loadFunctions(session, flags.program, registry), policy, registry);
  if (json) printJson(terminal, toPlainObject(policyCheckJson(check)));
  else for (const line of policyCheckLines(check)) terminal.out(withoutControlCharacters(line));
  return refusesCall(check) ? EXIT.failed : EXIT.done;
}

export interface PolicyDiffFlags extends CapabilityFlags {
  readonly program?: boolean;
}

/** Compares two policies, or with `--program` two programs. Exits with 1 if the second allows more, or may do more. */
export async function policyDiffCommand(session: Session, before: string, after: string, flags: PolicyDiffFlags): Promise<number> {
  const { terminal, json } = session;
  const registry = await loadRegistry(flags);
  const changes =
    flags.program === true
      ? programChanges(loadFunctions(session, before, registry), loadFunctions(session, after, registry), registry)
      : policyChanges(loadPolicy(before, registry), loadPolicy(after, registry), registry);
  const grows = changes.some(({ direction }) => direction === "grows");
  if (json) printJson(terminal, { ok: !grows, changes });
  else {
    for (const line of changeLines(changes)) terminal.out(withoutControlCharacters(line));
    terminal.err(grows ? "the authority grows" : changes.length === 0 ? "the authority is the same" : "the authority does not grow");
  }
  return grows ? EXIT.failed : EXIT.done;
}

/** Loads the checked functions of a program, for analyses. Throws `usage`, `io_error`, `CompileError`. */
function loadFunctions(session: Session, path: string, registry: CapabilityRegistry): CheckedFunctions {
  if (isModuleFile(path))
    throw new BorunaError("usage", `${path} is a module, and this command reads source`, {
      hint: "Give the .ax file that it was compiled from.",
    });
  const { source, resolve, textOf } = openSources(path);
  session.sourceOf = textOf;
  return checkFunctions(source, { resolve, registry });
}
