/** Conditions of a rule on the arguments of a call. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseArgumentPath } from "../../policy/argument-path.ts";
import { Decisions } from "../../policy/decide.ts";
import { checkPolicy, parsePolicy } from "../../policy/parse.ts";
import { policyFromJson, policyHash, policyToJson } from "../../policy/policy.ts";
import { builtinCapability, type CapabilityDecl, registryOf } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { canonicalJson, parseJson } from "../../vm/json/json.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import { parseType } from "../../vm/value/type.ts";
import {
  EnumValue,
  FloatValue,
  NoneValue,
  OkValue,
  RecordValue,
  SomeValue,
  UNIT,
  type Value,
  replaceLoneSurrogates,
} from "../../vm/value/value.ts";

/** `issue.create(owner, count, settings, tags, note, author)`: a capability of an embedder. */
const ISSUE_CREATE: CapabilityDecl = {
  id: 64,
  name: "issue.create",
  version: "1",
  signatures: [
    {
      params: [
        { name: "owner", type: parseType("String") },
        { name: "count", type: parseType("Int") },
        { name: "settings", type: parseType("Json") },
        { name: "tags", type: parseType("List<String>") },
        { name: "note", type: parseType("Option<String>") },
        { name: "author", type: parseType("Author") },
      ],
      result: parseType("Unit"),
    },
  ],
  mayRepeat: false,
  mock: () => UNIT,
  call: "issue.create(…)",
  doc: "Creates an issue.",
};
const TYPES = [
  {
    name: "Author",
    kind: "record" as const,
    fields: [
      { name: "name", type: "String" },
      { name: "role", type: "Role" },
    ],
  },
  {
    name: "Role",
    kind: "enum" as const,
    variants: [
      { name: "Admin", type: null },
      { name: "Other", type: "String" },
    ],
  },
];
const REGISTRY = registryOf([ISSUE_CREATE]);
const OPTIONS = { file: "p.json", jsonc: false, registry: REGISTRY };

const policyText = (capability: string, where: unknown): string => JSON.stringify({ rules: { [capability]: { allow: true, where } } });
function decide(capability: CapabilityDecl, where: unknown, args: readonly Value[]) {
  return new Decisions(parsePolicy(policyText(capability.name, where), OPTIONS), TYPES).decide(capability, args);
}

const SETTINGS = MapValue.from([
  ["model", "m"],
  ["a.b", 1],
  ["n", new FloatValue(1.5)],
  ["nothing", UNIT],
  ["list", ListValue.of([10, MapValue.from([["id", 7]])])],
]);
const author = (role: Value): Value => RecordValue.of(0, ["eve", role]);
const ARGS: readonly Value[] = ["acme", 3, SETTINGS, ListValue.of(["x", "y"]), new SomeValue("n"), author(new EnumValue(1, 0, UNIT))];
const allowsIssue = (where: unknown, args = ARGS): boolean => decide(ISSUE_CREATE, where, args).allowed;

