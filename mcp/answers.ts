/** The tools that neither compile nor run a program. They answer in the server's thread. */
import { diagnosticCode, explanationJson } from "../compiler/explanation-json.ts";
import { checkPolicy } from "../policy/parse.ts";
import { isAllowed, policyFromJson, policyHash } from "../policy/policy.ts";
import { BUILTIN_REGISTRY } from "../vm/capabilities.ts";
import type { BorunaError } from "../vm/error.ts";
import { parseJson } from "../vm/json/json.ts";
import { compareUtf8 } from "../vm/value/utf8.ts";
import { VERSION } from "../vm/version.ts";
import { docsPiece } from "./docs.ts";
import { listArg, type McpSettings, numberArg, textArg, type ToolAnswer, type ToolArgs } from "./settings.ts";
import { describeTools, readToolModule, searchTools } from "./tool-search.ts";

/** Returns the answer of one tool. Throws `BorunaError` for arguments that fit the tool's schema but are not valid. */
type Answer = (args: ToolArgs, settings: McpSettings) => ToolAnswer;

export const ANSWERS: ReadonlyMap<string, Answer> = new Map<string, Answer>([
  ["boruna_explain", (args) => explanationJson(diagnosticCode(textArg(args, "code") ?? ""))],
  ["boruna_policy_validate", (args) => policyAnswer(textArg(args, "policy") ?? "")],
  ["boruna_capability_list", (_, settings) => capabilityList(settings)],
  ["boruna_search", (args, settings) => searchAnswer(args, settings)],
  ["boruna_describe", (args, { tools }) => ({ declarations: describeTools(tools.map(readToolModule), listArg(args, "names") ?? []) })],
  ["boruna_docs", (args) => ({ ...docsPiece(textArg(args, "page"), textArg(args, "section")) })],
]);

function searchAnswer(args: ToolArgs, settings: McpSettings): ToolAnswer {
  const policy = policyFromJson(parseJson(settings.policy));
  const modules = settings.tools.map(readToolModule);
  return { tools: searchTools(modules, policy, textArg(args, "query") ?? "", numberArg(args, "limit") ?? 10) };
}

function policyAnswer(text: string): ToolAnswer {
  const { policy, warnings } = checkPolicy(text, { file: "policy", jsonc: true });
  return { ok: true, policy_hash: policyHash(policy), warnings: warnings.map(({ path, message, place }) => ({ ...place, path, message })) };
}

function capabilityList(settings: McpSettings): ToolAnswer {
  const policy = policyFromJson(parseJson(settings.policy));
  const { all, setHash } = BUILTIN_REGISTRY;
  const capabilities = [...all]
    .sort((a, b) => compareUtf8(a.name, b.name))
    .map(({ name, version, call, doc }) => ({ name, version, call, doc, allowed: isAllowed(policy, name) }));
  return { name: "boruna", version: VERSION, capabilities, capability_set_hash: setHash };
}

/** Returns the answer for an error that a caller can cause. */
export function errorAnswer(error: BorunaError): ToolAnswer {
  const { kind, message, hint, place } = error;
  const found = place === undefined ? {} : { line: place.line, column: place.column };
  return { error: { kind, message, ...(hint === undefined ? {} : { hint }), ...found } };
}
