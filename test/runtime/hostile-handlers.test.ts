/** Whatever a handler answers or throws, the run continues or ends with a regular outcome, and its log replays. */
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import type { RunOptions } from "../../runtime/execute.ts";
import { CapabilityFailure, type Handler, MachineHandler, machineHandler } from "../../gateway/handlers.ts";
import { createRegistry } from "../../gateway/own-capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import { FloatValue, NoneValue, RecordValue, SomeValue, type Value } from "../../vm/value/value.ts";
import type { Program } from "../../vm/bytecode/program.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { someOf } from "../cases.ts";
import { recorded, replayed } from "../replay/recorded.ts";

const programOf = (text: string) => verifyModule(compile({ name: "main.ax", text }).module);
const ASKS = programOf('fn main() -> Json !{llm.call} { llm.call("p") }');
const TRIES = programOf('fn main() -> String !{llm.call} { match try llm.call("p") { Ok(_) => "answered", Err(why) => why } }');

/** Returns a handler that answers with a value of the machine. Without type checks, `body` may return anything. */
function machineHandlerOf(body: () => unknown): MachineHandler {
  return Reflect.construct(MachineHandler, [body]);
}
const throwSecret = (): never => {
  throw new Error("/home/me/secret");
};
const parsed = (text: string): unknown => JSON.parse(text);
const throwing = (error: unknown) => (): never => {
  throw error;
};
/** Returns the value unchanged with the type `Value`, as an embedder without type checks may. */
const loosely = (value: unknown): Value => {
  const isValue = (given: unknown): given is Value => given !== undefined || true;
  return isValue(value) ? value : "";
};
const json = (value: unknown): Value => MapValue.from([["a", loosely(value)]]);
const withOwn = (object: object, name: string, descriptor: PropertyDescriptor): object => Object.defineProperty(object, name, descriptor);
const traps: ProxyHandler<object> = {
  get: throwSecret,
  has: throwSecret,
  getPrototypeOf: throwSecret,
  ownKeys: throwSecret,
  getOwnPropertyDescriptor: throwSecret,
};
const revoked = (): object => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
function doublingList(levels: number): Value {
  let value: Value = 1;
  for (let i = 0; i < levels; i++) value = ListValue.of([value, value]);
  return value;
}
function manyFields(): Value[] {
  const fields: Value[] = [];
  fields.length = 2 ** 32 - 1;
  return fields;
}
function selfContained(): unknown {
  const array: unknown[] = [];
  array.push(array);
  return array;
}
function insideItself(): Value {
  const record = RecordValue.of(0, [1]);
  return Object.assign(record, { f0: record });
}

const NOT_JSON = "the handler of llm.call answered something else than Json";
const LARGE = "the handler of llm.call answered a value that is too large";

