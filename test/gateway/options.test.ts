/** A wrong `policy` or `limits` option is an error that names the option. No option is silently ignored. */
import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { limitsOption, policyOption } from "../../gateway/options.ts";
import { ALLOW_ALL, DENY_ALL, policyHash, withShorthands } from "../../policy/policy.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { execute, type RunOptions } from "../../runtime/execute.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { policyOf } from "./context.ts";

const ONE = compile({ name: "one.ax", text: "fn main() -> Int { 1 }" });
/** Runs with options that TypeScript would reject. */
const run = (options: object): Promise<unknown> => {
  const given: RunOptions = { tracing: false };
  return execute(ONE, Object.assign(given, options));
};
const evil = (): never => {
  throw new TypeError("evil");
};
const inside: unknown[] = [];
inside.push(inside);

describe("a policy option", () => {
  test.each([
    ["null", null, "policy.parse_error", "the policy must be an object, not null"],
    ["a number", 5, "policy.parse_error", "the policy must be an object, not the number 5"],
    ["a list", [], "policy.parse_error", "the policy must be an object, not a list"],
    ["an unknown name", "allow", "usage", 'policy: there is no policy "allow"'],
    ["a promise", Promise.resolve(ALLOW_ALL), "usage", "policy: a class instance is no JSON value"],
    ["a proxy with traps", new Proxy({}, { ownKeys: evil }), "usage", "policy: reading it throws an error"],
    [
      "an object with a getter",
      Object.defineProperty({}, "rules", { enumerable: true, get: evil }),
      "usage",
      "policy: reading it throws an error",
    ],
    ["inside itself", { rules: inside }, "usage", "policy: a value nested deeper than 10000, or inside itself"],
    ["of an unknown field", { allow: true }, "policy.unknown_field", "policy: unknown field allow"],
    [
      "of a wrong rule",
      { rules: { "net.fetch": true } },
      "policy.parse_error",
      'policy: rules["net.fetch"] must be an object with allow and budget, not true or false',
    ],
    [
      "with a denial that is misspelled",
      { default_allow: true, rules: { "net.fecth": { allow: false } } },
      "policy.invalid_capability",
      'policy: rules names the unknown capability "net.fecth"',
    ],
    [
      "with a Map that has a misspelled name",
      { default_allow: true, rules: new Map([["net.fecth", { allow: false }]]) },
      "policy.invalid_capability",
      'policy: rules names the unknown capability "net.fecth"',
    ],
    [
      "of a wrong port",
      { ...ALLOW_ALL, net_policy: { ...ALLOW_ALL.net_policy, allowed_ports: ["80"] } },
      "policy.invalid_net_policy",
      "policy: net_policy.allowed_ports[0] must be a whole number from 1 to 65535, not a text",
    ],
    ["of a wrong limit", { ...ALLOW_ALL, limits: { maxSteps: 1 } }, "policy.unknown_field", 'policy: unknown field limits["maxSteps"]'],
  ])("that is %s is refused", async (_name, policy, kind, message) => {
    await expect(run({ policy })).rejects.toMatchObject({ kind, message });
  });

  test("is copied, and keeps its hash", () => {
    const policy = policyOf({
      rules: { "fs.read": { allow: true, budget: 3 } },
      llm_policy: { max_cost_usd: 0.5, prices: { m: { input_per_mtok: 0.15, output_per_mtok: 1 } } },
    });
    const wider = withShorthands(policy, { allowNet: ["*.example.org"], allowRead: ["/data"] });
    for (const given of [policy, wider, ALLOW_ALL, DENY_ALL])
      expect(policyHash(policyOption(given, BUILTIN_REGISTRY))).toBe(policyHash(given));
    expect(policyOption(policy, BUILTIN_REGISTRY)).not.toBe(policy);
    expect(policyOption(undefined, BUILTIN_REGISTRY)).toBe(DENY_ALL);
  });
});

test("a policy may name capabilities that the program does not know, if it was parsed with a registry that has them", () => {
  const registry = createRegistry([{ name: "shop.order", version: "1", params: [], result: "String", mayRepeat: true }]);
  const policy = parsePolicy('{ "rules": { "shop.order": { "allow": true } } }', { file: "p.json", jsonc: false, registry });
  for (const given of [policy, { ...policy, default_allow: true }, withShorthands(policy, { allowNet: ["example.org"] }, registry)])
    expect(policyOption(given, BUILTIN_REGISTRY).rules.get("shop.order")?.allow).toBe(true);
});

describe("a limits option", () => {
  test.each([
    ["maxSteps", { maxSteps: 5 }, "policy.unknown_field", 'unknown field limits["maxSteps"]', 'Did you mean "max_steps"?'],
    [
      "max-call-depth",
      { "max-call-depth": 5 },
      "policy.unknown_field",
      'unknown field limits["max-call-depth"]',
      'Did you mean "max_call_depth"?',
    ],
    ["steps", { steps: 5 }, "policy.unknown_field", "unknown field limits.steps", "Known are: max_steps"],
    [
      "text",
      { max_steps: "5" },
      "policy.invalid_limits",
      "limits.max_steps must be a whole number from 1 to 9007199254740991, not a text",
      "",
    ],
    ["NaN", { max_steps: Number.NaN }, "policy.invalid_limits", "limits.max_steps must be", ""],
    ["a negative number", { max_alloc_bytes: -1 }, "policy.invalid_limits", "limits.max_alloc_bytes must be", ""],
    ["a fraction", { max_wall_ms: 1.5 }, "policy.invalid_limits", "limits.max_wall_ms must be", ""],
    ["too much", { max_call_depth: 1e9 }, "policy.invalid_limits", "limits.max_call_depth must be", ""],
    ["a number", 5, "policy.invalid_limits", "limits must be an object, not the number 5", ""],
    ["a JavaScript Map", new Map([[1, 2]]), "usage", "limits: a Map with a key that is no string", ""],
    [
      "a getter",
      Object.defineProperty({}, "max_steps", { enumerable: true, get: evil }),
      "usage",
      "limits: reading it throws an error",
      "",
    ],
  ])("with %s is refused", async (_name, limits, kind, message, hint) => {
    const error: unknown = await run({ limits }).catch((e: unknown) => e);
    expect(error).toMatchObject({ kind, message: expect.stringContaining(message) });
    if (hint !== "") expect(error).toMatchObject({ hint: expect.stringContaining(hint) });
  });

  test("contains only the limits that are set; undefined is not set", () => {
    expect(limitsOption({ max_steps: 5, max_wall_ms: undefined })).toEqual({ max_steps: 5 });
    expect(limitsOption()).toEqual({});
  });
});