describe("conditions", () => {
  test.each<[unknown, boolean]>([
    [{ owner: { in: ["acme"] } }, true],
    [{ owner: { in: ["other", "acme"] } }, true],
    [{ owner: { in: ["acm", "acme ", "ACME"] } }, false],
    [{ owner: { in: [] } }, false],
    [{ owner: { equal: "acme" } }, true],
    [{ owner: { equal: "acm" } }, false],
    [{ owner: { prefix: "ac" } }, true],
    [{ owner: { prefix: "acme" } }, true],
    [{ owner: { prefix: "acmeX" } }, false],
    [{ owner: { prefix: "c" } }, false],
    [{ owner: { absent: true } }, false],
    [{ owner: { absent: false } }, true],
    [{ owner: { min: 0 } }, false],
    [{ count: { equal: 3 } }, true],
    [{ count: { equal: "3" } }, false],
    [{ count: { min: 3, max: 3 } }, true],
    [{ count: { min: 3.5 } }, false],
    [{ count: { max: 2.5 } }, false],
    [{ count: { min: 1, in: [2, 3] } }, true],
    [{ count: { min: 1, in: [2, 4] } }, false],
    [{ count: { min: 1 }, owner: { equal: "x" } }, false],
    [{ "settings.model": { equal: "m" } }, true],
    [{ 'settings["model"]': { equal: "m" } }, true],
    [{ 'settings["a.b"]': { equal: 1 } }, true],
    [{ "settings.a.b": { equal: 1 } }, false],
    [{ "settings.n": { equal: 1.5 } }, true],
    [{ "settings.n": { min: 1, max: 2 } }, true],
    [{ "settings.nothing": { equal: null } }, true],
    [{ "settings.nothing": { absent: true } }, false],
    [{ "settings.other": { absent: true } }, true],
    [{ "settings.other": { absent: false } }, false],
    [{ "settings.other": { equal: null } }, false],
    [{ "settings.other.deeper[3]": { absent: true } }, true],
    [{ "settings.model.deeper": { absent: true } }, true],
    [{ "settings.__proto__": { absent: true } }, true],
    [{ "settings.constructor": { absent: true } }, true],
    [{ "settings.list[0]": { equal: 10 } }, true],
    [{ "settings.list[1].id": { equal: 7 } }, true],
    [{ "settings.list[2]": { absent: true } }, true],
    [{ "settings.list": { equal: "" } }, false],
    [{ settings: { in: [null, true, 1, "m"] } }, false],
    [{ "tags[1]": { in: ["x", "y"] } }, true],
    [{ "tags[0]": { equal: "y" } }, false],
    [{ "tags.length": { absent: true } }, true],
    [{ note: { equal: "n" } }, true],
    [{ note: { absent: true } }, false],
    [{ "author.name": { equal: "eve" } }, true],
    [{ "author.role": { equal: "Admin" } }, true],
    [{ "author.role": { equal: "Other" } }, false],
    [{ "author.age": { absent: true } }, true],
    [{ "settings.other": [{ absent: true }, { equal: 1 }] }, true],
    [{ "settings.model": [{ absent: true }, { in: ["m"] }] }, true],
    [{ "settings.model": [{ absent: true }, { in: ["n"] }] }, false],
    [{ owner: [{ prefix: "x" }, { prefix: "a" }] }, true],
    [{ settings: { names: ["list", "nothing", "n", "a.b", "model"] } }, true],
    [{ settings: { names: ["list", "nothing", "n", "a.b", "model", "more"] } }, true],
    [{ settings: { names: ["list", "nothing", "n", "a.b"] } }, false],
    [{ settings: { names: ["list", "nothing", "n", "a.b", "Model"] } }, false],
    [{ settings: { names: [] } }, false],
    [{ "settings.list[1]": { names: ["id"] } }, true],
    [{ "settings.other": { names: [] } }, false],
    [{ "settings.other": [{ absent: true }, { names: [] }] }, true],
    [{ owner: { names: [] } }, false],
    [{ tags: { names: [] } }, false],
    [{ author: { names: ["name", "role"] } }, false],
  ])("%j: %s", (where, allowed) => expect(allowsIssue(where)).toBe(allowed));

  test("a path takes no step into an Option, and names the payload of a variant and of a Result", () => {
    const args = (note: Value, role: Value): readonly Value[] => [...ARGS.slice(0, 4), note, author(role)];
    const other = new EnumValue(1, 1, "guest");
    expect(allowsIssue({ note: { absent: true } }, args(new NoneValue(), other))).toBe(true);
    expect(allowsIssue({ note: { equal: "n" } }, args(new SomeValue(new SomeValue("n")), other))).toBe(true);
    expect(allowsIssue({ "note.ok": { equal: 1 }, "note.err": { absent: true } }, args(new OkValue(1), other))).toBe(true);
    expect(allowsIssue({ "author.role.Other": { equal: "guest" } }, args("n", other))).toBe(true);
    expect(allowsIssue({ "author.role": { equal: "Other" } }, args("n", other))).toBe(false);
    expect(allowsIssue({ "author.role.Admin": { absent: true } }, args("n", other))).toBe(true);
  });

  test("numbers compare by value: Ints beyond 2^53, Floats, NaN, -0", () => {
    const count = (where: object, value: Value) => allowsIssue({ count: where }, ["a", value, ...ARGS.slice(2)]);
    expect(count({ min: 9007199254740991 }, 9007199254740993n)).toBe(true);
    expect(count({ max: 9007199254740991 }, 9007199254740993n)).toBe(false);
    expect(count({ equal: 3 }, new FloatValue(3))).toBe(true);
    expect(count({ equal: 0 }, new FloatValue(-0))).toBe(true);
    for (const where of [{ min: 0 }, { max: 0 }, { equal: 0 }, { in: [0] }]) expect(count(where, new FloatValue(Number.NaN))).toBe(false);
    expect(count({ max: 9007199254740991 }, new FloatValue(Number.POSITIVE_INFINITY))).toBe(false);
  });

  test("defaults are filled in by the gateway; a parameter that this signature lacks is absent", () => {
    const random = builtinCapability("random");
    expect(decide(random, { hi: [{ absent: true }, { max: 6 }] }, []).allowed).toBe(true);
    expect(decide(random, { hi: [{ absent: true }, { max: 6 }] }, ["int", 1, 6]).allowed).toBe(true);
    expect(decide(random, { hi: [{ absent: true }, { max: 6 }] }, ["int", 1, 7]).allowed).toBe(false);
    expect(decide(random, { hi: { max: 6 } }, []).allowed).toBe(false);
  });

  test("a condition on a parameter that the capability does not have denies every call", () => {
    const policy = policyFromJson(parseJson(policyText("issue.create", { onwer: { absent: true } })));
    expect(new Decisions(policy).decide(ISSUE_CREATE, ARGS)).toMatchObject({
      allowed: false,
      reason: "issue.create has no such parameter",
    });
  });

  test("text is compared character by character, in any length", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary", minLength: 1 }), (text, prefix) => {
        const [value, start] = [replaceLoneSurrogates(text), replaceLoneSurrogates(prefix)];
        const where = { owner: { prefix: start } };
        expect(allowsIssue(where, [value, ...ARGS.slice(1)])).toBe([...value].slice(0, [...start].length).join("") === start);
      }),
    );
    expect(allowsIssue({ owner: { prefix: "a" } }, ["a".repeat(500_000), ...ARGS.slice(1)])).toBe(true);
  });
});

