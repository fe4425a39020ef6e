/** From schemas to modules: which types they get, that every module compiles, and what JSON the server and the program get. */
import fc from "fast-check";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { check, compile } from "../../compiler/compile.ts";
import { formatSource } from "../../compiler/format/format.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { capabilitySpec } from "../../mcp-tools/capability-spec.ts";
import { DEFAULT_SETTINGS, declarationToJson, parseDeclaration } from "../../mcp-tools/declaration.ts";
import { importTools, type ToolImport } from "../../mcp-tools/import-tools.ts";
import { contractPin, type ListedTool } from "../../mcp-tools/pins.ts";
import { compareTools } from "../../mcp-tools/tool-server.ts";
import { execute, type Execution } from "../../runtime/execute.ts";
import { openSources } from "../../runtime/sources.ts";
import { jsonFromJs, jsonToPlain, type PlainValue } from "../../vm/json/js-interop.ts";
import { canonicalJson } from "../../vm/json/json.ts";
import { scaledRuns } from "../cases.ts";

function tool(name: string, inputSchema: unknown, outputSchema?: unknown, description = ""): ListedTool {
  const output = outputSchema === undefined ? undefined : jsonFromJs(outputSchema);
  return { name, description, inputSchema: jsonFromJs(inputSchema), outputSchema: output, mayRepeat: false, isTaskOnly: false };
}

function importOf(tools: readonly ListedTool[], renames: ReadonlyMap<string, string> = new Map()): ToolImport {
  return importTools({
    ...DEFAULT_SETTINGS,
    name: "mcp_t",
    server: { command: ["none"], variableNames: [] },
    protocol: "2025-11-25",
    tools,
    renames,
  });
}

const USAGE = expect.objectContaining({ kind: "usage" });

const objectSchema = (properties: unknown, required: readonly string[] = []): unknown => ({ type: "object", properties, required });

/** Compiles the module, and a program with the given `main` if there is one. Returns the messages of all diagnostics. */
function problems(made: ToolImport): readonly string[] {
  const registry = createRegistry(made.declaration.tools.map((declared) => capabilitySpec(declared)));
  const { source, resolve } = openSources(join(tmpdir(), "mcp_t.ax"), made.text);
  return check(source, { resolve, registry }).diagnostics.map(({ code, message }) => `${code}: ${message}`);
}

/** Runs a program that has the module's items. `answer` answers its calls and sees the arguments. */
async function run(
  made: ToolImport,
  body: string,
  answer: (args: PlainValue) => unknown,
  result = "Result<Json, String>",
): Promise<Execution> {
  const registry = createRegistry(made.declaration.tools.map((declared) => capabilitySpec(declared, ([args = null]) => answer(args))));
  const row = made.declaration.tools.map(({ capability }) => capability).join(", ");
  const text = `${made.text}\nfn main() -> ${result} !{${row}} { ${body} }\n`;
  const { source, resolve } = openSources(join(tmpdir(), "main.ax"), text);
  const { module } = compile(source, { resolve, registry });
  return execute(module, { registry, policy: "allow-all", live: true });
}

/** The type that a member with the schema gets. */
function typeOf(schema: unknown, isRequired = true): string {
  const { text } = importOf([tool("a", objectSchema({ x: schema }, isRequired ? ["x"] : []))]);
  return /^ {4}x: (.*),$/m.exec(text)?.[1] ?? text;
}

