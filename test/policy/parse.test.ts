import { describe, expect, test } from "vitest";
import { NO_APPROVAL } from "../../policy/approval-fields.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { policyToJson } from "../../policy/policy.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson } from "../../vm/json/json.ts";
import { FULL, OLDER } from "./texts.ts";

const parse = (text: string, jsonc = false) => parsePolicy(text, { file: "p.json", jsonc });

/** `kind line:column message | hint` */
function problem(text: string, jsonc = false): string {
  try {
    parse(text, jsonc);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    return `${error.kind} ${error.place?.file}:${error.place?.line}:${error.place?.column} ${error.message}${error.hint === undefined ? "" : ` | ${error.hint}`}`;
  }
  return "no error";
}

describe("policy files", () => {
  test("a policy of the Rust toolchain loads", () => {
    const policy = parse(OLDER);
    expect(policy.rules.get("net.fetch")).toEqual({ allow: true, budget: 10, where: new Map(), approval: NO_APPROVAL });
    expect(policy.net_policy).toMatchObject({
      allowed_domains: ["api.example.com"],
      allowed_methods: ["GET", "POST"],
      max_response_bytes: 1_048_576,
      timeout_ms: 5_000,
    });
    expect(parse('{"net_policy": null}').net_policy.max_response_bytes).toBe(10_485_760);
  });

  test("a policy with every field loads and is normalized", () => {
    expect(canonicalJson(policyToJson(parse(FULL, true)))).toMatchInlineSnapshot(
      `"{"db_policy":{"max_rows":10000,"statements":["select"],"timeout_ms":30000},"default_allow":false,"fs_policy":{"max_bytes":10485760,"read":["./data"],"write":["./out"]},"limits":{"max_alloc_bytes":1073741824,"max_call_depth":10000,"max_output_bytes":10485760,"max_steps":10000000,"max_wall_ms":60000},"llm_policy":{"allowed_models":["gpt-4o-mini"],"max_cost_usd":0.5,"max_output_tokens":1024,"max_total_tokens":100000,"prices":{"gpt-4o-mini":{"input_per_mtok":0.15,"output_per_mtok":0.6}}},"net_policy":{"allow_private_networks":false,"allow_redirects":true,"allowed_domains":["api.example.com","*.example.org"],"allowed_methods":["GET"],"allowed_ports":[443],"max_response_bytes":10485760,"propagate_trace":false,"timeout_ms":30000},"rules":{"net.fetch":{"allow":true,"budget":5}},"schema_version":1,"secrets":{"API_KEY":{"env":"EXAMPLE_API_KEY","hosts":["api.example.com"]}}}"`,
    );
  });

  test.each([
    ["", "policy.parse_error"],
    ["{", "policy.parse_error"],
    ["[]", "policy.parse_error"],
    ['{"default_allow": "no"}', "policy.parse_error"],
    ['{"default_allow": true, "default_allow": false}', "policy.parse_error"],
    ['{"rules": {"net.fetch": {"allow": true}, "net.fetch": {"allow": false}}}', "policy.parse_error"],
    ['{"default_allow": true,}', "policy.parse_error"],
    ['{\n  // no\n  "default_allow": true}', "policy.parse_error"],
    ["[".repeat(100_000), "policy.parse_error"],
    ['{"schema_version": 2, "new_field": 1}', "policy.unknown_schema_version"],
    ['{"schema_version": "1"}', "policy.unknown_schema_version"],
    ['{\n  "defualt_allow": true\n}', "policy.unknown_field"],
    ['{"net_policy": {"allow_redirect": true}}', "policy.unknown_field"],
    ['{"__proto__": {}}', "policy.unknown_field"],
    ['{"rules": {"net.fetch": {"alow": true}}}', "policy.unknown_field"],
    ['{"rules": {"net": {"allow": true, "budget": 0}}}', "policy.invalid_capability"],
    ['{"rules": {"net.fetsh": {"allow": true}}}', "policy.invalid_capability"],
    ['{"rules": {"__proto__": {"allow": true}}}', "policy.invalid_capability"],
    ['{"rules": {"net.fetch": {"allow": true, "budget": -1}}}', "policy.parse_error"],
    ['{"rules": {"net.fetch": {"budget": 1}}}', "policy.parse_error"],
    ['{"net_policy": {"allowed_domains": "x"}}', "policy.invalid_net_policy"],
    ['{"net_policy": {"allowed_domains": ["ok.example", "https://x.example/"]}}', "policy.invalid_net_policy"],
    ['{"net_policy": {"allowed_domains": ["x.example:8080"]}}', "policy.invalid_net_policy"],
    ['{"net_policy": {"allowed_domains": [""]}}', "policy.invalid_net_policy"],
    ['{"net_policy": {"allowed_domains": ["10.0.0.1:8080"]}}', "policy.invalid_net_policy"],
    ['{"net_policy": {"allowed_domains": ["a.localhost:8080"]}}', "policy.invalid_net_policy"],
    ['{"net_policy": {"allowed_domains": ["127.0.0.1:65536"]}}', "policy.invalid_net_policy"],
    ['{"net_policy": {"allowed_domains": ["127.0.0.999:80"]}}', "policy.invalid_net_policy"],
    ['{"net_policy": {"allowed_domains": ["[::ffff:127.0.0.1]:80"]}}', "policy.invalid_net_policy"],
    ['{"secrets": {"K": {"env": "A", "hosts": ["*"]}}}', "policy.invalid_secret"],
    ['{"secrets": {"K": {"env": "A", "hosts": ["127.0.0.1:80"]}}}', "policy.invalid_secret"],
    ['{"net_policy": {"allowed_domains": ["a.*.example"]}}', "policy.invalid_net_policy"],
    ['{"net_policy": {"allowed_domains": ["127.1"]}}', "policy.invalid_net_policy"],
    ['{"net_policy": {"allowed_ports": [0]}}', "policy.invalid_net_policy"],
    ['{"net_policy": {"timeout_ms": 1.5}}', "policy.invalid_net_policy"],
    ['{"fs_policy": {"read": [""]}}', "policy.invalid_fs_policy"],
    ['{"db_policy": {"statements": ["selct"]}}', "policy.invalid_db_policy"],
    ['{"llm_policy": {"prices": {"m": {"input_per_mtok": -1, "output_per_mtok": 1}}}}', "policy.invalid_llm_policy"],
    ['{"limits": {"max_steps": 1e30}}', "policy.invalid_limits"],
    ['{"limits": {"max_call_depth": 1000001}}', "policy.invalid_limits"],
    ['{"secrets": {"K": {"env": "A B", "hosts": []}}}', "policy.invalid_secret"],
    ['{"secrets": {"a-b": {"env": "A", "hosts": []}}}', "policy.invalid_secret"],
  ])("%# %s", (text, kind) => {
    const message = problem(text);
    expect(message.split(" ")[0]).toBe(kind);
    expect(message).toMatchSnapshot();
  });

  test("errors give the line, and the column in code points", () => {
    expect(problem('{\n  "secrets": {"😀": 1}}')).toContain("p.json:2:15");
    expect(problem('\uFEFF{"x": 1}')).toContain("p.json:1:2");
  });
});
