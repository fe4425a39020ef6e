/** Whatever a handler answers or throws, the run continues or ends with a regular outcome, and its log replays. */
import { expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CapabilityFailure, type Handler } from "../../gateway/handlers.ts";
import { BorunaError } from "../../vm/error.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import { FloatValue, NoneValue, RecordValue, SomeValue, type Value } from "../../vm/value/value.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { recorded, replayed } from "../replay/recorded.ts";

const programOf = (text: string) => verifyModule(compile({ name: "main.ax", text }).module);
const ASKS = programOf('fn main() -> Json !{llm.call} { llm.call("p") }');
const TRIES = programOf('fn main() -> String !{llm.call} { match try llm.call("p") { Ok(_) => "answered", Err(why) => why } }');

/** Types any function as a handler. */
function handlerOf(body: () => unknown): Handler {
  const isHandler = (given: unknown): given is Handler => typeof given === "function";
  return isHandler(body) ? body : expect.fail("no function");
}
const evil = (): never => {
  throw new Error("/home/me/secret");
};
const parsed = (text: string): unknown => JSON.parse(text);
const thrown = (error: unknown) => (): never => {
  throw error;
};
/** Returns the value as any type, as an embedder without type checks may. */
const loosely = (value: unknown): Value => {
  const isValue = (given: unknown): given is Value => given !== undefined || true;
  return isValue(value) ? value : "";
};
const json = (value: unknown): Value => MapValue.from([["a", loosely(value)]]);
const withOwn = (object: object, name: string, descriptor: PropertyDescriptor): object => Object.defineProperty(object, name, descriptor);
const traps: ProxyHandler<object> = { get: evil, has: evil, getPrototypeOf: evil, ownKeys: evil, getOwnPropertyDescriptor: evil };
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
function doubled(levels: number): Value {
  let value: Value = 1;
  for (let i = 0; i < levels; i++) value = ListValue.of([value, value]);
  return value;
}
function manyFields(): Value[] {
  const fields: Value[] = [];
  fields.length = 2 ** 32 - 1;
  return fields;
}
function insideItself(): Value {
  const fields: Value[] = [];
  fields.push(new RecordValue(0, fields));
  return new RecordValue(0, fields);
}

const OTHER = "the handler of llm.call answered something else than Json";
const LARGE = "the handler of llm.call answered a value that is too large";

const ANSWERS: readonly (readonly [name: string, make: () => unknown, message: string])[] = [
  ["nothing", () => undefined, OTHER],
  ["null", () => null, OTHER],
  ["a symbol", () => Symbol("s"), OTHER],
  ["a function", () => evil, OTHER],
  ["a plain object", () => parsed('{"status": "ok"}'), OTHER],
  ["an array", () => [1, 2], OTHER],
  ["a JavaScript Map", () => new Map([["a", 1]]), OTHER],
  ...["Unit", "None", "Float", "Some", "Record", "Enum", "ActorId", "FnRef", "Closure", "List", "Map"].map(
    (tag) => [`parsed JSON with the tag ${tag}`, () => parsed(`{"tag": "${tag}", "value": 1, "length": 1, "size": 1}`), OTHER] as const,
  ),
  ["parsed JSON inside a list", () => ListValue.of([loosely(parsed('{"tag": "Map"}'))]), OTHER],
  ["parsed JSON inside a map", () => json(parsed('{"tag": "List", "length": 3}')), OTHER],
  ["nothing inside a list", () => ListValue.of([1, loosely(undefined)]), OTHER],
  ["a proxy of a map", () => new Proxy(MapValue.EMPTY, {}), OTHER],
  ["a proxy inside a map", () => json(new Proxy({}, traps)), OTHER],
  ["a map by its prototype only", () => Object.create(MapValue.prototype), OTHER],
  ["a list by its prototype only", () => Object.create(ListValue.prototype, { length: { value: 5 } }), OTHER],
  ["a prototype with getters", () => Object.create(withOwn({}, "tag", { get: evil })), OTHER],
  ["a derived class", () => new (class extends NoneValue {})(), OTHER],
  ["a Float with a getter", () => Object.create(FloatValue.prototype, { value: { get: evil } }), OTHER],
  ["a Float that holds text", () => Object.assign(new FloatValue(1), { value: "1" }), OTHER],
  ["a list with a length of its own", () => withOwn(ListValue.of([1, 2]), "length", { get: evil }), OTHER],
  ["a list with a method of its own", () => withOwn(ListValue.of([1, 2]), "toArray", { value: evil }), OTHER],
  ["a list with another prototype", () => Object.setPrototypeOf(ListValue.of([1, 2]), MapValue.prototype), OTHER],
  ["a map with a member of its own", () => withOwn(MapValue.from([["a", 1]]), "root", { get: evil }), OTHER],
  ["a value inside itself", insideItself, LARGE],
  ["a small value that unfolds to a huge one", () => doubled(40), LARGE],
  ["a record with four thousand million fields", () => new RecordValue(0, manyFields()), LARGE],
  ["text that is too long", () => "x".repeat(70_000_000), LARGE],
  ["another type", () => new SomeValue(1), OTHER],
];