describe("the types of schemas", () => {
  const circle = objectSchema({ kind: { const: "circle" }, r: { type: "number" } }, ["kind", "r"]);
  const dot = objectSchema({ kind: { enum: ["dot"] } }, ["kind"]);
  test.each<[unknown, string]>([
    [{ type: "string" }, "String"],
    [{ type: "string", format: "date", default: "x" }, "String"],
    [{ type: "integer", minimum: 0 }, "Int"],
    [{ type: "number" }, "Float"],
    [{ type: "boolean" }, "Bool"],
    [{ enum: ["a", "b-c"] }, "TAArgsX"],
    [{ const: "a" }, "TAArgsX"],
    [{ oneOf: [{ const: "a" }, { const: "b", title: "B" }] }, "TAArgsX"],
    [{ enum: ["a", "16:9", "1:1"] }, "String"],
    [{ enum: ["a b", "a-b"] }, "String"],
    [{ enum: [1, 2] }, "Int"],
    [{ enum: [0.5, 1] }, "Float"],
    [{ const: 0.5 }, "Float"],
    [{ enum: ["a", 1] }, "Json"],
    [{ enum: [["a"], ["b"]] }, "Json"],
    [{ type: "array", items: { type: "string" } }, "List<String>"],
    [{ type: "array" }, "List<Json>"],
    [{ type: "array", prefixItems: [{ type: "string" }] }, "Json"],
    [objectSchema({ y: { type: "string" } }), "TAArgsX"],
    [{ type: "object", additionalProperties: { type: "integer" } }, "Map<String, Int>"],
    [{ type: "object", properties: { y: {} }, additionalProperties: { type: "integer" } }, "Json"],
    [{ type: "object", properties: { y: {} }, additionalProperties: true }, "TAArgsX"],
    [{ type: "object" }, "Json"],
    [{ properties: { y: { type: "string" } }, required: ["z"] }, "Json"],
    [{ type: ["string", "null"] }, "Option<String>"],
    [{ anyOf: [{ type: "integer" }, { type: "null" }] }, "Option<Int>"],
    [{ enum: ["a", null] }, "Option<TAArgsX>"],
    [{ type: ["string", "integer"] }, "Json"],
    [{ anyOf: [{ type: "string" }, { type: "integer" }] }, "Json"],
    [{ oneOf: [circle, dot] }, "TAArgsX"],
    [{ oneOf: [circle, objectSchema({ kind: { type: "string" } }, ["kind"])] }, "Json"],
    [{ allOf: [{ type: "string" }] }, "Json"],
    [{ not: { type: "string" } }, "Json"],
    [{ if: {}, type: "string" }, "Json"],
    [true, "Json"],
    [{}, "Json"],
    [{ type: "null" }, "Json"],
    [{ $ref: "#/gone" }, "Json"],
    [{ $ref: "#/properties/x" }, "Json"],
    [{ $ref: "#" }, "TAArgs"],
  ])("%j is %s", (schema, type) => {
    expect(typeOf(schema)).toBe(type);
  });

  test("a member that is not required is an Option; one that may also be null is Json", () => {
    expect(typeOf({ type: "string" }, false)).toBe("Option<String>");
    expect(typeOf({ type: ["string", "null"] }, false)).toBe("Option<Json>");
    expect(typeOf({}, false)).toBe("Option<Json>");
  });

  test("notes say what became Json, and why", () => {
    const { notes } = importOf([
      tool(
        "a",
        objectSchema({ list: { type: "array", items: { allOf: [] } }, deep: objectSchema({ x: {} }), pairs: { enum: [[1], [2]] } }),
      ),
    ]);
    expect(notes).toEqual([
      { functionName: "t_a", path: "args.list[]", reason: "`allOf` has no type" },
      { functionName: "t_a", path: "args.deep.x", reason: "any value is allowed" },
      { functionName: "t_a", path: "args.pairs", reason: "its values have no common type" },
    ]);
  });
});

describe("names", () => {
  test("of the server become names of the language; names without letters or digits get a number", () => {
    const { text } = importOf([
      tool("getHTTPFile", objectSchema({ maxResults: {}, "max-results": {}, "": {}, "1st": {}, 類: {}, type: {}, Self: {} }, ["type"])),
    ]);
    expect(text).toContain("export fn t_get_http_file(args: TGetHttpFileArgs)");
    const fields = [...text.matchAll(/^ {4}(\w+): /gm)].map(([, name]) => name);
    expect(fields.slice(0, 7)).toEqual(["max_results", "max_results_2", "field", "field_1st", "field_2", "type", "self"]);
  });

  test("that two tools share are an error, and so is a rename of a tool that does not exist", () => {
    const tools = [tool("read-file", {}), tool("readFile", {})];
    expect(() => importOf(tools)).toThrow(USAGE);
    expect(importOf(tools, new Map([["readFile", "read_again"]])).declaration.tools.map(({ capability }) => capability)).toEqual([
      "mcp_t.read_file",
      "mcp_t.read_again",
    ]);
    expect(() => importOf(tools, new Map([["gone", "x"]]))).toThrow(USAGE);
    // The import of `read` also writes a function `read_args`, which builds its arguments. The other tool has this name.
    expect(() => importOf([tool("read", {}), tool("read_args", {})])).toThrow(USAGE);
  });

  test("of tools that cannot be imported can be excluded", () => {
    const foreign = tool("foreign", objectSchema({ x: { $ref: "https://example.com/schema" } }));
    const { refused, declaration } = importOf([tool("a", {}), foreign, { ...tool("task", {}), isTaskOnly: true }]);
    expect(declaration.tools.map((declared) => declared.tool)).toEqual(["a"]);
    expect(refused).toEqual([
      { tool: "foreign", reason: 'args.x refers to another document: "https://example.com/schema"' },
      { tool: "task", reason: "it can only be called as a task" },
    ]);
    expect(() => importOf([foreign])).toThrow(USAGE);
  });
});

