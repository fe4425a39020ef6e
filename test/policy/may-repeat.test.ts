import { expect, test } from "vitest";
import { mayRepeat } from "../../policy/may-repeat.ts";
import { ALLOW_ALL, policyFromJson, policyHash, policyToJson } from "../../policy/policy.ts";
import { canonicalJson, parseJson } from "../../vm/json/json.ts";
import { BUILTIN_REGISTRY, registryOf } from "../../vm/capabilities.ts";
import { declareCapability } from "../../vm/own-capabilities.ts";
import type { Value } from "../../vm/value/value.ts";

const policyOf = (data: object) => policyFromJson(parseJson(JSON.stringify({ default_allow: true, ...data })));
const KEYED = policyOf({ net_policy: { idempotency_header: "Idempotency-Key" } });
const WRITING = policyOf({ db_policy: { statements: ["select", "insert"] } });

test.each<readonly [string, readonly Value[], typeof ALLOW_ALL, boolean]>([
  ["net.fetch", ["http://a"], ALLOW_ALL, true],
  ["net.fetch", ["http://a", "GET"], ALLOW_ALL, true],
  ["net.fetch", ["http://a", "head"], ALLOW_ALL, true],
  ["net.fetch", ["http://a", "POST", "x"], ALLOW_ALL, false],
  ["net.fetch", ["http://a", "DELETE"], ALLOW_ALL, false],
  ["net.fetch", ["http://a", "POST", "x"], KEYED, true],
  ["net.fetch", [], ALLOW_ALL, false],
  ["fs.read", ["a"], ALLOW_ALL, true],
  ["fs.write", ["a", "b"], ALLOW_ALL, false],
  ["fs.write", ["a", "b"], KEYED, false],
  ["db.query", ["select 1"], ALLOW_ALL, true],
  // The text of a statement says nothing: a select may call a function that writes.
  ["db.query", ["select 1"], WRITING, false],
  ["time.now", [], ALLOW_ALL, true],
  ["random", ["int", 1, 2], ALLOW_ALL, true],
  ["llm.call", ["p"], ALLOW_ALL, true],
  ["step.input", ["a"], ALLOW_ALL, true],
])("%s %j", (name, args, policy, expected) => {
  const capability = BUILTIN_REGISTRY.byName.get(name) ?? expect.fail(name);
  expect(mayRepeat(capability, args, policy)).toBe(expected);
});

test("an own capability declares as data which calls may be repeated, and defaults count as arguments", () => {
  const json = {
    name: "own.a",
    version: "1",
    params: [{ name: "how", type: "String", default: "read" }],
    result: "Int",
    mayRepeat: { how: ["read", "list"] },
  };
  const { own } = registryOf([declareCapability(parseJson(JSON.stringify(json)))]);
  const [capability = expect.fail("declared")] = own;
  expect([[], ["read"], ["list"], ["write"], ["READ"]].map((args) => mayRepeat(capability, args, ALLOW_ALL))).toEqual([
    true,
    true,
    true,
    false,
    false,
  ]);
});

test("idempotency_header keeps the hash of policies without it", () => {
  expect(canonicalJson(policyToJson(ALLOW_ALL))).not.toContain("idempotency_header");
  expect(canonicalJson(policyToJson(KEYED))).toContain('"idempotency_header":"Idempotency-Key"');
  expect(policyHash(policyOf({ net_policy: { idempotency_header: null } }))).toBe(policyHash(policyOf({})));
});

test.each(["", "a b", "Host", "content-length", "Authorization", "é"])("idempotency_header %j is refused", (idempotency_header) => {
  expect(() => policyOf({ net_policy: { idempotency_header } })).toThrow(/idempotency_header/);
});
