/** `approval` in the rule of a capability. */
import { describe, expect, test } from "vitest";
import { MAX_KEYS, NO_APPROVAL } from "../../policy/approval-fields.ts";
import { Decisions } from "../../policy/decide.ts";
import { checkPolicy, parsePolicy } from "../../policy/parse.ts";
import { policyFromJson, policyHash, policyToJson, withShorthands } from "../../policy/policy.ts";
import { builtinCapability } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { MapValue } from "../../vm/value/map.ts";
import type { Value } from "../../vm/value/value.ts";

const PUBLIC_KEY = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";
const OPTIONS = { file: "p.json", jsonc: false } as const;
const textWith = (approval: unknown, capability = "net.fetch"): string =>
  JSON.stringify({ rules: { [capability]: { allow: true, budget: 3, ...(approval === undefined ? {} : { approval }) } } });
const policyWith = (approval: unknown) => parsePolicy(textWith(approval), OPTIONS);

function parseFailure(text: string): BorunaError {
  try {
    parsePolicy(text, OPTIONS);
  } catch (error) {
    if (error instanceof BorunaError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test('"required" is a short form, and the hash does not depend on the form', () => {
  const short = policyWith("required");
  expect(short.rules.get("net.fetch")?.approval).toEqual({ required: true, keys: [], where: new Map() });
  expect(policyHash(short)).toBe(policyHash(policyWith({ required: true })));
  expect(policyHash(short)).toBe(policyHash(policyWith({ where: {}, keys: [], required: true })));
});

test("a policy without approval keeps its hash, and one with it gets another", () => {
  const without = policyHash(policyWith(undefined));
  expect(policyHash(policyWith({ required: false }))).toBe(without);
  const hashes = ["required", { required: true, keys: [PUBLIC_KEY] }, { required: true, where: { method: { equal: "POST" } } }].map(
    (approval) => policyHash(policyWith(approval)),
  );
  expect(new Set([...hashes, without]).size).toBe(4);
});

test("canonical JSON reads back as the same policy", () => {
  const policy = policyWith({ required: true, keys: [PUBLIC_KEY, PUBLIC_KEY], where: { method: [{ equal: "POST" }, { prefix: "P" }] } });
  expect(policy.rules.get("net.fetch")?.approval.keys).toEqual([PUBLIC_KEY]);
  expect(policyFromJson(policyToJson(policy))).toEqual(policy);
});

test("the options --allow… keep the approval", () => {
  const policy = policyWith("required");
  for (const given of [{ allow: ["net.fetch=9"] }, { allowNet: ["a.example"] }])
    expect(withShorthands(policy, given).rules.get("net.fetch")?.approval.required).toBe(true);
  expect(withShorthands(policy, { allow: ["random"] }).rules.get("random")?.approval).toEqual(NO_APPROVAL);
});

test.each([
  ["another word", "needed", "policy.invalid_approval", 'rules["net.fetch"].approval must be "required", or an object with required'],
  ["no required", { keys: [PUBLIC_KEY] }, "policy.invalid_approval", 'rules["net.fetch"].approval.required is missing'],
  ["an unknown field", { required: true, key: PUBLIC_KEY }, "policy.unknown_field", 'unknown field rules["net.fetch"].approval.key'],
  ["a whole PEM file", { required: true, keys: ["-----BEGIN PUBLIC KEY-----"] }, "policy.invalid_approval", "write the line between"],
  [
    "a key of another form",
    { required: true, keys: [PUBLIC_KEY.replace("E=", "F=")] },
    "policy.invalid_approval",
    "write the line between",
  ],
  [
    "too many keys",
    { required: true, keys: Array(MAX_KEYS + 1).fill(PUBLIC_KEY) },
    "policy.invalid_approval",
    `has more than ${MAX_KEYS} entries`,
  ],
  ["a wrong parameter", { required: true, where: { verb: { equal: "POST" } } }, "policy.invalid_where", "no parameter of net.fetch"],
])("%s is an error", (_name, approval, kind, message) => {
  const error = parseFailure(textWith(approval));
  expect(error.kind).toBe(kind);
  expect(error.message).toContain(message);
  expect(error.place).toMatchObject({ file: "p.json", line: 1 });
});

test("a call that the machine itself carries out cannot wait", () => {
  const error = parseFailure(textWith("required", "ui.render"));
  expect(error.kind).toBe("policy.invalid_approval");
  expect(error.message).toContain("the machine itself carries out ui.render");
});

test("warnings: an approval without effect, and conditions that can never hold", () => {
  const warningsOf = (text: string) => checkPolicy(text, OPTIONS).warnings.map(({ path, message }) => `${path}: ${message}`);
  expect(warningsOf('{"rules": {"random": {"allow": false, "approval": "required"}}}')).toEqual([
    "rules.random.approval: it has no effect, since the rule does not allow random.",
  ]);
  expect(warningsOf(textWith({ required: false }))).toEqual([
    'rules["net.fetch"].approval: no call waits for an approval, since required is false.',
  ]);
  expect(warningsOf(textWith({ required: true, where: { method: { min: 3 } } }))[0]).toContain("it can never hold");
});

describe("decisions", () => {
  const args = (method: string): readonly Value[] => ["https://a.example/", method, "", MapValue.from([]), "body"];
  const decide = (approval: unknown, method = "POST") =>
    new Decisions(policyWith(approval)).decide(builtinCapability("net.fetch"), args(method));

  test("name the rule and its keys", () => {
    expect(decide("required")).toMatchObject({ allowed: true, budget: 3, approval: { rule: 'rules["net.fetch"].approval', keys: [] } });
    expect(decide({ required: true, keys: [PUBLIC_KEY] }).approval?.keys).toEqual([PUBLIC_KEY]);
    expect(decide(undefined).approval).toBeUndefined();
    expect(decide({ required: false }).approval).toBeUndefined();
  });

  test("where selects calls by the arguments that take effect", () => {
    const approval = { required: true, where: { method: { in: ["POST", "DELETE"] } } };
    expect(decide(approval, "post").approval).toBeDefined();
    expect(decide(approval, "GET").approval).toBeUndefined();
  });

  test("a refused call does not wait", () => {
    const policy = parsePolicy(
      JSON.stringify({ rules: { "net.fetch": { allow: true, approval: "required" } }, net_policy: { allowed_domains: ["b.example"] } }),
      OPTIONS,
    );
    const decision = new Decisions(policy).decide(builtinCapability("net.fetch"), args("GET"));
    expect(decision).toMatchObject({ allowed: false, rule: "net_policy.allowed_domains" });
    expect(decision.approval).toBeUndefined();
  });
});
