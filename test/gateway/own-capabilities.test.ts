import { describe, expect, expectTypeOf, test } from "vitest";
import { compile, compileTests } from "../../compiler/compile.ts";
import { type CapabilitySpec, createRegistry, defineCapability } from "../../gateway/own-capabilities.ts";
import { execute } from "../../runtime/execute.ts";
import { runTest } from "../../gateway/test-run.ts";
import { FIRST_OWN_CAPABILITY_ID } from "../../vm/capabilities.ts";
import type { PlainValue } from "../../vm/json/js-interop.ts";
import { declarationToJson, declareCapability } from "../../vm/own-capabilities.ts";
import { canonicalJson } from "../../vm/json/json.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { resolve } from "../outcome.ts";
import { errorKind } from "../vm/arbitrary.ts";

const GOOD = { name: "own.a", version: "1", params: [{ name: "n", type: "Int" }], result: "Int", mayRepeat: true } as const;

/** Registers a specification that TypeScript may not allow. Returns the message of the error. */
function problemOf(spec: unknown): string {
  try {
    Reflect.apply(createRegistry, undefined, [[spec]]);
  } catch (error) {
    if (error instanceof Error) return `${"kind" in error ? String(error.kind) : error.name}: ${error.message}`;
  }
  return "no error";
}

describe("defineCapability", () => {
  test("gives the handler the types of the parameters", () => {
    const capability = defineCapability({
      ...GOOD,
      params: [
        { name: "n", type: "Int" },
        { name: "names", type: "List<String>" },
        { name: "limit", type: "Option<Float>", default: null },
        { name: "more", type: "Json", default: {} },
      ],
      handler: ([n, names, limit, more], context) => {
        expectTypeOf(n).toEqualTypeOf<number | bigint>();
        expectTypeOf(names).toEqualTypeOf<readonly string[]>();
        expectTypeOf(limit).toEqualTypeOf<null | { readonly some: number }>();
        expectTypeOf(more).toEqualTypeOf<PlainValue>();
        return Number(n) + names.length + context.callNumber;
      },
    });
    expectTypeOf(capability).toEqualTypeOf<CapabilitySpec>();
    expect(capability.name).toBe("own.a");
  });

  test.each([
    ["nothing", undefined, "expected words in lower case"],
    ["a name without a dot", { ...GOOD, name: "own" }, "expected words in lower case"],
    ["a name in capitals", { ...GOOD, name: "Own.a" }, "expected words in lower case"],
    ["a name that is no text", { ...GOOD, name: 1 }, "expected words in lower case"],
    ["the name of a builtin", { ...GOOD, name: "list.len" }, "a function of the language has this name"],
    ["the name of a built-in capability", { ...GOOD, name: "fs.read" }, "is declared twice, or is a built-in one"],
    ["no version", { ...GOOD, version: undefined }, "version: expected"],
    ["a version with a tab", { ...GOOD, version: "1\t2" }, "version: expected"],
    ["no parameters", { ...GOOD, params: undefined }, "params: expected a list"],
    ["a parameter twice", { ...GOOD, params: [...GOOD.params, ...GOOD.params] }, "params: n is there twice"],
    ["a parameter without a type", { ...GOOD, params: [{ name: "n" }] }, "params[0].type: expected a type"],
    ["a parameter of a type that is not there", { ...GOOD, params: [{ name: "n", type: "Text" }] }, 'params[0].type: "Text" is not a type'],
    [
      "a parameter with a wrong default",
      { ...GOOD, params: [{ name: "n", type: "Int", default: "x" }] },
      "params[0].default: expected Int",
    ],
    [
      "a default before none",
      { ...GOOD, params: [{ name: "m", type: "Int", default: 1 }, ...GOOD.params] },
      "params: n needs a default, because a parameter before it has one",
    ],
    ["a field that is not there", { ...GOOD, repeatable: true }, 'the field "repeatable" is unknown; known are name, version, params'],
    ["a function as a result", { ...GOOD, result: "Fn() -> Int" }, "is not a type of plain data"],
    ["an actor as a result", { ...GOOD, result: "ActorId" }, "is not a type of plain data"],
    ["a map with other keys", { ...GOOD, result: "Map<Int, Int>" }, "is not a type of plain data"],
    ["a list without its type", { ...GOOD, result: "List" }, "is not a type of plain data"],
    ["no mayRepeat", { ...GOOD, mayRepeat: undefined }, "mayRepeat: expected true if a call may be made again"],
    ["a condition on an Int", { ...GOOD, mayRepeat: { n: ["1"] } }, 'mayRepeat: "n" is no String parameter'],
    [
      "a condition without texts",
      { ...GOOD, params: [{ name: "s", type: "String" }], mayRepeat: { s: "a" } },
      "mayRepeat.s: expected a list",
    ],
    ["a handler that is no function", { ...GOOD, handler: 1 }, "handler: expected a function"],
    ["a mock of another type", { ...GOOD, mock: "x" }, "mock: expected Int"],
    ["a class instance", { ...GOOD, params: new Date() }, "no JSON value"],
  ])("refuses %s", (_name, spec, message) => {
    expect(problemOf(spec)).toMatch(/^capability\.invalid_declaration: /);
    expect(problemOf(spec)).toContain(message);
  });

  test("refuses the same name twice", () => {
    expect(errorKind(() => createRegistry([GOOD, GOOD]))).toBe("capability.invalid_declaration");
  });
});

