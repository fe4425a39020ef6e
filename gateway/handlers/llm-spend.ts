/** Limits what the calls of one run spend on models. Reserves the worst case before a call and corrects the reservation after the call. */
import type { LlmPolicy } from "../../policy/policy.ts";
import { CapabilityFailure } from "../handlers.ts";

/** The tokens of one call. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** What one run has spent and reserved. */
export interface Spending {
  /**
   * Reserves the maximum that a call can use. Throws `CapabilityFailure` if that might exceed the policy's limits. Call the
   * returned function once, with what the call used, or with undefined if the usage is unknown.
   */
  reserve(llm: LlmPolicy, model: string, worstCase: Usage): (used: Usage | undefined) => void;
}

const TOKENS_PER_MTOK = 1_000_000;

export function createSpending(): Spending {
  let tokens = 0;
  let costUsd = 0;
  return {
    reserve: (llm, model, worstCase) => {
      const price = llm.prices.get(model);
      const costOf = (usage: Usage): number =>
        price === undefined ? 0 : (usage.inputTokens * price.input_per_mtok + usage.outputTokens * price.output_per_mtok) / TOKENS_PER_MTOK;
      const tokensOf = (usage: Usage): number => usage.inputTokens + usage.outputTokens;
      if (llm.max_total_tokens !== null && tokens + tokensOf(worstCase) > llm.max_total_tokens) {
        throw new CapabilityFailure(
          `the call could take ${tokensOf(worstCase)} tokens; ${Math.max(0, llm.max_total_tokens - tokens)} of llm_policy.max_total_tokens are left`,
        );
      }
      if (llm.max_cost_usd !== null && costUsd + costOf(worstCase) > llm.max_cost_usd) {
        throw new CapabilityFailure("the call could cost more than is left of llm_policy.max_cost_usd");
      }
      tokens += tokensOf(worstCase);
      costUsd += costOf(worstCase);
      return (used) => {
        // If the usage is unknown, the reservation stays, so that the limit holds in the worst case.
        if (used === undefined) return;
        tokens += tokensOf(used) - tokensOf(worstCase);
        costUsd += costOf(used) - costOf(worstCase);
      };
    },
  };
}