const ANSWERS: readonly (readonly [name: string, make: () => unknown, message: string])[] = [
  ["nothing", () => undefined, NOT_JSON],
  ["null", () => null, NOT_JSON],
  ["a symbol", () => Symbol("s"), NOT_JSON],
  ["a function", () => throwSecret, NOT_JSON],
  ["a plain object", () => parsed('{"status": "ok"}'), NOT_JSON],
  ["an array", () => [1, 2], NOT_JSON],
  ["a JavaScript Map", () => new Map([["a", 1]]), NOT_JSON],
  ...["Unit", "None", "Float", "Some", "Record", "Enum", "ActorId", "FnRef", "Closure", "List", "Map"].map(
    (tag) => [`parsed JSON with the tag ${tag}`, () => parsed(`{"tag": "${tag}", "value": 1, "length": 1, "size": 1}`), NOT_JSON] as const,
  ),
  ["parsed JSON inside a list", () => ListValue.of([loosely(parsed('{"tag": "Map"}'))]), NOT_JSON],
  ["parsed JSON inside a map", () => json(parsed('{"tag": "List", "length": 3}')), NOT_JSON],
  ["nothing inside a list", () => ListValue.of([1, loosely(undefined)]), NOT_JSON],
  ["a proxy of a map", () => new Proxy(MapValue.EMPTY, {}), NOT_JSON],
  ["a proxy inside a map", () => json(new Proxy({}, traps)), NOT_JSON],
  ["a map by its prototype only", () => Object.create(MapValue.prototype), NOT_JSON],
  ["a list by its prototype only", () => Object.create(ListValue.prototype, { length: { value: 5 } }), NOT_JSON],
  ["a prototype with getters", () => Object.create(withOwn({}, "tag", { get: throwSecret })), NOT_JSON],
  ["a derived class", () => new (class extends NoneValue {})(), NOT_JSON],
  ["a Float with a getter", () => Object.create(FloatValue.prototype, { value: { get: throwSecret } }), NOT_JSON],
  ["a Float that holds text", () => Object.assign(new FloatValue(1), { value: "1" }), NOT_JSON],
  ["a list with a length of its own", () => withOwn(ListValue.of([1, 2]), "length", { get: throwSecret }), NOT_JSON],
  ["a list with a method of its own", () => withOwn(ListValue.of([1, 2]), "toArray", { value: throwSecret }), NOT_JSON],
  ["a list with another prototype", () => Object.setPrototypeOf(ListValue.of([1, 2]), MapValue.prototype), NOT_JSON],
  ["a map with a member of its own", () => withOwn(MapValue.from([["a", 1]]), "root", { get: throwSecret }), NOT_JSON],
  ["a value inside itself", insideItself, LARGE],
  ["a record with a gap", () => Object.assign(RecordValue.of(0, [1, 2]), { f0: undefined }), NOT_JSON],
  ["a record of Floats with text", () => Object.assign(RecordValue.of(0, [new FloatValue(1)]), { floats: [0.5, "1"] }), NOT_JSON],
  ["a record of Floats with a getter", () => withOwn(RecordValue.of(0, [new FloatValue(1)]), "floats", { get: throwSecret }), NOT_JSON],
  ["a small value that unfolds to a huge one", () => doublingList(40), LARGE],
  ["a record with four thousand million fields", () => RecordValue.of(0, manyFields()), LARGE],
  ["text that is too long", () => "x".repeat(70_000_000), LARGE],
  ["another type", () => new SomeValue(1), NOT_JSON],
];

const FAILED = "the handler of llm.call failed";
const foreignClass = class extends Error {
  override readonly name: string = "CapabilityFailure";
  get kind(): string {
    return "denied";
  }
};
const failureOfKind = (kind: unknown): CapabilityFailure => Reflect.construct(CapabilityFailure, ["the reason", kind]);
const FOREIGN_KIND = `${FAILED} (a CapabilityFailure whose kind is none of runtime_error, denied, unknown, host_fault, in_doubt)`;

const THROWN: readonly (readonly [name: string, error: unknown, message: string])[] = [
  ["nothing", undefined, `${FAILED} (undefined)`],
  ["a proxy", new Proxy(new Error("x"), traps), `${FAILED} (Error)`],
  ["a proxy of a failure", new Proxy(new CapabilityFailure("/secret"), {}), `${FAILED} (CapabilityFailure)`],
  ["a name with a getter", withOwn(new Error("x"), "name", { get: throwSecret }), `${FAILED} (Error)`],
  ["a name that holds a path", withOwn(new Error("x"), "name", { value: "/home/me/secret" }), `${FAILED} (Error)`],
  ["a name that is no text", withOwn(new Error("x"), "name", { value: Symbol("x") }), `${FAILED} (Error)`],
  ["a failure by its prototype only", Object.create(CapabilityFailure.prototype, { kind: { get: throwSecret } }), `${FAILED} (Error)`],
  ["a failure of a foreign class", new foreignClass("/secret"), `${FAILED} (CapabilityFailure)`],
  ["a failure with a foreign kind", failureOfKind("quota"), FOREIGN_KIND],
  ["a failure whose kind is a member of every object", failureOfKind("constructor"), FOREIGN_KIND],
  ["a failure with a kind of no text", failureOfKind({}), FOREIGN_KIND],
  ["a failure with a getter for its kind", withOwn(failureOfKind("denied"), "kind", { get: throwSecret }), FOREIGN_KIND],
  [
    "a failure with a getter for its message",
    withOwn(failureOfKind("denied"), "message", { get: throwSecret }),
    `${FAILED} (a CapabilityFailure whose message`,
  ],
  ["an error of a log", new BorunaError("log.io_error", "/secret"), `${FAILED} (BorunaError)`],
  ["an error of Boruna", new BorunaError("internal", "/secret"), `${FAILED} (BorunaError)`],
];