describe("the form in which an argument is compared", () => {
  const BASE = "https://api.example.com/repos/acme/";
  const fetchAllowed = (where: object, url: string, method = "GET", headers = MapValue.EMPTY) =>
    decide(builtinCapability("net.fetch"), where, [url, method, "", headers, "body"]).allowed;

  test.each([
    [`${BASE}x`, true],
    ["HTTPS://API.example.com:443/repos/./acme/x", true],
    ["https://api.example.com/repos/acme/../acme/x", true],
    [`${BASE}x#/../../`, true],
    [" https:\\\\api.example.com\\repos\\acme\\x", true],
    [`${BASE}../other`, false],
    [`${BASE}%2e%2e/other`, false],
    [`${BASE}.%2E\\other`, false],
    [`${BASE}..\t/other`, false],
    ["https://api.example.com./repos/acme/", false],
    ["https://api.example.com@evil.example/repos/acme/", false],
    ["https://user@api.example.com/repos/acme/", false],
    ["https://api.example.com:444/repos/acme/", false],
    ["http://api.example.com/repos/acme/", false],
    ["https://api.example.com/repos/acme", false],
    ["", false],
  ])("the URL %j: %s", (url, allowed) => expect(fetchAllowed({ url: { prefix: BASE } }, url)).toBe(allowed));

  test("no spelling of a path gets past a prefix", () => {
    const part = fc.constantFrom("..", ".", "%2e", "%2E.", "a", "acme", "repos", "", "\\", "\t", "..\n");
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const url = `https://api.example.com/repos/acme/${parts.join("/")}`;
        expect(fetchAllowed({ url: { prefix: BASE } }, url)).toBe(new URL(url).pathname.startsWith("/repos/acme/"));
      }),
    );
  });

  test("^ is compared as its escape, which Node 20 does not write in a path", () => {
    expect(fetchAllowed({ url: { equal: "https://a.example/x%5Ey" } }, "https://a.example/x^y")).toBe(true);
  });

  test("methods in capitals, headers without regard to case", () => {
    expect(fetchAllowed({ method: { in: ["GET", "HEAD"] } }, "https://a.example", "get")).toBe(true);
    const secret = MapValue.from([["aUTHORIZATION", "Bearer x"]]);
    expect(fetchAllowed({ "headers.Authorization": { absent: true } }, "https://a.example", "GET", secret)).toBe(false);
    expect(fetchAllowed({ "headers.AUTHORIZATION": { prefix: "Bearer " } }, "https://a.example", "GET", secret)).toBe(true);
    expect(fetchAllowed({ 'headers["X-Key"]': { absent: true } }, "https://a.example", "GET", secret)).toBe(true);
    expect(fetchAllowed({ headers: { names: ["Authorization"] } }, "https://a.example", "GET", secret)).toBe(true);
    for (const names of [[], ["accept"]]) {
      expect(fetchAllowed({ headers: { names } }, "https://a.example", "GET", secret)).toBe(false);
      expect(fetchAllowed({ headers: { names } }, "https://a.example")).toBe(true);
    }
  });

  test.each([
    ["reports/x", true],
    ["./reports//x", true],
    ["other/../reports/x", true],
    ["reports/../x", false],
    ["reports/../../reports/x", false],
    ["reports", false],
    ["/reports/x", false],
  ])("the path %s: %s", (path, allowed) => {
    const policy = parsePolicy(
      JSON.stringify({ rules: { "fs.read": { allow: true, where: { path: { prefix: "reports/" } } } }, fs_policy: { read: ["."] } }),
      OPTIONS,
    );
    expect(new Decisions(policy).decide(builtinCapability("fs.read"), [path, "text"]).allowed).toBe(allowed);
  });
});