describe("messages to and from the server", () => {
  const node = objectSchema({ n: { type: "integer" }, kids: { type: "array", items: { $ref: "#/$defs/Node" } } }, ["n", "kids"]);
  const step = {
    oneOf: [
      objectSchema({ type: { const: "go-to" }, where: { type: "string" } }, ["type", "where"]),
      objectSchema({ type: { const: "stop" } }, ["type"]),
    ],
  };
  const members = {
    maxResults: { type: "integer" },
    mode: { enum: ["raw-text", "none"] },
    root: { $ref: "#/$defs/Node" },
    steps: { type: "array", items: step },
    weights: { type: "object", additionalProperties: { type: "number" } },
    gone: { type: ["string", "null"] },
    'with "quotes"\n': { type: "boolean" },
    any: {},
    left: { type: "string" },
  };
  const schema = { ...Object(objectSchema(members, ["maxResults", "mode", "root", "steps", "weights", "gone"])), $defs: { Node: node } };
  const made = importOf([tool("a", schema, schema)]);
  const value = {
    maxResults: 3,
    mode: "none",
    root: { n: 1, kids: [{ n: 2, kids: [] }] },
    steps: [{ type: "go-to", where: "home" }, { type: "stop" }],
    weights: { a: 0.5, b: 2 },
    gone: null,
    'with "quotes"\n': true,
    any: [1, null],
  };
  const ARGS = `TAArgs { ..t_a_args(
      3, TAArgsMode::NoneValue, TAArgsNode { n: 1, kids: [TAArgsNode { n: 2, kids: [] }] },
      [TAArgsStepsItem::GoTo { where: "home" }, TAArgsStepsItem::Stop], { "a": 0.5, "b": 2.0 }, None,
    ), with_quotes: Some(true), any: Some(json.from([Some(1), None])) }`;

  test("arguments have the server's names; None is left out or null", async () => {
    let seen: PlainValue = null;
    const ended = await run(made, `let answer = t_a(${ARGS})?\n Ok(json.from(answer))`, (args) => {
      seen = args;
      return value;
    });
    expect(seen).toEqual(value);
    expect(ended.value).toMatchObject({ ok: { max_results: 3, mode: "NoneValue", gone: null, with_quotes: true, left: null } });
  });

  test.each([
    [{ ...value, mode: "loud" }, '$.mode: expected "raw-text" or "none"'],
    [{ ...value, steps: [{ type: "stop" }, { type: "fly" }] }, '$.steps[1].type: expected "go-to" or "stop"'],
    [{ ...value, steps: [{ type: "go-to" }] }, "$.steps[0].where: is missing"],
    [{ ...value, root: { n: 1, kids: [{ n: "x", kids: [] }] } }, "$.root.kids[0].n: expected Int, found String"],
    [{ ...value, weights: { a: "heavy" } }, "$.weights.a: expected Float, found String"],
    [{ ...value, gone: undefined }, "$.gone: is missing"],
    [[], "$: expected an object"],
  ])("an answer that does not fit: %#", async (answer, path) => {
    const ended = await run(made, `let answer = t_a(${ARGS})?\n Ok(json.from(answer))`, () => JSON.parse(JSON.stringify(answer)));
    expect(ended.value).toEqual({ err: `mcp_t.a answered something else than its schema declares: ${path}` });
  });
});