/** Answers of synchronous handlers only: an async function would read their `then` itself. */
const AT_ONCE: readonly (readonly [name: string, make: () => unknown, message: string])[] = [
  ["a proxy with traps", () => new Proxy({}, traps), NOT_JSON],
  ["a revoked proxy", revoked, NOT_JSON],
  ["a thenable with a getter", () => withOwn({}, "then", { get: throwSecret }), NOT_JSON],
  ["a proxy of a promise", () => new Proxy(Promise.resolve("x"), traps), NOT_JSON],
  [
    "a promise with a constructor of its own",
    () => withOwn(Promise.resolve("x"), "constructor", { get: throwSecret }),
    `${FAILED} (Error)`,
  ],
];

/** Values that are not plain data, and what the message says of them wherever they are in an answer. */
const NO_DATA: readonly (readonly [name: string, make: () => unknown, message: string])[] = [
  ["undefined", () => undefined, "is undefined"],
  ["a symbol", () => Symbol("s"), "is a symbol"],
  ["a function", () => throwSecret, "is a function"],
  ["a date", () => new Date(0), "is an instance of a class"],
  ["a Map", () => new Map([["a", 1]]), "is an instance of a class"],
  ["a Set", () => new Set([1]), "is an instance of a class"],
  ["bytes", () => new Uint8Array(4), "is an instance of a class"],
  ["a boxed string", () => Object("text"), "is an instance of a class"],
  ["an error", () => new Error("/home/me/secret"), "is an instance of a class"],
  ["an instance of a class", () => new (class Order {})(), "is an instance of a class"],
  ["an instance of a class without a parent", () => Object.create(class extends null {}.prototype), "is an instance of a class"],
  ["an object that inherits data", () => Object.create({ a: 1 }), "is an instance of a class"],
  ["an object that inherits from a proxy", () => Object.create(new Proxy({}, traps)), "is an instance of a class"],
  ["a list of the machine", () => ListValue.of([1]), "is an instance of a class"],
  ["a Float of the machine", () => new FloatValue(1), "is an instance of a class"],
  ["a proxy", () => new Proxy({}, traps), "is a proxy"],
  ["a proxy of an array", () => new Proxy([1], traps), "is a proxy"],
  ["a revoked proxy", revoked, "is a proxy"],
  ["an object with a getter", () => withOwn({}, "a", { get: throwSecret, enumerable: true }), "is a getter"],
  ["an array with a getter", () => withOwn([1], "0", { get: throwSecret }), "is a getter"],
  ["an array with a hole", () => Array.from({ length: 2 }).concat(Array(1)), "is undefined"],
  ["an object with a symbol as a key", () => ({ [Symbol("s")]: 1 }), "with a symbol as a key"],
  ["text with a lone surrogate", () => "\ud800", "lone surrogate"],
  ["a key with a lone surrogate", () => ({ "\ud800": 1 }), "lone surrogate"],
  ["an integer of more than 64 bits", () => 2n ** 64n, "has 64 bits"],
  ["an array inside itself", selfContained, "too large"],
  ["an array that unfolds to a huge one", () => Array.from({ length: 40 }).reduce((inner: unknown) => [inner, inner], 1), "too large"],
  ["an array with four thousand million elements", manyFields, "too large"],
  ["text that is too long", () => "x".repeat(70_000_000), "too large"],
];

