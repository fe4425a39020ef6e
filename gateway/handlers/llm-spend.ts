/** Limits what the calls of one run spend on models: reserves the worst case before a call and corrects it after the call. */
import type { LlmPolicy } from "../../policy/policy.ts";
import { CapabilityFailure } from "../handlers.ts";

export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface Spending {
  /**
   * Throws `CapabilityFailure` if the call might exceed the policy's limits. Call the returned function once, with what the
   * call used, or with undefined if that is unknown.
   */
  reserve(llm: LlmPolicy, model: string, worst: Usage): (used: Usage | undefined) => void;
}

const TOKENS_PER_MTOK = 1_000_000;

export function createSpending(): Spending {
  let tokens = 0;
  let cost = 0;
  return {
    reserve: (llm, model, worst) => {
      const price = llm.prices.get(model);
      const costOf = (usage: Usage): number =>
        price === undefined ? 0 : (usage.inputTokens * price.input_per_mtok + usage.outputTokens * price.output_per_mtok) / TOKENS_PER_MTOK;
      const tokensOf = (usage: Usage): number => usage.inputTokens + usage.outputTokens;
      if (llm.max_total_tokens !== null && tokens + tokensOf(worst) > llm.max_total_tokens) {
        throw new CapabilityFailure(
          `the call could take ${tokensOf(worst)} tokens; ${Math.max(0, llm.max_total_tokens - tokens)} of llm_policy.max_total_tokens are left`,
        );
      }
      if (llm.max_cost_usd !== null && cost + costOf(worst) > llm.max_cost_usd) {
        throw new CapabilityFailure("the call could cost more than is left of llm_policy.max_cost_usd");
      }
      tokens += tokensOf(worst);
      cost += costOf(worst);
      return (used) => {
        // Unknown use keeps the reservation, so that the limit holds in the worst case.
        if (used === undefined) return;
        tokens += tokensOf(used) - tokensOf(worst);
        cost += costOf(used) - costOf(worst);
      };
    },
  };
}
