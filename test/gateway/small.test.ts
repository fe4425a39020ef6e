import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { randomHandler } from "../../gateway/handlers/random.ts";
import { stepInputHandler } from "../../gateway/handlers/step-input.ts";
import { timeNowHandler } from "../../gateway/handlers/time-now.ts";
import { mockHandlers } from "../../gateway/mock.ts";
import { ALLOW_ALL } from "../../policy/policy.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { FloatValue, I64_MAX, I64_MIN, intFromBigInt } from "../../vm/value.ts";
import { callerOf, contextOf, policyOf } from "./context.ts";

describe("time.now", () => {
  test("units", async () => {
    const now = callerOf("time.now", timeNowHandler(() => 1_700_000_000_123.4567), ALLOW_ALL);
    expect([await now(), await now("ms"), await now("us")]).toEqual([1_700_000_000, 1_700_000_000_123, 1_700_000_000_123_456]);
    expect(await now("h")).toBe('failed: the unit of time.now is "s", "ms" or "us"');
    const real = await callerOf("time.now", timeNowHandler(), ALLOW_ALL)("ms");
    expect(Math.abs(Number(real) - Date.now())).toBeLessThan(10_000);
  });
});

describe("random", () => {
  const filled = (value: bigint) => randomHandler((bytes) => new DataView(bytes.buffer).setBigUint64(0, value));
  const context = contextOf(ALLOW_ALL);

  test("Floats are in [0, 1)", () => {
    expect(filled(0n)([], context)).toEqual(new FloatValue(0));
    expect(filled(2n ** 64n - 1n)([], context)).toEqual(new FloatValue(1 - 2 ** -53));
  });

  test("Ints stay between their bounds, both included, over all of i64", () => {
    const bound = fc.bigInt(I64_MIN, I64_MAX);
    const handler = randomHandler();
    fc.assert(
      fc.property(bound, bound, (a, b) => {
        const [lo, hi] = a < b ? [a, b] : [b, a];
        const drawn = handler(["int", intFromBigInt(lo), intFromBigInt(hi)], context);
        expect(typeof drawn === "number" || typeof drawn === "bigint").toBe(true);
        expect(BigInt(String(drawn)) >= lo && BigInt(String(drawn)) <= hi).toBe(true);
      }),
    );
    expect(filled(0n)(["int", 3, 3], context)).toBe(3);
    expect(filled(2n ** 64n - 1n)(["int", intFromBigInt(I64_MIN), intFromBigInt(I64_MAX)], context)).toBe(I64_MAX);
  });

  test("what would favour low values is drawn again", () => {
    const draws = [2n ** 64n - 1n, 4n];
    const handler = randomHandler((bytes) => new DataView(bytes.buffer).setBigUint64(0, draws.shift() ?? 0n));
    expect(handler(["int", 0, 2], context)).toBe(1);
    expect(draws).toEqual([]);
  });

  test("wrong bounds and words fail", async () => {
    const random = callerOf("random", randomHandler(), ALLOW_ALL);
    expect(await random("int", 2, 1)).toBe("failed: the lower bound 2 of random is above the upper bound 1");
    expect(await random("float", 1, 2)).toBe('failed: random takes no arguments, or "int" with two bounds');
  });
});

describe("step.input", () => {
  test("compact JSON of the named input", async () => {
    const input = callerOf("step.input", stepInputHandler(new Map([["a", new Map([["x", [1, null]]])]])), ALLOW_ALL);
    expect(await input("a")).toBe('{"x":[1,null]}');
    expect(await input("b")).toBe('failed: there is no input "b"');
  });
});

describe("mocks", () => {
  test("are the table's, with the inputs that are given", async () => {
    const mocks = mockHandlers(BUILTIN_REGISTRY, { inputs: new Map([["a", 1]]) });
    expect([...mocks.keys()].sort()).toEqual(["db.query", "fs.read", "fs.write", "llm.call", "net.fetch", "random", "step.input", "time.now"]);
    const call = (name: string, policy = ALLOW_ALL) => callerOf(name, mocks.get(name) ?? expect.fail(name), policy);
    expect(await call("net.fetch")("http://x.example/")).toBe('{"mock": true, "url": "http://x.example/"}');
    expect(await call("time.now")()).toBe(1_700_000_000);
    expect(await call("random")("int", 5, 9)).toBe(5);
    expect(await call("step.input")("a")).toBe("1");
    expect(await call("step.input")("b")).toBe("");
    const scoped = policyOf({ default_allow: true, fs_policy: { read: ["./data"], write: ["./out"] } });
    expect(await call("fs.read", scoped)("data/x")).toBe('mock file content for "data/x"');
    expect(await call("fs.read", scoped)("/etc/passwd")).toMatch(/^denied/);
    expect(await call("fs.write", scoped)(`${process.cwd()}/out/x`, "")).toBe(true);
  });
});
