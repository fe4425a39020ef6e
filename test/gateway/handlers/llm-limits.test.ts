/** An endpoint that bills in the worst ways never bills more than `llm_policy.max_cost_usd` and `max_total_tokens`. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { llmCallHandler } from "../../../gateway/handlers/llm-call.ts";
import { MapValue } from "../../../vm/value/map.ts";
import type { Value } from "../../../vm/value/value.ts";
import { scaledRuns } from "../../cases.ts";
import { BEHAVIOR_NAMES, BEHAVIORS, badEndpoint, type Behavior, type BookEntry, type NextBehavior } from "./bad-endpoint.ts";
import { callHandler, contextOf, failureOf, policyOf, type TestServer } from "./support.ts";

let server: TestServer | undefined;
afterEach(async () => {
  await server?.close();
  server = undefined;
});

/** Prices in 1/1024 of a dollar for a million tokens, so that costs are whole numbers of 1/1024 of a millionth of a dollar. */
const PRICES: Readonly<Record<string, { readonly input: number; readonly output: number }>> = {
  cheap: { input: 154, output: 614 },
  dear: { input: 15_361, output: 76_801 },
  free: { input: 0, output: 0 },
};
const policyPrices = Object.fromEntries(
  Object.entries(PRICES).map(([model, { input, output }]) => [model, { input_per_mtok: input / 1024, output_per_mtok: output / 1024 }]),
);
const costOf = (books: readonly BookEntry[]): number =>
  books.reduce((sum, { model, inputTokens, outputTokens }) => {
    const price = PRICES[model] ?? { input: Number.NaN, output: Number.NaN };
    return sum + inputTokens * price.input + outputTokens * price.output;
  }, 0);
const tokensOf = (books: readonly BookEntry[]): number => books.reduce((sum, entry) => sum + entry.inputTokens + entry.outputTokens, 0);

interface PlannedCall {
  readonly prompt: string;
  readonly model: string;
  readonly maxTokens: number;
  readonly streams: boolean;
}

const call = fc.record({
  prompt: fc.oneof(fc.string({ unit: "binary", maxLength: 60 }), fc.string({ unit: "grapheme", maxLength: 60 })),
  model: fc.constantFrom(...Object.keys(PRICES)),
  maxTokens: fc.integer({ min: 1, max: 400 }),
  streams: fc.boolean(),
});
const share = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
const behavior = fc.record({
  name: fc.constantFrom(...BEHAVIOR_NAMES),
  bill: fc.record({ inputShare: share, outputShare: share }),
});
/** Batches of calls, and how the endpoint behaves. The calls of a batch are made at the same time. */
const plan = fc.record({
  batches: fc.array(fc.array(call, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 8 }),
  // Often only a few behaviors, so that each occurs repeatedly.
  behaviors: fc.oneof(fc.array(behavior, { minLength: 1, maxLength: 3 }), fc.array(behavior, { minLength: 1, maxLength: 20 })),
  /** In 1/1024 of a millionth of a dollar. */
  maxCost: fc.oneof(fc.integer({ min: 0, max: 300_000_000 }), fc.constant(null)),
  maxTokens: fc.oneof(fc.integer({ min: 0, max: 10_000 }), fc.constant(null)),
});

/** Makes the calls. Returns what the endpoint billed, and how each call ended. */
async function carryOut(batches: readonly (readonly PlannedCall[])[], next: NextBehavior, llm: object) {
  let controller = new AbortController();
  const endpoint = await badEndpoint(next, () => controller.abort());
  server = endpoint.server;
  const { run: handler } = llmCallHandler({
    url: endpoint.url,
    key: "k",
    model: undefined,
    sleep: async () => undefined,
    random: () => 0.5,
  });
  const policy = policyOf({ llm_policy: { prices: policyPrices, ...llm } });
  const ends: string[] = [];
  for (const batch of batches) {
    controller = new AbortController();
    const { signal } = controller;
    const results = batch.map(async ({ prompt, model, maxTokens, streams }) => {
      const args: Value[] = [prompt, model, MapValue.from([["max_output_tokens", maxTokens]])];
      const context = contextOf(policy, { signal, ...(streams ? { onProgress: () => undefined } : {}) });
      try {
        return await failureOf(callHandler("llm.call", handler, args, context));
      } catch (error) {
        if (signal.aborted) return "aborted";
        throw error;
      }
    });
    ends.push(...(await Promise.all(results)));
  }
  await endpoint.server.close();
  return { books: endpoint.books, ends };
}