const PLACES: readonly (readonly [name: string, put: (part: unknown) => unknown])[] = [
  ["", (part) => part],
  [" in an array", (part) => [1, part]],
  [" in an object", (part) => ({ a: 1, b: part })],
  [" deep inside", (part) => [{ a: [[part]] }]],
];

/** For each result type, answers that do not have it. */
const WRONG_TYPES: readonly (readonly [type: string, answers: readonly unknown[]])[] = [
  ["Int", [null, undefined, "1", 1.5, 2 ** 53, Number.NaN, Infinity, 2n ** 63n, -(2n ** 63n) - 1n, true, [1], { value: 1 }]],
  ["Float", [null, undefined, "1", "NaN", true, [0.5], {}]],
  ["String", [null, undefined, 1, 1n, true, ["a"], { text: "a" }]],
  ["Bool", [null, undefined, 0, 1, "true", [], {}]],
  ["Unit", [0, false, "", [], {}]],
  ["List<Int>", [null, undefined, 1, "1", { 0: 1, length: 1 }, [1, "2"], [1, null], [1, undefined], [[1]], [1.5]]],
  ["Map<String, Int>", [null, undefined, [], [["a", 1]], { a: "1" }, { a: null }, { a: undefined }, { a: { a: 1 } }]],
  ["Option<Int>", [undefined, 1, { some: "1" }, { some: null }, { some: 1, more: 1 }, {}, { none: 1 }, []]],
  ["Result<Int, String>", [null, undefined, 1, { ok: "1" }, { err: 1 }, { ok: 1, err: "a" }, {}, []]],
];

type Case = readonly [name: string, body: () => unknown, message: string];
const answeringLater = ([name, make, message]: Case): Case => [`${name}, later`, async () => make(), message];
const thrownBy = ([name, error, message]: (typeof THROWN)[number]): readonly Case[] => [
  [`throws ${name}`, throwing(error), message],
  [`rejects with ${name}`, async () => throwing(error)(), message],
];

const MACHINE_CASES: readonly Case[] = [...ANSWERS, ...ANSWERS.map(answeringLater), ...THROWN.flatMap(thrownBy), ...AT_ONCE];
const PLAIN_CASES: readonly Case[] = [
  ...NO_DATA.flatMap(([name, make, message]) =>
    // Large answers take time, so they are tried at one place only.
    PLACES.slice(0, message === "too large" ? 1 : undefined).flatMap(([place, put]) => {
      const once: Case = [`answers ${name}${place}`, () => put(make()), message];
      // An async function cannot return a revoked proxy or one with traps, because it would read their `then` itself.
      return place === "" && name.includes("proxy") ? [once] : [once, answeringLater(once)];
    }),
  ),
  ["answers a promise in an array", () => [Promise.resolve(1)], "is a promise, which the handler must await"],
  ["answers an object with a function `then`", () => withOwn({}, "then", { value: throwSecret }), "answer.then is a function"],
  [
    "answers a promise with a constructor of its own",
    () => withOwn(Promise.resolve(1), "constructor", { get: throwSecret }),
    `${FAILED} (Error)`,
  ],
  ...THROWN.flatMap(thrownBy),
];

/** Checks that the handler's mistake ends each program with a host fault, that the error has no text of it, and that the log replays. */
async function expectHostFault(
  programs: readonly Program[],
  handlers: NonNullable<RunOptions["handlers"]>,
  capability: string,
  message: string,
): Promise<void> {
  for (const program of programs) {
    const recording = await recorded(program, { handlers });
    expect(recording.run).toMatchObject({
      outcome: "runtime_error",
      error: { kind: "host_fault", capability, message: expect.stringContaining(message) },
      counters: { total: 1, dispatched: 1, failed: 1 },
    });
    expect(JSON.stringify(recording.run.error)).not.toContain("secret");
    expect(await replayed(recording)).toMatchObject({ status: "identical" });
  }
}

