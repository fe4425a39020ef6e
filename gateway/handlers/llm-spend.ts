/**
 * Limits what the calls of one run spend on models. Before an attempt is sent, the most tokens that it can use are reserved. If the endpoint
 * reports what the attempt used, that replaces the reservation. Otherwise the reservation stays, as if all of it had been billed.
 */
import type { LlmPolicy } from "../../policy/policy.ts";
import { CapabilityFailure } from "../handlers.ts";

/** The tokens of one attempt. Whole numbers of at most `MAX_TOKENS`. */
export interface Usage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export const NO_USAGE: Usage = { inputTokens: 0, outputTokens: 0 };
/** Larger counts are reduced to this count. No policy allows so many tokens. */
export const MAX_TOKENS = Number.MAX_SAFE_INTEGER;

/** What one run has spent and reserved. */
export interface Spending {
  /**
   * Reserves the most that an attempt can use. Throws `CapabilityFailure` if that might exceed the policy's limits. Call the returned
   * function at most once, with what the attempt used, and only if that is known.
   */
  reserve(llm: LlmPolicy, model: string, worstCase: Usage): (used: Usage) => void;
  /** Counts what an earlier process of the run used, even if it exceeds the limits. */
  count(model: string, used: Usage): void;
}

/** How the message of a refused reservation begins. */
const REFUSAL = "the call could ";

/** Whether a recorded failure says that the limits refused the call's first attempt, so that nothing was sent. */
export function isRefusal(message: string): boolean {
  return message.startsWith(REFUSAL);
}

const TOKENS_PER_MTOK = 1_000_000;

export function createSpending(): Spending {
  // Whole numbers of tokens by model, not a sum of dollars, so that thousands of additions and corrections add no rounding errors.
  const spent = new Map<string, Usage>();
  const add = (model: string, { inputTokens, outputTokens }: Usage): void => {
    const before = spent.get(model) ?? NO_USAGE;
    spent.set(model, { inputTokens: before.inputTokens + inputTokens, outputTokens: before.outputTokens + outputTokens });
  };
  return {
    count: add,
    reserve: (llm, model, worstCase) => {
      checkTokens(llm, spent, worstCase);
      checkCost(llm, spent, model, worstCase);
      add(model, worstCase);
      return (used) =>
        add(model, {
          inputTokens: used.inputTokens - worstCase.inputTokens,
          outputTokens: used.outputTokens - worstCase.outputTokens,
        });
    },
  };
}

const tokensOf = (usage: Usage): number => usage.inputTokens + usage.outputTokens;

function checkTokens({ max_total_tokens: limit }: LlmPolicy, spent: ReadonlyMap<string, Usage>, worstCase: Usage): void {
  if (limit === null) return;
  const total = [...spent.values()].reduce((sum, usage) => sum + tokensOf(usage), 0);
  if (total + tokensOf(worstCase) <= limit) return;
  throw new CapabilityFailure(
    `${REFUSAL}take ${tokensOf(worstCase)} tokens; ${Math.max(0, limit - total)} of llm_policy.max_total_tokens are left. ${ADVICE}`,
  );
}

function checkCost(llm: LlmPolicy, spent: ReadonlyMap<string, Usage>, model: string, worstCase: Usage): void {
  const { max_cost_usd: limit } = llm;
  if (limit === null) return;
  const before = spent.get(model) ?? NO_USAGE;
  const after = new Map(spent).set(model, {
    inputTokens: before.inputTokens + worstCase.inputTokens,
    outputTokens: before.outputTokens + worstCase.outputTokens,
  });
  if (costOf(llm, after) <= limit) return;
  const cost = costOf(llm, new Map([[model, worstCase]]));
  const left = Math.max(0, limit - costOf(llm, spent));
  throw new CapabilityFailure(`${REFUSAL}cost ${dollars(cost)} USD; ${dollars(left)} of llm_policy.max_cost_usd are left. ${ADVICE}`);
}

const ADVICE = "A smaller max_output_tokens or a shorter prompt takes less";

const dollars = (amount: number): string => String(Number(amount.toPrecision(3)));

/** Returns US dollars. A model without a price costs infinitely much; the policy denies such a model before this. */
function costOf({ prices }: LlmPolicy, spent: ReadonlyMap<string, Usage>): number {
  let cost = 0;
  for (const [model, { inputTokens, outputTokens }] of spent) {
    const price = prices.get(model);
    cost += price === undefined ? Infinity : (inputTokens * price.input_per_mtok + outputTokens * price.output_per_mtok) / TOKENS_PER_MTOK;
  }
  return cost;
}