describe("the decision", () => {
  test.each([
    [{ owner: { in: ["other"] } }, 'rules["issue.create"].where.owner', 'owner must be one of "other"'],
    [{ owner: { in: ["a", "b", "c", "d", "e", "f", "g"] } }, undefined, 'owner must be one of "a", "b", "c", "d", "e" and 2 more'],
    [{ count: { min: 4 } }, undefined, "count must be a number from 4"],
    [{ count: { min: 4, max: 5 } }, undefined, "count must be a number from 4 up to 5"],
    [
      { 'settings["a.b"]': [{ absent: true }, { equal: true }] },
      'rules["issue.create"].where["settings[\\"a.b\\"]"]',
      'settings["a.b"] must be absent or be true',
    ],
    [{ settings: { names: [] } }, undefined, "settings must be empty"],
    [{ settings: { names: ["a", "b"] } }, undefined, 'settings must have no names but "a", "b"'],
    [{ owner: { prefix: "x".repeat(1_000) } }, undefined, `owner must begin with "${"x".repeat(200)}…"`],
  ])("%j names the condition, not the argument", (where, rule, reason) => {
    const decision = decide(ISSUE_CREATE, where, ["secret-argument", ...ARGS.slice(1)]);
    expect(decision).toMatchObject({ allowed: false, reason, rule: rule ?? expect.any(String) });
    expect(JSON.stringify(decision)).not.toContain("secret-argument");
  });
});

