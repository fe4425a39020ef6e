/** time.now, random, step.input, and the table of live handlers. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomHandler } from "../../../gateway/handlers/random.ts";
import { stepInputHandler } from "../../../gateway/handlers/step-input.ts";
import { timeNowHandler } from "../../../gateway/handlers/time-now.ts";
import { liveHandlers } from "../../../gateway/live.ts";
import { BUILTIN_REGISTRY } from "../../../vm/capabilities.ts";
import { parseJson } from "../../../vm/json/json.ts";
import { FloatValue, I64_MAX, I64_MIN, intFromBigInt, type Value } from "../../../vm/value/value.ts";
import { callHandler, contextOf, failureOf, policyOf } from "./support.ts";

const context = contextOf(policyOf({}));
const clock = timeNowHandler(() => 1_700_000_000_123.456);
/** The handler of `callRandom`, with the random bytes of a list and then zeros. */
const drawing = (bytes: readonly number[]) => {
  let at = 0;
  return randomHandler((target) => {
    for (let i = 0; i < target.length; i++) target[i] = bytes[at++] ?? 0;
  });
};
const callRandom = (args: readonly Value[], handler = randomHandler()): Promise<Value> => callHandler("random", handler, args, context);

describe("time.now", () => {
  test.each([
    [[], 1_700_000_000],
    [["s"], 1_700_000_000],
    [["ms"], 1_700_000_000_123],
    [["us"], 1_700_000_000_123_456],
  ])("%j returns %d", async (args, expected) => {
    expect(await callHandler("time.now", clock, args, context)).toBe(expected);
  });

  test("an unknown unit fails", async () => {
    expect(await failureOf(callHandler("time.now", clock, ["h"], context))).toBe('failed: the unit of time.now is "s", "ms" or "us"');
  });

  test("uses the system's clock by default", async () => {
    const before = Date.now();
    const now = Number(await callHandler("time.now", timeNowHandler(), ["ms"], context));
    expect(now).toBeGreaterThanOrEqual(before);
    expect(now).toBeLessThanOrEqual(Date.now());
  });
});

describe("random", () => {
  test("a Float is in [0, 1): 0 occurs, 1 does not", async () => {
    expect(await callRandom([], drawing([]))).toEqual(new FloatValue(0));
    expect(await callRandom([], drawing(Array.from({ length: 8 }, () => 255)))).toEqual(new FloatValue(1 - 2 ** -53));
  });

  test("both bounds occur, and nothing outside them", async () => {
    const drawn = [0, 1, 2].map((last) => callRandom(["int", -1, 1], drawing([0, 0, 0, 0, 0, 0, 0, last])));
    expect((await Promise.all(drawn)).map(Number).sort((a, b) => a - b)).toEqual([-1, 0, 1]);
    for (let i = 0; i < 200; i++) expect([-1, 0, 1]).toContain(await callRandom(["int", -1, 1]));
    expect(await callRandom(["int", 7, 7])).toBe(7);
  });

  test("random bytes that would favor small numbers are rejected", async () => {
    const top = Array.from({ length: 8 }, () => 255);
    expect(await callRandom(["int", 0, 2], drawing([...top, 0, 0, 0, 0, 0, 0, 0, 5]))).toBe(2);
  });

  test("any two Int bounds work", async () => {
    const int = fc.bigInt({ min: I64_MIN, max: I64_MAX });
    await fc.assert(
      fc.asyncProperty(int, int, async (a, b) => {
        const [lo, hi] = a <= b ? [a, b] : [b, a];
        const drawn = await callRandom(["int", intFromBigInt(lo), intFromBigInt(hi)]);
        if (typeof drawn !== "number" && typeof drawn !== "bigint") throw new Error("not an Int");
        expect(BigInt(drawn) >= lo && BigInt(drawn) <= hi).toBe(true);
        expect(drawn).toBe(intFromBigInt(BigInt(drawn)));
      }),
    );
    expect(await callRandom(["int", intFromBigInt(I64_MIN), intFromBigInt(I64_MAX)], drawing([]))).toBe(I64_MIN);
  });

  test("wrong arguments fail", async () => {
    expect(await failureOf(callRandom(["int", 2, 1]))).toBe("failed: the lower bound 2 of random is above the upper bound 1");
    expect(await failureOf(callRandom(["float", 1, 2]))).toMatch(/^failed: /);
  });
});

describe("step.input", () => {
  const inputs = new Map([["order", parseJson('{ "b": 1.0, "a": [9007199254740993] }')]]);

  test("returns compact JSON and rounds nothing", async () => {
    expect(await callHandler("step.input", stepInputHandler(inputs), ["order"], context)).toBe('{"a":[9007199254740993],"b":1.0}');
  });

  test.each(["none", "__proto__"])("there is no input %s", async (name) => {
    expect(await failureOf(callHandler("step.input", stepInputHandler(inputs), [name], context))).toBe(
      `failed: there is no input "${name}"`,
    );
  });
});

test("every capability has a live handler, except the internal ones", () => {
  const served = [...liveHandlers({ env: {} }).keys()].sort();
  const wanted = BUILTIN_REGISTRY.all.filter((c) => c.internal !== true).map((c) => c.name);
  expect(served).toEqual(wanted.sort());
});
