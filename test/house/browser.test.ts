import { join } from "node:path";
import { createContext, Script } from "node:vm";
import { rolldown } from "rolldown";
import { parseAst } from "rolldown/parseAst";
import { beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "./imports.ts";

/** A page that compiles, stores, reads, verifies and runs a program; what it gives back is text. */
const ENTRY = `
import { compile } from ${JSON.stringify(join(ROOT, "compiler/compile.ts"))};
import { decodeModule, encodeModule } from ${JSON.stringify(join(ROOT, "vm/codec.ts"))};
import { DEFAULT_LIMITS } from ${JSON.stringify(join(ROOT, "vm/limits.ts"))};
import { runMachine } from ${JSON.stringify(join(ROOT, "vm/system.ts"))};
import { textForm } from ${JSON.stringify(join(ROOT, "vm/text.ts"))};
import { verifyModule } from ${JSON.stringify(join(ROOT, "vm/verifier.ts"))};

const host = {
  call: ({ capability, args }) => ({ ok: true, value: capability.mock(args) }),
  event: () => undefined,
  debug: () => undefined,
  interrupted: () => undefined,
};

export function run(text, engine) {
  const { module } = compile({ name: "main.ax", text });
  const program = verifyModule(decodeModule(encodeModule(module)));
  const end = runMachine(program, host, { limits: DEFAULT_LIMITS, args: [], engine });
  const { status, steps, allocBytes } = end;
  return JSON.stringify({ status, steps, allocBytes, hash: program.moduleHash, value: status === "completed" ? textForm(end.value) : end.trap.kind });
}
`;

const PROGRAM = `
fn fib(n: Int) -> Int { if n < 2 { n } else { fib(n - 1) + fib(n - 2) } }

fn main() -> String !{net.fetch} {
    let words = string.split("é € 😀 z a é", " ")
    let mut seen: Map<String, Int> = {}
    for word in words { seen = map.set(seen, word, option.unwrap_or(map.get(seen, word), 0) + 1) }
    let numbers = list.map(list.range(0, 20), fib)
    let body = net.fetch("http://a")
    string.inspect(seen) ++ int.to_string(list.sum(numbers)) ++ hash.sha256(body) ++ base64.encode("é")
        ++ float.to_string(2.5 * 3.0) ++ int.to_string(9007199254740993 + 1)
}
`;

/** Names that a browser does not have. */
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
  const name = "browser-entry.js";
  const bundle = await rolldown({
    input: name,
    platform: "browser",
    plugins: [
      {
        name: "entry",
        resolveId: (id) => (id === name ? name : null),
        load: (id) => (id === name ? ENTRY : null),
      },
    ],
  });
  const { output } = await bundle.generate({ format: "iife", name: "boruna" });
  await bundle.close();
  const [chunk] = output;
  code = chunk.code;
  outside = [...chunk.imports, ...chunk.dynamicImports];
}, 60_000);

type Node = Readonly<Record<string, unknown>> & { readonly type: string };

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

/** Places of a node where an identifier is a word of its own and not a name in scope, by the node's type. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ["MemberExpression", "property"],
  ["Property", "key"],
  ["MethodDefinition", "key"],
  ["PropertyDefinition", "key"],
  ["LabeledStatement", "label"],
  ["BreakStatement", "label"],
  ["ContinueStatement", "label"],
]);

/** Places of a node where a name is declared. */
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

/** Names that code uses and nowhere declares. */
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
  /** How often the page made code from text so far. */
  readonly generated: () => unknown;
}

/** The bundle in a world that has the language and the text codecs of a browser, and nothing else. */
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
  test("the bundle imports nothing, and names nothing that only Node has", () => {
    expect(outside).toEqual([]);
    const names = freeNames(code);
    expect(names).toContain("TextDecoder");
    expect(names.filter((name) => NODE_NAMES.has(name))).toEqual([]);
    expect(/["'`]node:/.test(code)).toBe(false);
  });

  const expected = (): unknown => page(true).run(PROGRAM, "interpreter");

  test("a program is compiled, stored, read, verified and run", () => {
    const result = expected();
    expect(result).toMatch(/"status":"completed"/);
    expect(result).toContain("7.59007199254740994");
  });

  test("both engines run there, with the same result", () => {
    const open = page(true);
    const before = open.generated();
    const result = open.run(PROGRAM, "compiled");
    expect(result).toBe(expected());
    expect(open.generated()).toBeGreaterThan(Number(before));
  });

  test("where code from text is forbidden, the compiled engine turns itself off and the result is the same", () => {
    const closed = page(false);
    expect(closed.run(PROGRAM, "compiled")).toBe(expected());
    expect(closed.run(PROGRAM, "auto")).toBe(expected());
    expect(closed.generated()).toBe(0);
  });

  test("a trap is a trap there, and deep recursion too", () => {
    const deep = "fn down(n: Int) -> Int { 1 + down(n + 1) }\nfn main() -> Int { down(0) }";
    for (const strings of [true, false])
      for (const engine of ["interpreter", "compiled"]) expect(page(strings).run(deep, engine)).toContain('"value":"stack_overflow"');
  });
});
