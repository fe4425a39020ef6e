/** Derives facts about a call from its arguments and its answer. */
import type { CallSpanEnd } from "../telemetry/tracing.ts";
import type { CapabilityDecl, CapabilitySignature } from "../vm/capabilities.ts";
import type { TypeDef } from "../vm/bytecode/module.ts";
import { MapValue } from "../vm/value/map.ts";
import { matchesType } from "../vm/value/matches-type.ts";
import { typeToString } from "../vm/value/type.ts";
import type { Value } from "../vm/value/value.ts";

/** Returns how the arguments differ from the signature, or undefined. */
export function argumentMismatch(
  capability: CapabilityDecl,
  signature: CapabilitySignature | undefined,
  args: readonly Value[],
  types: readonly TypeDef[],
): string | undefined {
  if (signature === undefined) return `${capability.name} does not take ${args.length} arguments: ${capability.call}`;
  for (const [i, arg] of args.entries()) {
    const param = signature.params[i];
    if (param !== undefined && !matchesType(arg, param.type, types))
      return `${capability.name}: the argument ${param.name} must be ${typeToString(param.type)}`;
  }
  return undefined;
}

/**
 * Returns what the answer of an `llm.call` says about model and tokens, for its span. Empty for other capabilities. If both
 * counts in the answer are 0, the endpoint did not report them, so they become undefined.
 */
export function modelFacts(
  capability: CapabilityDecl,
  result: Value | undefined,
): Pick<CallSpanEnd, "inputTokens" | "outputTokens" | "responseModel"> {
  if (capability.name !== "llm.call" || !(result instanceof MapValue)) return {};
  const model = result.get("model");
  const usage = result.get("usage");
  const count = (name: string): number | undefined => {
    const tokens = usage instanceof MapValue ? usage.get(name) : undefined;
    return typeof tokens === "number" ? tokens : undefined;
  };
  const inputTokens = count("input_tokens");
  const outputTokens = count("output_tokens");
  const isReported = inputTokens !== 0 || outputTokens !== 0;
  return {
    inputTokens: isReported ? inputTokens : undefined,
    outputTokens: isReported ? outputTokens : undefined,
    responseModel: typeof model === "string" ? model : undefined,
  };
}