describe("the limits of llm_policy", () => {
  test("no sequence of calls, retries and failures is billed more than the limits", async () => {
    await fc.assert(
      fc.asyncProperty(plan, async ({ batches, behaviors, maxCost, maxTokens }) => {
        let requests = 0;
        const next: NextBehavior = () => {
          const { name, bill } = behaviors[requests++ % behaviors.length] ?? { name: "honest", bill: { inputShare: 1, outputShare: 1 } };
          return { behavior: BEHAVIORS[name], bill };
        };
        const llm = { max_cost_usd: maxCost === null ? null : maxCost / 1_024_000_000, max_total_tokens: maxTokens };
        const { books } = await carryOut(batches, next, llm);
        if (maxCost !== null) expect(costOf(books)).toBeLessThanOrEqual(maxCost);
        if (maxTokens !== null) expect(tokensOf(books)).toBeLessThanOrEqual(maxTokens);
      }),
      { numRuns: scaledRuns(1_500) },
    );
  });

  const few = (model: string, count: number): PlannedCall[][] =>
    Array.from({ length: count }, () => [{ prompt: "x", model, maxTokens: 100, streams: false }]);
  const always =
    (name: Behavior, inputShare = 0.1, outputShare = 0.1): NextBehavior =>
    () => ({ behavior: BEHAVIORS[name], bill: { inputShare, outputShare } });

  test.each(BEHAVIOR_NAMES)("%s, again and again, is billed no more than the limits", async (name) => {
    for (const share of [1, 0.3]) {
      const batches = [...few("dear", 12), ...few("cheap", 12)].map((batch) =>
        batch.map((planned) => ({ ...planned, streams: share === 1 })),
      );
      const { books } = await carryOut(batches, always(name, share, share), { max_cost_usd: 0.05, max_total_tokens: 4_000 });
      expect(costOf(books) / 1_024_000_000).toBeLessThanOrEqual(0.05);
      expect(tokensOf(books)).toBeLessThanOrEqual(4_000);
    }
  });

  test.each([false, true])("the worst case that fits exactly is sent, one token more is not (stream: %j)", async (streams) => {
    const batches = [[{ prompt: '😀 \u0000 " é'.repeat(50), model: "cheap", maxTokens: 100, streams }]];
    const worst = tokensOf((await carryOut(batches, always("honest", 1, 1), {})).books);
    expect((await carryOut(batches, always("honest", 1, 1), { max_total_tokens: worst })).books.length).toBe(1);
    expect((await carryOut(batches, always("honest", 1, 1), { max_total_tokens: worst - 1 })).ends).toEqual([
      `failed: the call could take ${worst} tokens; ${worst - 1} of llm_policy.max_total_tokens are left. A smaller max_output_tokens or a shorter prompt takes less`,
    ]);
  });

  test("after status 429, the next attempt may be billed, so its tokens stay reserved", async () => {
    let requests = 0;
    const bill = { inputShare: 1, outputShare: 1 };
    const next: NextBehavior = () => ({ behavior: BEHAVIORS[requests++ % 2 === 0 ? "429" : "cut off"], bill });
    const { books } = await carryOut(few("cheap", 20), next, { max_total_tokens: 2_000 });
    expect(tokensOf(books)).toBeLessThanOrEqual(2_000);
  });

  test("with an honest endpoint, nearly all can be spent: what a call did not use is free for the next", async () => {
    const { books, ends } = await carryOut(few("dear", 200), always("honest"), { max_cost_usd: 0.1 });
    expect(ends.filter((end) => end.startsWith("no failure")).length).toBeGreaterThan(50);
    expect(ends.at(-1)).toMatch(/^failed: the call could cost 0\.0\d+ USD; 0\.0\d+ of llm_policy\.max_cost_usd are left\./);
    expect(costOf(books) / 1_024_000_000).toBeGreaterThan(0.08);
  });

  test.each<[Behavior, number]>([
    ["429", 4],
    ["401", 1],
  ])("status %s bills nothing and keeps nothing reserved", async (name, requests) => {
    // The limit fits one attempt of 100 output tokens.
    const { ends } = await carryOut(few("cheap", 3), always(name), { max_total_tokens: 600 });
    expect(ends).toEqual(Array.from({ length: 3 }, () => expect.stringMatching(`HTTP ${name}${requests > 1 ? ", 4 times" : ""}$`)));
  });

  test.each<Behavior>(["400", "408", "302", "reset", "cut off", "reports zeros", "reports nothing", "not JSON"])(
    "%s keeps the reservation, because it may have been billed",
    async (name) => {
      const { books, ends } = await carryOut(few("cheap", 2), always(name), { max_total_tokens: 600 });
      expect(books.length).toBe(1);
      expect(ends.at(-1)).toMatch(/^failed: the call could take \d+ tokens; \d+ of llm_policy\.max_total_tokens are left\./);
    },
  );

  test("a failed attempt counts as billed before it is repeated", async () => {
    const { books, ends } = await carryOut(few("cheap", 1), always("500", 1, 1), { max_total_tokens: 900 });
    expect(books.length).toBe(2);
    expect(ends[0]).toMatch(
      /^failed: the model endpoint answered HTTP 500, and there is no other attempt: the call could take \d+ tokens;/,
    );
  });

  test("a connection that was never made costs nothing", async () => {
    const { url, server: closed } = await badEndpoint(always("honest"), () => undefined);
    await closed.close();
    const { run: handler } = llmCallHandler({ url, key: undefined, model: "cheap" });
    const context = contextOf(policyOf({ llm_policy: { max_total_tokens: 4_500 } }));
    for (let i = 0; i < 3; i++)
      expect(await failureOf(callHandler("llm.call", handler, ["x"], context))).toBe("failed: the connection was refused");
  });

  test("if an endpoint bills more tokens than were asked for, no call follows", async () => {
    const next: NextBehavior = () => ({
      behavior: ({ response, bill, worst }) => {
        const usage = { ...worst, completion_tokens: 1_000_000 };
        bill(usage);
        response.end(JSON.stringify({ choices: [{ message: { content: "x" } }], usage }));
      },
      bill: { inputShare: 1, outputShare: 1 },
    });
    const { books, ends } = await carryOut(few("cheap", 5), next, { max_total_tokens: 1_000_000 });
    expect(books.length).toBe(1);
    expect(ends.map((end) => end.slice(0, 10))).toEqual(["no failure", ...Array.from({ length: 4 }, () => "failed: th")]);
  });

  test("an endpoint that bills more than it reports costs at most that much more", async () => {
    let hidden = 0;
    const next: NextBehavior = () => ({
      behavior: ({ response, bill, worst }) => {
        bill(worst);
        hidden += worst.prompt_tokens - 5 + worst.completion_tokens - 5;
        const usage = { prompt_tokens: 5, completion_tokens: 5 };
        response.end(JSON.stringify({ choices: [{ message: { content: "x" } }], usage }));
      },
      bill: { inputShare: 1, outputShare: 1 },
    });
    const { books } = await carryOut(few("cheap", 300), next, { max_total_tokens: 1_000 });
    expect(tokensOf(books) - hidden).toBeLessThanOrEqual(1_000);
  });

  test("a report that cannot be true keeps the reservation: 10,000 bytes are more than 5 tokens", async () => {
    const next: NextBehavior = () => ({
      behavior: ({ response }) =>
        response.end(
          JSON.stringify({
            choices: [{ message: { content: "x".repeat(10_000) } }],
            usage: { prompt_tokens: 5, completion_tokens: 5 },
          }),
        ),
      bill: { inputShare: 1, outputShare: 1 },
    });
    const { ends } = await carryOut(few("cheap", 2), next, { max_total_tokens: 600 });
    expect(ends.at(-1)).toMatch(/^failed: the call could take/);
  });
});