const FAILED = "the handler of llm.call failed";
const foreignClass = class extends Error {
  override readonly name: string = "CapabilityFailure";
  get kind(): string {
    return "denied";
  }
};
const failure = (kind: unknown): CapabilityFailure => Reflect.construct(CapabilityFailure, ["the reason", kind]);
const FOREIGN_KIND = `${FAILED} (a CapabilityFailure whose kind is none of runtime_error, denied, unknown)`;

const THROWN: readonly (readonly [name: string, error: unknown, message: string])[] = [
  ["nothing", undefined, `${FAILED} (undefined)`],
  ["a proxy", new Proxy(new Error("x"), traps), `${FAILED} (Error)`],
  ["a proxy of a failure", new Proxy(new CapabilityFailure("/secret"), {}), `${FAILED} (CapabilityFailure)`],
  ["a name with a getter", withOwn(new Error("x"), "name", { get: evil }), `${FAILED} (Error)`],
  ["a name that holds a path", withOwn(new Error("x"), "name", { value: "/home/me/secret" }), `${FAILED} (Error)`],
  ["a name that is no text", withOwn(new Error("x"), "name", { value: Symbol("x") }), `${FAILED} (Error)`],
  ["a failure by its prototype only", Object.create(CapabilityFailure.prototype, { kind: { get: evil } }), `${FAILED} (Error)`],
  ["a failure of a foreign class", new foreignClass("/secret"), `${FAILED} (CapabilityFailure)`],
  ["a failure with a foreign kind", failure("quota"), FOREIGN_KIND],
  ["a failure whose kind is a member of every object", failure("constructor"), FOREIGN_KIND],
  ["a failure with a kind of no text", failure({}), FOREIGN_KIND],
  ["a failure with a getter for its kind", withOwn(failure("denied"), "kind", { get: evil }), FOREIGN_KIND],
  [
    "a failure with a getter for its message",
    withOwn(failure("denied"), "message", { get: evil }),
    `${FAILED} (a CapabilityFailure whose message`,
  ],
  ["an error of a log", new BorunaError("log.io_error", "/secret"), `${FAILED} (BorunaError)`],
  ["an error of Boruna", new BorunaError("internal", "/secret"), `${FAILED} (BorunaError)`],
];

/** An async function cannot return these: it would read their `then` itself. */
const AT_ONCE: readonly (readonly [name: string, make: () => unknown, message: string])[] = [
  ["a proxy with traps", () => new Proxy({}, traps), OTHER],
  ["a revoked proxy", revoked, OTHER],
  ["a thenable with a getter", () => withOwn({}, "then", { get: evil }), OTHER],
  ["a proxy of a promise", () => new Proxy(Promise.resolve("x"), traps), OTHER],
  ["a promise with a constructor of its own", () => withOwn(Promise.resolve("x"), "constructor", { get: evil }), `${FAILED} (Error)`],
];

const CASES = [
  ...ANSWERS.map(([name, make, message]) => [`answers ${name}`, make, message] as const),
  ...ANSWERS.map(([name, make, message]) => [`answers ${name}, later`, async () => make(), message] as const),
  ...THROWN.map(([name, error, message]) => [`throws ${name}`, thrown(error), message] as const),
  ...THROWN.map(([name, error, message]) => [`rejects with ${name}`, async () => thrown(error)(), message] as const),
  ...AT_ONCE.map(([name, make, message]) => [`answers ${name}`, make, message] as const),
];

test.each(CASES)("a handler that %s is one runtime error of its call", async (_name, body, message) => {
  const handlers = { "llm.call": handlerOf(body) };
  const recording = await recorded(ASKS, { handlers });
  expect(recording.run).toMatchObject({
    outcome: "runtime_error",
    error: { kind: "capability_failed", capability: "llm.call", message: expect.stringContaining(message) },
    counters: { total: 1, dispatched: 1, failed: 1 },
  });
  expect(JSON.stringify(recording.run.error)).not.toContain("secret");
  expect(await replayed(recording)).toMatchObject({ status: "identical" });
  const tried = await recorded(TRIES, { handlers });
  expect(tried.run).toMatchObject({ outcome: "success", value: expect.stringContaining(message) });
});

test("changing an answer after it was returned has no effect", async () => {
  const inner = new FloatValue(1);
  const items: Value[] = [inner];
  const program = programOf('fn main() -> Json !{llm.call, fs.read} { let first = llm.call("p")\n let _b = fs.read("x")\n first }');
  const recording = await recorded(program, {
    handlers: {
      "llm.call": () => ListValue.of(items),
      "fs.read": () => {
        Object.assign(inner, { value: 2 });
        items.push("more");
        return "";
      },
    },
  });
  expect(recording.run.value).toEqual([1]);
  expect(await replayed(recording)).toMatchObject({ status: "identical" });
});

test("a promise is awaited natively, whatever its own `then` is", async () => {
  const handlers = { "llm.call": handlerOf(() => withOwn(Promise.resolve("x"), "then", { value: evil })) };
  expect((await recorded(ASKS, { handlers })).run).toMatchObject({ outcome: "success", value: "x" });
});

test("a handler that is not a function is a usage error before the run", async () => {
  const handlers: Record<string, Handler> = {};
  Object.assign(handlers, { "fs.read": 1 });
  await expect(recorded(ASKS, { handlers })).rejects.toMatchObject({ kind: "usage", message: 'handlers["fs.read"]: expected a function' });
});