/** Returns `kind line:column message | hint`. */
function problemOf(text: string): string {
  try {
    parsePolicy(text, OPTIONS);
  } catch (error) {
    if (!(error instanceof BorunaError)) throw error;
    const { kind, message, hint, place } = error;
    return `${kind} ${place?.line}:${place?.column} ${message}${hint === undefined ? "" : ` | ${hint}`}`;
  }
  return "no error";
}

describe("reading", () => {
  test.each([
    [
      '{"rules": {"net.fetch": {"allow": true, "where": {"ulr": {"equal": "x"}}}}}',
      'policy.invalid_where 1:51 where names "ulr", which is no parameter of net.fetch | Did you mean "url"?',
    ],
    [
      '{"rules": {"issue.create": {"allow": true, "where": {"onwer": {"equal": "x"}}}}}',
      'policy.invalid_where 1:54 where names "onwer", which is no parameter of issue.create | Did you mean "owner"?',
    ],
    [
      '{"rules": {"llm.call": {"allow": true, "where": {\n"options..x": {"equal": 1}}}}}',
      'policy.invalid_where 2:1 where has the path "options..x", which does not lead to an argument | Write a parameter, then at most 16 names and indexes: options.model, rows[0].id, headers["X-Key"].',
    ],
    [
      '{"rules": {"llm.call": {"allow": true, "where": []}}}',
      'policy.invalid_where 1:49 rules["llm.call"].where must be an object of conditions by argument, not a list',
    ],
    [
      '{"rules": {"llm.call": {"allow": true, "where": {"model": "m"}}}}',
      'policy.invalid_where 1:59 rules["llm.call"].where.model must be an object of conditions, not a text',
    ],
    [
      '{"rules": {"llm.call": {"allow": true, "where": {"model": {}}}}}',
      'policy.invalid_where 1:59 rules["llm.call"].where.model names no condition | Write one of: equal, in, prefix, min, max, names, absent.',
    ],
    [
      '{"rules": {"llm.call": {"allow": true, "where": {"model": {"equals": "m"}}}}}',
      'policy.unknown_field 1:60 unknown field rules["llm.call"].where.model.equals | Did you mean "equal"?',
    ],
    [
      '{"rules": {"llm.call": {"allow": true, "where": {"model": {"in": "m"}}}}}',
      'policy.invalid_where 1:66 rules["llm.call"].where.model.in must be a list of values, not a text',
    ],
    [
      '{"rules": {"llm.call": {"allow": true, "where": {"model": {"in": ["m", {}]}}}}}',
      'policy.invalid_where 1:72 rules["llm.call"].where.model.in[1] must be a text, a number, true, false or null, not an object',
    ],
    [
      '{"rules": {"llm.call": {"allow": true, "where": {"model": {"prefix": ""}}}}}',
      'policy.invalid_where 1:70 rules["llm.call"].where.model.prefix is "": write 1 to 4096 characters',
    ],
    [
      '{"rules": {"llm.call": {"allow": true, "where": {"options.n": {"min": "1"}}}}}',
      'policy.invalid_where 1:71 rules["llm.call"].where["options.n"].min must be a number below 2^53, not a text',
    ],
    [
      '{"rules": {"llm.call": {"allow": true, "where": {"options.n": {"equal": 9007199254740993}}}}}',
      'policy.invalid_where 1:73 rules["llm.call"].where["options.n"].equal is a number that cannot be held exactly | Write a number below 2^53.',
    ],
    [
      '{"rules": {"llm.call": {"allow": true, "where": {"model": []}}}}',
      'policy.invalid_where 1:59 rules["llm.call"].where.model lists 0 conditions; it may list 1 to 20',
    ],
    [
      '{"rules": {"llm.call": {"allow": true, "where": {"options.n": {"absent": true, "max": 1}}}}}',
      'policy.invalid_where 1:63 rules["llm.call"].where["options.n"] asks for an absent value and for more | To allow either, write a list: [{ "absent": true }, { … }].',
    ],
  ])("%s", (text, problem) => {
    expect(problemOf(text)).toBe(problem);
  });

  test.each([
    ["a text of 4096 characters", { owner: { equal: "x".repeat(4_096) } }, { owner: { equal: "x".repeat(4_097) } }],
    ["1000 values", { owner: { in: [...Array(1_000).keys()] } }, { owner: { in: [...Array(1_001).keys()] } }],
    ["100 names", { settings: { names: Array(100).fill("x") } }, { settings: { names: Array(101).fill("x") } }],
    ["256 characters of a name", { settings: { names: ["x".repeat(256)] } }, { settings: { names: ["x".repeat(257)] } }],
    ["20 alternatives", { owner: Array(20).fill({ equal: 1 }) }, { owner: Array(21).fill({ equal: 1 }) }],
    ["16 steps", { [`settings${".a".repeat(16)}`]: { equal: 1 } }, { [`settings${".a".repeat(17)}`]: { equal: 1 } }],
    ["256 characters of a path", { [`settings.${"a".repeat(247)}`]: { equal: 1 } }, { [`settings.${"a".repeat(248)}`]: { equal: 1 } }],
    [
      "100 paths",
      Object.fromEntries([...Array(100).keys()].map((i) => [`tags[${i}]`, { equal: 1 }])),
      Object.fromEntries([...Array(101).keys()].map((i) => [`tags[${i}]`, { equal: 1 }])),
    ],
  ])("at most %s", (_, within, beyond) => {
    expect(() => parsePolicy(policyText("issue.create", within), OPTIONS)).not.toThrow();
    expect(() => parsePolicy(policyText("issue.create", beyond), OPTIONS)).toThrow(
      expect.objectContaining({ kind: "policy.invalid_where" }),
    );
  });

  test.each([
    ["owner", { param: "owner", steps: [] }],
    ["a.b[0].c", { param: "a", steps: ["b", 0, "c"] }],
    ['a["b.c"]["d\\"e"]', { param: "a", steps: ["b.c", 'd"e'] }],
    ["", undefined],
    [".a", undefined],
    ["a.", undefined],
    ["a[", undefined],
    ["a[-1]", undefined],
    ["a[01]", undefined],
    ["a['b']", undefined],
    ['a["b]', undefined],
    ['a["\\x"]', undefined],
    ["a b", undefined],
    ["a.0", undefined],
  ])("the path %s", (text, path) => expect(parseArgumentPath(text)).toEqual(path));

  test("the JSON form reads back as the same conditions, and where without conditions keeps the hash", () => {
    const policy = parsePolicy(
      policyText("issue.create", { owner: { in: ["a", 1, null] }, count: [{ min: 1.5, max: 2 }, { absent: false }] }),
      OPTIONS,
    );
    const text = canonicalJson(policyToJson(policy));
    expect(text).toContain('"where":{"count":[{"max":2,"min":1.5},{"absent":false}],"owner":[{"in":["a",1,null]}]}');
    const back = policyFromJson(parseJson(text));
    expect(back.rules).toEqual(policy.rules);
    expect(policyHash(back)).toBe(policyHash(policy));
    const plain = parsePolicy('{"rules": {"random": {"allow": true}}}', OPTIONS);
    expect(policyHash(parsePolicy('{"rules": {"random": {"allow": true, "where": {}}}}', OPTIONS))).toBe(policyHash(plain));
  });
});