describe("a mistake of a handler for the machine's values is a host fault", () => {
  test.each(someOf(MACHINE_CASES))("%s", async (_name, body, message) => {
    await expectHostFault([ASKS, TRIES], { "llm.call": machineHandlerOf(body) }, "llm.call", message);
  });
});

describe("a mistake of a handler for plain data is a host fault", () => {
  test.each(someOf(PLAIN_CASES))("%s", async (_name, body, message) => {
    await expectHostFault([ASKS, TRIES], { "llm.call": body }, "llm.call", message);
  });

  test.each(someOf(WRONG_TYPES))("another type than %s", async (type, answers) => {
    const registry = createRegistry([{ name: "own.answer", version: "1", params: [], result: type, mayRepeat: true }]);
    const compiled = (text: string): Program => verifyModule(compile({ name: "main.ax", text }, { registry }).module, registry);
    const asks = compiled(`fn main() -> ${type} !{own.answer} { own.answer() }`);
    const tries = compiled('fn main() -> String !{own.answer} { match try own.answer() { Ok(_) => "answered", Err(why) => why } }');
    for (const answer of answers)
      await expectHostFault([asks, tries], { "own.answer": () => answer }, "own.answer", `something else than ${type}`);
  });

  test("at least 400 answers and errors are tried", () => {
    const wrongTypes = WRONG_TYPES.flatMap(([, answers]) => answers);
    expect(MACHINE_CASES.length + PLAIN_CASES.length + wrongTypes.length).toBeGreaterThanOrEqual(400);
  });
});

test("a failure that the handler reports is a value under `try`, also if its class is from another copy of the package", async () => {
  const foreign = Object.defineProperty(new Error("gone"), Symbol.for("boruna.CapabilityFailure"), { value: true });
  for (const error of [new CapabilityFailure("gone"), Object.assign(foreign, { kind: "runtime_error" })]) {
    expect((await recorded(TRIES, { handlers: { "llm.call": throwing(error) } })).run).toMatchObject({ outcome: "success", value: "gone" });
  }
  const failing: Handler = (_args, context) => {
    throw context.failure("gone");
  };
  expect((await recorded(TRIES, { handlers: { "llm.call": failing } })).run).toMatchObject({ outcome: "success", value: "gone" });
});

test("a host fault in an actor ends the run, so that no parent can go on without it", async () => {
  const text = `fn child() -> Unit !{fs.read} { let _text = fs.read("x")
  () }
fn main() -> Int !{actor.spawn, fs.read} { let _child = spawn child
  match receive { _ => 1 } }`;
  const recording = await recorded(programOf(text), { handlers: { "fs.read": () => 1 } });
  expect(recording.run).toMatchObject({ outcome: "runtime_error", error: { kind: "host_fault" } });
  expect(await replayed(recording)).toMatchObject({ status: "identical" });
});

test("data of another realm and without a prototype is plain data", async () => {
  for (const answer of [runInNewContext("({ a: [1] })"), Object.assign(Object.create(null), { a: [1] })]) {
    expect((await recorded(ASKS, { handlers: { "llm.call": () => answer } })).run).toMatchObject({ outcome: "success", value: { a: [1] } });
  }
});

test("changing an answer after it was returned has no effect", async () => {
  const inner = new FloatValue(1);
  const items: Value[] = [inner];
  const program = programOf('fn main() -> Json !{llm.call, fs.read} { let first = llm.call("p")\n let _b = fs.read("x")\n first }');
  const recording = await recorded(program, {
    handlers: {
      "llm.call": machineHandler(() => ListValue.of(items)),
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
  const handlers = { "llm.call": () => withOwn(Promise.resolve("x"), "then", { value: throwSecret }) };
  expect((await recorded(ASKS, { handlers })).run).toMatchObject({ outcome: "success", value: "x" });
});

test("a handler that is not a function is a usage error before the run", async () => {
  const handlers: Record<string, Handler> = {};
  Object.assign(handlers, { "fs.read": 1 });
  await expect(recorded(ASKS, { handlers })).rejects.toMatchObject({ kind: "usage", message: 'handlers["fs.read"]: expected a function' });
});