/** JSON Schemas, most of them with a meaning. */
const { schema: anySchema } = fc.letrec<{ schema: unknown }>((tie) => {
  const name = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom("a", "b", "maxItems", "type", "for", "x-y", "1", "", "A", "Ä", "__proto__", "constructor") },
    fc.string(),
  );
  const text = fc.oneof(fc.constantFrom("one", "two", "None", "x y", "16:9", "self", ""), fc.string());
  const pointer = fc.constantFrom("#", "#/$defs/D", "#/properties/a", "#/$defs/E", "#/gone", "#/$defs/D/items");
  const described = (members: object): fc.Arbitrary<unknown> =>
    fc
      .record({ description: fc.oneof(fc.string(), fc.constant("}\nfn evil() -> Int { 1 }\n//")) }, { requiredKeys: [] })
      .map((extra) => ({ ...members, ...extra }));
  return {
    schema: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      fc.constantFrom("string", "integer", "number", "boolean", "null", "object", "array", "odd").chain((type) => described({ type })),
      fc.array(text, { maxLength: 4 }).map((values) => ({ enum: values })),
      fc.array(fc.oneof(text, fc.integer(), fc.boolean(), fc.constant(null)), { maxLength: 3 }).map((values) => ({ enum: values })),
      text.map((value) => ({ const: value })),
      fc.constantFrom(true, false, {}, [], 7),
      pointer.map(($ref) => ({ $ref })),
      tie("schema").map((items) => ({ type: "array", items })),
      tie("schema").map((additionalProperties) => ({ type: "object", additionalProperties })),
      fc.array(tie("schema"), { maxLength: 3 }).map((anyOf) => ({ anyOf: [...anyOf, { type: "null" }] })),
      fc.array(tie("schema"), { maxLength: 3 }).map((oneOf) => ({ oneOf })),
      fc.array(fc.tuple(name, tie("schema"), fc.boolean()), { maxLength: 4 }).map((entries) => objectWithMembers(entries)),
      fc
        .array(fc.tuple(text, fc.array(fc.tuple(name, tie("schema"), fc.boolean()), { maxLength: 2 })), { minLength: 2, maxLength: 3 })
        .map((parts) => ({
          oneOf: parts.map(([tag, entries]) => objectWithMembers([["kind", { const: tag }, true], ...entries])),
        })),
    ),
  };
});

function objectWithMembers(entries: readonly (readonly [string, unknown, boolean])[]): unknown {
  const required = entries.filter(([, , isRequired]) => isRequired).map(([name]) => name);
  // `fromEntries` also makes a member with the name `__proto__`.
  return { type: "object", properties: Object.fromEntries(entries.map(([name, schema]) => [name, schema])), required };
}

const document = fc
  .tuple(fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), anySchema, fc.boolean()), { maxLength: 3 }), anySchema, anySchema)
  .map(([entries, d, e]) => ({
    ...Object(objectWithMembers(entries)),
    $defs: { D: d, E: e },
  }));

/** How deep the objects and lists of a JSON text are nested, at most. */
function nesting(text: string): number {
  let deepest = 0;
  let depth = 0;
  // Leave out the strings, which can contain brackets.
  for (const character of text.replace(/"(?:[^"\\]|\\.)*"/gu, "")) {
    depth += "[{".includes(character) ? 1 : "]}".includes(character) ? -1 : 0;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

describe("any schema", () => {
  test("makes a formatted module that compiles without warnings, and a mock that is a valid answer", async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(document, anySchema), fc.oneof(document, anySchema), fc.string(), async (input, output, description) => {
        const made = importOf([tool("a", input, output, description), tool("none", {})]);
        expect(problems(made)).toEqual([]);
        expect(formatSource({ name: "t.ax", text: made.text })).toEqual({ ok: true, text: made.text });
        expect(made.text).not.toMatch(/^fn evil/m);
        const mocked = importOf([tool("b", {}, output)]);
        const mock = mocked.declaration.tools[0]?.mock ?? null;
        // The mock of a record that requires itself would be infinite, so it is cut off at a depth, and is no valid answer.
        if (nesting(canonicalJson(mock)) < 60)
          expect((await run(mocked, "result.is_ok(t_b())", () => jsonToPlain(mock), "Bool")).value).toBe(true);
        const reread = parseDeclaration(JSON.stringify(declarationToJson(made.declaration)));
        expect(declarationToJson(reread)).toEqual(declarationToJson(made.declaration));
      }),
      { numRuns: scaledRuns(2_000) },
    );
  });

  test("is pinned: the pin changes with the schemas and the name, not with the order of members or the description", () => {
    fc.assert(
      fc.property(anySchema, anySchema, (one, other) => {
        const isSame = canonicalJson(jsonFromJs(one)) === canonicalJson(jsonFromJs(other));
        expect(contractPin(tool("a", one)) === contractPin(tool("a", other))).toBe(isSame);
        expect(contractPin(tool("a", one))).toBe(contractPin(tool("a", structuredClone(one), undefined, "other")));
        expect(contractPin(tool("b", one))).not.toBe(contractPin(tool("a", one)));
        expect(contractPin(tool("a", one, {}))).not.toBe(contractPin(tool("a", one)));
      }),
      { numRuns: scaledRuns(500) },
    );
    expect(contractPin(tool("a", { x: 1, y: 2 }))).toBe(contractPin(tool("a", { y: 2, x: 1 })));
  });
});