test("a capability's id depends on its name alone, and its declaration in a log is read back unchanged", () => {
  const other = { ...GOOD, name: "own.b", params: [{ name: "s", type: "String", default: "x" }], mayRepeat: { s: ["x"] } } as const;
  const [a, b] = [createRegistry([GOOD, other]), createRegistry([other])];
  expect(a.byName.get("own.b")?.id).toBe(b.byName.get("own.b")?.id);
  expect(a.byName.get("own.a")?.id).toBe(230_569_160);
  expect(a.own.map((c) => c.name)).toEqual(["own.a", "own.b"]);
  for (const capability of a.own) {
    expect(capability.id).toBeGreaterThanOrEqual(FIRST_OWN_CAPABILITY_ID);
    expect(capability.id).toBeLessThan(2 ** 31);
    const read = declareCapability(declarationToJson(capability));
    expect(canonicalJson(declarationToJson(read))).toBe(canonicalJson(declarationToJson(capability)));
    expect({ ...read, doc: capability.doc }).toEqual(capability);
  }
});

test("every type arrives as plain data and returns as the same value", async () => {
  const types = [
    ["Int", "9223372036854775807", 9_223_372_036_854_775_807n],
    ["Int", "5", 5],
    ["Float", "2.0", 2],
    ["Float", "0.0 / 0.0", Number.NaN],
    ["String", '"é"', "é"],
    ["Bool", "true", true],
    ["Unit", "()", null],
    ["List<Float>", "[1.0, 2.5]", [1, 2.5]],
    ["Map<String, Int>", '{ "a": 1 }', { a: 1 }],
    ["Option<List<Int>>", "Some([1])", { some: [1] }],
    ["Option<Int>", "None", null],
    ["Result<Int, String>", 'Err("no")', { err: "no" }],
    ["Json", 'Json::Object({ "a": Json::List([Json::Null, Json::Float(0.5)]) })', { a: [null, 0.5] }],
  ] as const;
  for (const [type, literal, plain] of types) {
    const seen: unknown[] = [];
    const registry = createRegistry([{ ...GOOD, name: "own.echo", params: [{ name: "x", type }], result: type }]);
    const text = `fn main() -> String !{own.echo} {\n  let x: ${type} = ${literal}\n  let y: ${type} = own.echo(x)\n  string.inspect(x) ++ "|" ++ string.inspect(y) }`;
    const program = verifyModule(compile({ name: "main.ax", text }, { registry }).module, registry);
    const echo = ([x]: readonly PlainValue[]): unknown => (seen.push(x), x);
    const run = await execute(program, { policy: "allow-all", tracing: false, handlers: { "own.echo": echo } });
    expect(seen).toEqual([plain]);
    const [sent, received] = String(run.value).split("|");
    expect(received, type).toBe(sent);
    expect(run.outcome).toBe("success");
  }
});

test("a live run calls the handler, another run calls the mock, and without a mock nothing answers", async () => {
  const main = async (spec: Partial<CapabilitySpec>, live: boolean) => {
    const registry = createRegistry([{ ...GOOD, ...spec }]);
    const { module } = compile({ name: "main.ax", text: "fn main() -> Int !{own.a} { own.a(20) }" }, { registry });
    return execute(module, { registry, policy: "allow-all", live, tracing: false });
  };
  const handler = ([n]: readonly PlainValue[]): number => Number(n) + 1;
  expect(await main({ handler, mock: 7 }, true)).toMatchObject({ value: 21 });
  expect(await main({ handler, mock: 7 }, false)).toMatchObject({ value: 7 });
  expect(await main({ mock: handler }, false)).toMatchObject({ value: 21 });
  expect(await main({ handler }, false)).toMatchObject({ outcome: "runtime_error", error: { kind: "unknown_capability" } });
  expect(await main({ mock: 7 }, true)).toMatchObject({ outcome: "runtime_error", error: { kind: "unknown_capability" } });
});

test("calls_made lists the calls that a mock answers, too", async () => {
  const registry = createRegistry([{ ...GOOD, mock: (args: readonly unknown[]) => Number(args[0]) + 1 }]);
  const text = `import "std-testing"
test "a" {
    let sum = own.a(1) + string.len(fs.read("a.txt"))
    assert_equal((sum > 1, calls_made()), (true, ["own.a(1)", "fs.read(\\"a.txt\\")"]))
}
`;
  const { module, tests, diagnostics } = compileTests({ name: "main.ax", text }, { registry, resolve });
  expect(diagnostics).toEqual([]);
  if (module === undefined) return;
  const results = await Promise.all(tests.map((t) => runTest(verifyModule(module, registry), t)));
  expect(results.map(({ passed, error }) => [passed, error?.message])).toEqual([[true, undefined]]);
});