describe("warnings", () => {
  const warningsOf = (capability: string, where: unknown) =>
    checkPolicy(JSON.stringify({ rules: { [capability]: { allow: true, where } }, fs_policy: { read: ["."] } }), OPTIONS).warnings.flatMap(
      ({ path, message }) => (path.includes("where") ? [`${path.slice(path.indexOf("where"))}: ${message}`] : []),
    );

  test.each([
    ["issue.create", { owner: { equal: 1 } }, ["where.owner: it can never hold: the value has the type String."]],
    ["issue.create", { owner: { min: 1 } }, ["where.owner: it can never hold: the value has the type String."]],
    ["issue.create", { count: { prefix: "1" } }, ["where.count: it can never hold: the value has the type Int."]],
    ["issue.create", { count: { in: [1.5, "x"] } }, ["where.count: it can never hold: the value has the type Int."]],
    ["issue.create", { tags: { equal: "x" } }, ["where.tags: it can never hold: the value has the type List<String>."]],
    ["issue.create", { tags: { names: [] } }, ["where.tags: it can never hold: the value has the type List<String>."]],
    ["issue.create", { settings: { names: [] } }, []],
    ["net.fetch", { headers: { names: [] } }, []],
    ["issue.create", { "owner.x": { equal: "x" } }, ['where["owner.x"]: it can never hold: a value of type String has no such part.']],
    ["issue.create", { "tags.x": { equal: "x" } }, ['where["tags.x"]: it can never hold: a value of type List<String> has no such part.']],
    ["issue.create", { "tags[0]": { max: 1 } }, ['where["tags[0]"]: it can never hold: the value has the type String.']],
    [
      "issue.create",
      { owner: { absent: true } },
      ["where.owner: it can never hold: the argument is always present, by its default if need be."],
    ],
    ["issue.create", { count: { min: 2, max: 1 } }, ["where.count: it can never hold: no number is from 2 up to 1."]],
    ["issue.create", { "settings.x": { in: [] } }, ['where["settings.x"]: it can never hold: the list is empty.']],
    ["issue.create", { count: [{ min: 1 }, { equal: "x" }] }, ["where.count[1]: it can never hold: the value has the type Int."]],
    [
      "net.fetch",
      { url: { prefix: "https://a.example" } },
      ['where.url: it also matches other hosts, such as https://a.example.example.net; end it with "/".'],
    ],
    [
      "net.fetch",
      { url: { prefix: "https://A.example/" } },
      ['where.url: it can never hold: "https://A.example/" is compared as "https://a.example/".'],
    ],
    [
      "net.fetch",
      { url: { equal: "https://a.example/x/../y" } },
      ['where.url: it can never hold: "https://a.example/x/../y" is compared as "https://a.example/y".'],
    ],
    ["net.fetch", { method: { equal: "get" } }, ['where.method: it can never hold: "get" is compared as "GET".']],
    ["fs.read", { path: { prefix: "./reports/" } }, ['where.path: it can never hold: "./reports/" is compared as "reports".']],
    ["actor.spawn", { function: { equal: "f" } }, ["where.function: it can never hold: the value has the type Fn() -> Unit."]],
  ])("%s %j", (capability, where, warnings) => expect(warningsOf(capability, where)).toEqual(warnings));

  test.each([
    [
      "issue.create",
      { owner: { in: ["a"], absent: false }, count: { min: 1 }, "settings.a[0].b": { equal: true }, "tags[0]": { prefix: "x" } },
    ],
    ["issue.create", { note: [{ absent: true }, { equal: "x" }], "author.name": { equal: "x" }, "author.role": { equal: "Admin" } }],
    ["net.fetch", { url: { prefix: "https://a.example/x" }, method: { in: ["GET"] }, 'headers["X-Key"]': { absent: true } }],
    ["net.fetch", { url: { prefix: "https://a.example/v1/repo" } }],
    ["fs.read", { path: { prefix: "reports/2026-" } }],
    ["random", { hi: [{ absent: true }, { max: 6 }], kind: { equal: "int" } }],
    ["llm.call", { "options.temperature": [{ absent: true }, { max: 1 }], model: { in: ["m"] } }],
  ])("none for %s %j", (capability, where) => expect(warningsOf(capability, where)).toEqual([]));

  test("where has no effect in a rule that does not allow", () => {
    const text = '{"rules": {"random": {"allow": false, "where": {"hi": {"max": 6}}}}}';
    expect(checkPolicy(text, OPTIONS).warnings).toMatchObject([
      { path: "rules.random.where", message: "it has no effect, since the rule does not allow random." },
    ]);
  });
});
