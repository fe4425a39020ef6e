import { describe, expect, test } from "vitest";
import { NO_APPROVAL } from "../../policy/approval-fields.ts";
import { checkPolicy, parsePolicy } from "../../policy/parse.ts";
import { policyHash } from "../../policy/policy.ts";

const options = { file: "p.json", jsonc: false };
const warningsOf = (text: string): readonly string[] =>
  checkPolicy(text, options).warnings.map(({ path, message, place }) => `${place.line}:${place.column} ${path}: ${message}`);

const FETCH = '"rules": {"net.fetch": {"allow": true}}';

describe("warnings", () => {
  test.each([
    [
      '{"rules": {"random": {"allow": true, "budget": 0}}}',
      ["1:38 rules.random.budget: 0 is no limit. Leave it out to say so, or set allow to false to allow no call."],
    ],
    [
      '{"rules": {"random": {"allow": false, "budget": 5}}}',
      ["1:39 rules.random.budget: it has no effect, since the rule does not allow random."],
    ],
    ['{\n"net_policy": {"allowed_domains": ["a.example"]}}', ["2:1 net_policy: it has no effect, since no rule allows net.fetch."]],
    [
      '{"rules": {"net.fetch": {"allow": false}}, "net_policy": {"timeout_ms": 1}}',
      ["1:44 net_policy: it has no effect, since no rule allows net.fetch."],
    ],
    [
      '{"fs_policy": {"read": ["a"], "write": ["b"]}}',
      [
        "1:2 fs_policy.read: it has no effect, since no rule allows fs.read.",
        "1:2 fs_policy.write: it has no effect, since no rule allows fs.write.",
      ],
    ],
    ['{"rules": {"fs.read": {"allow": true}}}', ['1:12 rules["fs.read"]: every call is denied, since fs_policy.read names no folder.']],
    [
      '{"db_policy": {"max_rows": 1}, "llm_policy": {"max_output_tokens": 1}}',
      [
        "1:2 db_policy: it has no effect, since no rule allows db.query.",
        "1:32 llm_policy: it has no effect, since no rule allows llm.call.",
      ],
    ],
    ['{"secrets": {"K": {"env": "K", "hosts": ["a.example"]}}}', ["1:2 secrets: it has no effect, since no rule allows net.fetch."]],
    [`{${FETCH}, "secrets": {"K": {"env": "K", "hosts": []}}}`, ['1:55 secrets["K"]: it can be sent nowhere, since hosts is empty.']],
    [
      `{${FETCH}, "net_policy": {"allowed_domains": ["*.a.example"]}, "secrets": {"K": {"env": "K", "hosts": ["b.example"]}, "L": {"env": "L", "hosts": ["x.a.example"]}}}`,
      ['1:107 secrets["K"]: it can be sent nowhere, since net_policy.allowed_domains has none of its hosts.'],
    ],
    [
      `{${FETCH}, "net_policy": {"allowed_domains": ["xn--a.example"]}}`,
      ['1:43 net_policy.allowed_domains: no URL has the host "xn--a.example": its label xn--… does not decode.'],
    ],
    [
      '{"default_allow": true, "llm_policy": {"max_cost_usd": 1}}',
      ["1:25 llm_policy.prices: every call is denied, since max_cost_usd is set and no model has a price."],
    ],
    [
      '{"default_allow": true, "llm_policy": {"allowed_models": ["m"], "max_cost_usd": 1}}',
      ['1:25 llm_policy.allowed_models: every call of "m" is denied, since max_cost_usd is set and prices does not name it.'],
    ],
  ])("%s", (text, warnings) => expect(warningsOf(text)).toEqual(warnings));

  test.each([
    "{}",
    '{"net_policy": null, "fs_policy": {"read": []}, "secrets": {}}',
    '{"default_allow": true, "net_policy": {"timeout_ms": 1}, "fs_policy": {"read": ["."]}}',
    `{${FETCH}, "net_policy": {"allowed_domains": ["*.a.example"]}, "secrets": {"K": {"env": "K", "hosts": ["*.x.a.example"]}}}`,
    '{"rules": {"random": {"allow": true, "budget": 1}}}',
    `{${FETCH}, "net_policy": {"allowed_domains": ["[::1]:80"]}, "secrets": {"K": {"env": "K", "hosts": ["::1"]}}}`,
    `{${FETCH}, "net_policy": {"allowed_domains": ["*"]}, "secrets": {"K": {"env": "K", "hosts": ["a.example"]}}}`,
  ])("none for %s", (text) => expect(warningsOf(text)).toEqual([]));

  test("do not change the policy", () => {
    const text = '{"rules": {"random": {"allow": true, "budget": 0}}, "net_policy": {"timeout_ms": 1}}';
    expect(policyHash(checkPolicy(text, options).policy)).toBe(policyHash(parsePolicy(text, options)));
    expect(parsePolicy(text, options).rules.get("random")).toEqual({ allow: true, budget: 0, where: new Map(), approval: NO_APPROVAL });
  });
});

describe("numbers", () => {
  test.each([
    "1e-400",
    "0.0000000000000000000000000000000000000000000000001e-300",
    "4.00000000000000000001",
    "0.99999999999999999999",
    "-1e-400",
  ])("%s is refused: it would be read as a whole number", (number) => {
    expect(() => parsePolicy(`{"rules": {"random": {"allow": true, "budget": ${number}}}}`, options)).toThrow(
      expect.objectContaining({
        kind: "policy.parse_error",
        message: `the number ${number} cannot be held exactly: it would be read as ${Number(number)}`,
        place: { file: "p.json", line: 1, column: 48 },
      }),
    );
  });

  test.each([
    ["5", 5],
    ["5.0", 5],
    ["50e-1", 5],
    ["0.5e1", 5],
    ["0", 0],
    ["0.0e-5", 0],
    ["-0", 0],
    ["100e-2", 1],
  ])("%s is %d", (number, value) => {
    expect(parsePolicy(`{"rules": {"random": {"allow": true, "budget": ${number}}}}`, options).rules.get("random")?.budget).toBe(value);
  });
});

test.each(["FETCH", "TRACE", "G ET", ""])("the method %j is refused", (method) => {
  expect(() => parsePolicy(JSON.stringify({ net_policy: { allowed_methods: [method] } }), options)).toThrow(
    expect.objectContaining({ kind: "policy.invalid_net_policy", message: expect.stringContaining("net.fetch has no such method.") }),
  );
});
