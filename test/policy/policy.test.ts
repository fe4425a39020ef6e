import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { NO_APPROVAL } from "../../policy/approval-fields.ts";
import { loadPolicy } from "../../policy/load.ts";
import { didYouMean } from "../../policy/did-you-mean.ts";
import { parsePolicy } from "../../policy/parse.ts";
import {
  ALLOW_ALL,
  DENY_ALL,
  effectiveLimits,
  type Policy,
  policyFromJson,
  policyHash,
  policyToJson,
  withShorthands,
} from "../../policy/policy.ts";
import { policyFieldDocs, policySchema } from "../../policy/json-schema.ts";
import { canonicalJson, parseJson } from "../../vm/json/json.ts";
import { DEFAULT_LIMITS } from "../../vm/limits.ts";

const folder = mkdtempSync(join(tmpdir(), "boruna-policy-"));
afterAll(() => rmSync(folder, { recursive: true }));

const policyText = fc.record(
  {
    default_allow: fc.boolean(),
    rules: fc.dictionary(
      fc.constantFrom("net.fetch", "fs.read", "random"),
      fc.record({ allow: fc.boolean(), budget: fc.nat() }, { requiredKeys: ["allow"] }),
    ),
    net_policy: fc.record(
      {
        allowed_domains: fc.array(fc.domain()),
        allowed_ports: fc.array(fc.integer({ min: 1, max: 65_535 })),
        timeout_ms: fc.nat(86_400_000),
      },
      { requiredKeys: [] },
    ),
    llm_policy: fc.record(
      {
        max_cost_usd: fc.option(fc.double({ min: 0, max: 1e6, noNaN: true })),
        prices: fc.dictionary(
          fc.string(),
          fc.record({ input_per_mtok: fc.nat(), output_per_mtok: fc.float({ min: 0, max: 100, noNaN: true }) }),
        ),
      },
      { requiredKeys: [] },
    ),
    limits: fc.record({ max_steps: fc.integer({ min: 1, max: 2 ** 40 }) }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);

describe("the effective policy", () => {
  test("its JSON form reads back as the same policy with the same hash", () => {
    fc.assert(
      fc.property(policyText, (data) => {
        const policy = parsePolicy(JSON.stringify(data), { file: "p", jsonc: false });
        const text = canonicalJson(policyToJson(policy));
        const back = policyFromJson(parseJson(text));
        expect(canonicalJson(policyToJson(back))).toBe(text);
        expect(policyHash(back)).toBe(policyHash(policy));
      }),
      { numRuns: 200 },
    );
  });

  test("absent fields get their defaults", () => {
    const written = parsePolicy('{"default_allow": false, "net_policy": {"timeout_ms": 30000}}', { file: "p", jsonc: false });
    expect(policyHash(written)).toBe(policyHash(DENY_ALL));
    expect(policyHash(DENY_ALL)).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(policyHash(ALLOW_ALL)).not.toBe(policyHash(DENY_ALL));
    expect(effectiveLimits(DENY_ALL, {})).toEqual(DEFAULT_LIMITS);
    expect(effectiveLimits(DENY_ALL, { max_steps: 5 }).max_steps).toBe(5);
  });

  test("a later field with its default does not change the hash", () => {
    const read = (net: object) => parsePolicy(JSON.stringify({ net_policy: net }), { file: "p", jsonc: false });
    expect(policyHash(read({ propagate_baggage: false }))).toBe(policyHash(DENY_ALL));
    const open = read({ propagate_baggage: true });
    expect(policyHash(open)).not.toBe(policyHash(DENY_ALL));
    expect(policyFromJson(parseJson(canonicalJson(policyToJson(open)))).net_policy.propagate_baggage).toBe(true);
    expect(canonicalJson(policyToJson(DENY_ALL))).not.toContain("propagate_baggage");
  });

  test("policyFromJson refuses invalid data", () => {
    for (const text of ["null", "[]", "1", '{"rules": 1}', '{"rules": {"net": {"allow": true}}}', "[".repeat(60) + "]".repeat(60)]) {
      expect(() => policyFromJson(parseJson(text))).toThrow(/./);
    }
    expect(policyFromJson(parseJson('{"rules": {"my.own": {"allow": true}}}')).rules.get("my.own")).toEqual({
      allow: true,
      budget: 0,
      where: new Map(),
      approval: NO_APPROVAL,
    });
  });
});

describe("shorthands", () => {
  test("allow only what they name", () => {
    const policy = withShorthands(DENY_ALL, {
      allowNet: ["A.example", "*.b.example"],
      allowRead: ["./in"],
      allow: ["random=3", "time.now"],
    });
    expect(policy.net_policy.allowed_domains).toEqual(["a.example", "*.b.example"]);
    expect(policy.fs_policy).toMatchObject({ read: ["./in"], write: [] });
    expect([...policy.rules]).toEqual([
      ["random", { allow: true, budget: 3, where: new Map(), approval: NO_APPROVAL }],
      ["time.now", { allow: true, budget: 0, where: new Map(), approval: NO_APPROVAL }],
      ["net.fetch", { allow: true, budget: 0, where: new Map(), approval: NO_APPROVAL }],
      ["fs.read", { allow: true, budget: 0, where: new Map(), approval: NO_APPROVAL }],
    ]);
    expect(withShorthands(DENY_ALL, {})).toEqual(DENY_ALL);
  });

  test("keep budgets and extend lists", () => {
    const base = policyFromJson(
      parseJson('{"rules": {"net.fetch": {"allow": true, "budget": 5}}, "net_policy": {"allowed_domains": ["a.example"]}}'),
    );
    const more = withShorthands(base, { allowNet: ["b.example"], allow: ["net.fetch"] });
    expect(more.rules.get("net.fetch")).toEqual({ allow: true, budget: 5, where: new Map(), approval: NO_APPROVAL });
    expect(more.net_policy.allowed_domains).toEqual(["a.example", "b.example"]);
  });

  test("neither activate the scope of a denied capability nor narrow an allowed one", () => {
    const base = policyFromJson(parseJson('{"net_policy": {"allowed_domains": ["a.example"]}, "fs_policy": {"read": ["/etc"]}}'));
    expect(withShorthands(base, { allowNet: ["b.example"] }).net_policy.allowed_domains).toEqual(["b.example"]);
    expect(withShorthands(base, { allowRead: ["data"] }).fs_policy.read).toEqual(["data"]);
    expect(withShorthands(ALLOW_ALL, { allowNet: ["b.example"] }).net_policy.allowed_domains).toEqual([]);
    expect(withShorthands(ALLOW_ALL, { allowRead: ["/data"] }).fs_policy.read).toEqual([".", "/data"]);
  });

  test("name a loopback address with its port", () => {
    const domains = (base: Policy, ...allowNet: string[]) => withShorthands(base, { allowNet }).net_policy.allowed_domains;
    expect(domains(DENY_ALL, "127.0.0.1:8080", "a.example")).toEqual(["127.0.0.1:8080", "a.example"]);
    expect(domains(ALLOW_ALL, "a.example", "[::1]:8080", "localhost:80")).toEqual(["*", "[::1]:8080", "localhost:80"]);
    expect(domains(DENY_ALL, "*")).toEqual(["*"]);
  });

  test.each([
    [{ allow: ["net.fetsh"] }, 'Did you mean "net.fetch"?'],
    [{ allow: ["random=many"] }, "Write random=5"],
    [{ allow: ["random=1=2"] }, "Write random=5"],
    [{ allow: ["random=0"] }, "or random for calls without a limit"],
    [{ allow: ["random=000"] }, "or random for calls without a limit"],
    [{ allowNet: ["http://a.example"] }, undefined],
    [{ allowRead: [""] }, 'Write "."'],
  ])("%j is refused", (shorthands, hint) => {
    expect(() => withShorthands(DENY_ALL, shorthands)).toThrow(
      expect.objectContaining({ hint: hint === undefined ? undefined : expect.stringContaining(hint) }),
    );
  });
});

describe("loading", () => {
  test("built-in names and files", () => {
    expect(loadPolicy("allow-all")).toBe(ALLOW_ALL);
    expect(loadPolicy("deny-all")).toBe(DENY_ALL);
    const path = join(folder, "p.jsonc");
    writeFileSync(path, '// mine\n{"default_allow": true}');
    expect(loadPolicy(path).default_allow).toBe(true);
    writeFileSync(join(folder, "p.json"), '// mine\n{"default_allow": true}');
    if (existsSync("/dev/zero")) expect(() => loadPolicy("/dev/zero")).toThrow("is longer than");
    expect(() => loadPolicy(join(folder, "p.json"))).toThrow(
      expect.objectContaining({ kind: "policy.parse_error", hint: "Name the file .jsonc to write comments." }),
    );
  });

  test("refuses a missing file, a folder, invalid text and an oversized file", () => {
    expect(() => loadPolicy("allow-al")).toThrow(
      expect.objectContaining({ kind: "policy.io_error", message: "there is no policy allow-al", hint: 'Did you mean "allow-all"?' }),
    );
    expect(() => loadPolicy(folder)).toThrow(expect.objectContaining({ kind: "policy.io_error" }));
    writeFileSync(join(folder, "rubbish"), Buffer.from([0xff, 0xfe, 0x00]));
    expect(() => loadPolicy(join(folder, "rubbish"))).toThrow(expect.objectContaining({ kind: "policy.parse_error" }));
    writeFileSync(join(folder, "long"), " ".repeat(1_048_577));
    expect(() => loadPolicy(join(folder, "long"))).toThrow(expect.objectContaining({ kind: "policy.io_error" }));
  });
});

describe("names", () => {
  test("hints suggest similar names, ignoring case", () => {
    expect(didYouMean("defualt_allow", ["default_allow", "rules"], "-")).toBe('Did you mean "default_allow"?');
    expect(didYouMean("RULES", ["default_allow", "rules"], "-")).toBe('Did you mean "rules"?');
    expect(didYouMean("xyz", ["default_allow"], "-")).toBe("-");
  });
});

describe("JSON Schema and docs", () => {
  test("the JSON Schema of a policy file", () => {
    expect(canonicalJson(policySchema())).toMatchSnapshot();
  });
  test("every field has a doc line", () => {
    const docs = policyFieldDocs();
    expect(docs.map((d) => `${d.path} (${d.form}) ${d.doc}`)).toMatchSnapshot();
    for (const { doc } of docs) expect(doc).toMatch(/^[A-Z].*\.$/s);
  });
});