describe("hostile schemas", () => {
  const nested = (depth: number, wrap: (inner: unknown) => unknown): unknown =>
    Array.from({ length: depth }).reduce<unknown>(wrap, { type: "string" });
  test.each<[string, unknown]>([
    ["deeply nested lists", objectSchema({ x: nested(500, (items) => ({ type: "array", items })) })],
    ["deeply nested objects", objectSchema({ x: nested(500, (x) => objectSchema({ x }, ["x"])) })],
    ["deeply nested alternatives", objectSchema({ x: nested(500, (inner) => ({ anyOf: [inner] })) })],
    ["many members", objectSchema(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`m${i}`, { type: "string" }])))],
    ["many values", objectSchema({ x: { enum: Array.from({ length: 20_000 }, (_, i) => `v${i}`) } })],
    [
      "records that share records",
      {
        ...Object(objectSchema({ x: { $ref: "#/$defs/0" } }, ["x"])),
        $defs: Object.fromEntries(
          Array.from({ length: 60 }, (_, i) => [
            i,
            objectSchema({ l: { $ref: `#/$defs/${i + 1}` }, r: { $ref: `#/$defs/${i + 1}` } }, ["l", "r"]),
          ]),
        ),
      },
    ],
    [
      "references in a ring",
      {
        ...Object(objectSchema({ x: { $ref: "#/$defs/0" } })),
        $defs: Object.fromEntries(Array.from({ length: 100 }, (_, i) => [i, { $ref: `#/$defs/${(i + 1) % 100}` }])),
      },
    ],
    ["long names", objectSchema({ ["x".repeat(5_000)]: { enum: ["y".repeat(5_000)] } })],
    ["pointers with many steps", objectSchema({ x: { $ref: `#${"/x".repeat(10_000)}` } })],
  ])("%s", (_, schema) => {
    const made = importOf([tool("a", schema, schema)]);
    expect(problems(made)).toEqual([]);
  });

  test("the module contains no invisible characters", () => {
    const sly = "good\u202e\u2066 } fn evil() {\u0000\u001b[31m\u2028";
    const { text } = importOf([tool("a", objectSchema({ [sly]: { type: "string", description: sly } }), undefined, sly)]);
    // Line ends are the only control characters.
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u);
    expect(text).toContain('members["good\\u{202e}\\u{2066} } fn evil() {\\u{0}\\u{1b}[31m\\u{2028}"]');
  });
});

test("tools are compared by name, schemas and description", () => {
  const tools = [tool("a", {}, undefined, "A"), tool("b", {}), tool("c", {})];
  const { declaration } = importOf(tools);
  const now = [tool("a", {}, undefined, "B"), tool("b", { type: "object", title: "new" }), tool("d", {})];
  const { refused, warnings } = compareTools("mcp_t", declaration.tools, now);
  expect([...refused.keys()]).toEqual(["b", "c"]);
  expect(warnings).toEqual(["the server describes mcp_t.a otherwise than when it was imported"]);
  expect(compareTools("mcp_t", declaration.tools, tools)).toEqual({ refused: new Map(), warnings: [] });
});
