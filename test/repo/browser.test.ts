import { createContext, Script } from "node:vm";
import { parseAst } from "rolldown/parseAst";
import { beforeAll, describe, expect, test } from "vitest";
import { browserBundle, PROGRAM } from "./browser-bundle.ts";

/** Global names that browsers do not have. */
const NODE_NAMES: ReadonlySet<string> = new Set([
  "process",
  "Buffer",
  "require",
  "module",
  "exports",
  "global",
  "setImmediate",
  "clearImmediate",
  "__dirname",
  "__filename",
]);

let code = "";
let outside: readonly string[] = [];

beforeAll(async () => {
  ({ code, imports: outside } = await browserBundle());
});

type Node = Readonly<Record<string, unknown>> & { readonly type: string };

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** By node type, the fields whose identifiers are not references to variables. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["MemberExpression", "property"],
  ["Property", "key"],
  ["MethodDefinition", "key"],
  ["PropertyDefinition", "key"],
  ["LabeledStatement", "label"],
  ["BreakStatement", "label"],
  ["ContinueStatement", "label"],
]);

/** By node type, the fields that declare names. */
const DECLARES: ReadonlyMap<string, readonly string[]> = new Map([
  ["VariableDeclarator", ["id"]],
  ["FunctionDeclaration", ["id", "params"]],
  ["FunctionExpression", ["id", "params"]],
  ["ArrowFunctionExpression", ["params"]],
  ["ClassDeclaration", ["id"]],
  ["ClassExpression", ["id"]],
  ["CatchClause", ["param"]],
]);

function identifiersIn(root: unknown): ReadonlySet<string> {
  const names = new Set<string>();
  walk(root, (node) => {
    if (node.type === "Identifier" && typeof node["name"] === "string") names.add(node["name"]);
  });
  return names;
}

function walk(root: unknown, visit: (node: Node) => void): void {
  const pending: unknown[] = [root];
  while (pending.length > 0) {
    const value = pending.pop();
    if (Array.isArray(value)) pending.push(...value);
    if (!isNode(value)) continue;
    visit(value);
    const word = value["computed"] === true ? undefined : WORDS.get(value.type);
    for (const [key, child] of Object.entries(value)) if (key !== word) pending.push(child);
  }
}

/** The names that code uses but does not declare. */
function freeNames(source: string): readonly string[] {
  const program = parseAst(source);
  const declared = new Set<string>();
  walk(program, (node) => {
    for (const place of DECLARES.get(node.type) ?? []) for (const name of identifiersIn(node[place])) declared.add(name);
  });
  return [...identifiersIn(program)].filter((name) => !declared.has(name));
}

interface Page {
  readonly run: (text: string, engine: string) => unknown;
  /** The number of calls to `eval` or `Function` so far. */
  readonly generated: () => unknown;
}

/**
 * Loads the bundle in a context with only JavaScript's globals and the text codecs of a browser. `strings`: whether code may be made from
 * strings, as by `eval`.
 */
function page(strings: boolean): Page {
  const world = createContext({ TextEncoder, TextDecoder }, { codeGeneration: { strings, wasm: false } });
  const evaluate = (text: string): unknown => new Script(text).runInContext(world);
  evaluate(`
    globalThis.generated = 0;
    globalThis.Function = new Proxy(Function, {
      construct: (target, args) => { const made = Reflect.construct(target, args); generated += 1; return made; },
    });
  `);
  evaluate(code);
  return {
    run: (text, engine) => evaluate(`boruna.run(${JSON.stringify(text)}, ${JSON.stringify(engine)})`),
    generated: () => evaluate("generated"),
  };
}

describe("the compiler and the machine in a browser", () => {
  test("the bundle imports nothing and uses no Node globals", () => {
    expect(outside).toEqual([]);
    const names = freeNames(code);
    expect(names).toContain("TextDecoder");
    expect(names.filter((name) => NODE_NAMES.has(name))).toEqual([]);
    expect(/["'`]node:/.test(code)).toBe(false);
  });

  const expected = (): unknown => page(true).run(PROGRAM, "interpreter");

  test("a program is compiled, encoded, decoded, verified and run", () => {
    const result = expected();
    expect(result).toMatch(/"status":"completed"/);
    expect(result).toContain("7.59007199254740994");
  });

  test("both engines run, with the same result", () => {
    const open = page(true);
    const before = open.generated();
    const result = open.run(PROGRAM, "compiled");
    expect(result).toBe(expected());
    expect(open.generated()).toBeGreaterThan(Number(before));
  });

  test("if eval is forbidden, the compiled engine turns itself off and the result is the same", () => {
    const closed = page(false);
    expect(closed.run(PROGRAM, "compiled")).toBe(expected());
    expect(closed.run(PROGRAM, "auto")).toBe(expected());
    expect(closed.generated()).toBe(0);
  });

  test("traps and deep recursion work", () => {
    const deep = "fn down(n: Int) -> Int { 1 + down(n + 1) }\nfn main() -> Int { down(0) }";
    for (const strings of [true, false])
      for (const engine of ["interpreter", "compiled"]) expect(page(strings).run(deep, engine)).toContain('"value":"stack_overflow"');
  });
});
