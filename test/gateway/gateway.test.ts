import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Gateway } from "../../gateway/gateway.ts";
import {
  CapabilityDenied,
  CapabilityFailure,
  type HandlerContext,
  type Handlers,
  type MachineFunction,
  machineHandler,
} from "../../gateway/handlers.ts";
import { mockHandlers } from "../../gateway/mock.ts";
import { type CallEnd, RunObservers } from "../../gateway/observers.ts";
import { RunClock } from "../../gateway/run-clock.ts";
import { type EventSink, RunEvents } from "../../gateway/run-events.ts";
import { utf8BytesOfStrings } from "../../gateway/utf8-bytes.ts";
import { ALLOW_ALL, DENY_ALL, type Policy } from "../../policy/policy.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import type { RunEvent } from "../../vm/events.ts";
import type { CapabilityAnswer, CapabilityRequest, HostStop } from "../../vm/host.ts";
import { LOG_NOT_CHARGED } from "../../vm/limits.ts";
import { ListValue } from "../../vm/value/list.ts";
import { MapValue } from "../../vm/value/map.ts";
import { ClosureValue, EnumValue, ErrValue, FloatValue, OkValue, RecordValue, SomeValue, UNIT, type Value } from "../../vm/value/value.ts";
import { policyOf } from "./context.ts";
import { recordingTracing } from "./tracing.ts";

interface Setup {
  readonly policy?: Policy;
  readonly handlers?: Handlers;
  readonly append?: (event: RunEvent) => HostStop | undefined;
  readonly limitMs?: number;
}

/** Makes a gateway, and lists of what it logs, observes and traces. */
function setUp(setup: Setup = {}) {
  const events: RunEvent[] = [];
  const seen: string[] = [];
  const ends: CallEnd[] = [];
  const tracing = recordingTracing();
  const sink: EventSink = {
    append: (event) => {
      const stop = setup.append?.(event);
      if (stop === undefined) events.push(event);
      return stop;
    },
  };
  const clock = new RunClock(setup.limitMs ?? 0, () => 0);
  const observers = new RunObservers({
    callStart: () => void seen.push("callStart"),
    callEnd: (end) => {
      seen.push(`callEnd ${end.outcome}`);
      ends.push(end);
    },
  });
  const gateway = new Gateway({
    policy: setup.policy ?? ALLOW_ALL,
    handlers: setup.handlers ?? mockHandlers(BUILTIN_REGISTRY),
    audited: undefined,
    mode: "mock",
    runId: () => "run",
    types: [],
    tracing: tracing.startRun({ runId: () => "run", programName: "p", moduleHash: "m", policyHash: "h", mode: "mock" }),
    clock,
    observers,
    prefix: undefined,
    logged: undefined,
    approve: undefined,
    durable: undefined,
    maxParallelCalls: 16,
    events: new RunEvents(LOG_NOT_CHARGED, sink, observers),
  });
  const call = (name: string, args: readonly Value[] = [], more: Partial<CapabilityRequest> = {}) =>
    gateway.call({
      capability: BUILTIN_REGISTRY.byName.get(name) ?? expect.fail(name),
      args,
      declared: true,
      caught: false,
      actorId: 0,
      step: 1,
      span: undefined,
      place: () => ({ function: "main", pc: 0, line: 7 }),
      ...more,
    });
  return { call, clock, events, seen, ends, tracing, counters: () => gateway.counters() };
}

const ZERO_COUNTERS = { total: 0, dispatched: 0, denied: 0, unknown: 0, budget_exceeded: 0, failed: 0 };
const handlersWith = (name: string, handler: MachineFunction): Handlers => new Map([[name, machineHandler(handler)]]);
const typesOf = (events: readonly RunEvent[]): readonly string[] => events.map((e) => e.type);

describe("one call", () => {
  test("a handler may record its model on the span", () => {
    const { call, tracing } = setUp({
      handlers: handlersWith("random", (_, context) => {
        context.onModel?.("operators-1");
        expect(context).toMatchObject({ tracestate: "v=1", baggage: "k=v" });
        return new FloatValue(0.5);
      }),
    });
    expect(call("random")).toMatchObject({ ok: true });
    expect(tracing.models).toEqual(["operators-1"]);
  });

  test("that succeeds is in the log, a span, the counters and the observers; its answer is no promise", () => {
    const { call, events, seen, tracing, counters } = setUp();
    const answer = call("net.fetch", ["http://é.example/"]);
    expect(answer).toEqual({ ok: true, value: '{"mock": true, "url": "http://é.example/"}' });
    // The log has the arguments as the program passed them, without defaults.
    expect(events).toEqual([
      { type: "CapCall", capability: "net.fetch", args: ["http://é.example/"] },
      { type: "CapResult", capability: "net.fetch", result: '{"mock": true, "url": "http://é.example/"}' },
    ]);
    expect(tracing.calls).toEqual([
      {
        start: { capability: "net.fetch", call: 1, mode: "mock", known: true, argumentCount: 1, bytesIn: 18 },
        place: { function: "main", pc: 0, line: 7 },
        end: [{ bytesOut: 43 }],
      },
    ]);
    expect(counters()).toEqual({ ...ZERO_COUNTERS, total: 1, dispatched: 1 });
    expect(seen).toEqual(["callStart", "callEnd ok"]);
  });

  test("whose handler changes its list of arguments: the log keeps the original", () => {
    const spoil: MachineFunction = (args) => {
      if (Array.isArray(args)) args.length = 0;
      return "done";
    };
    const { call, events } = setUp({ handlers: handlersWith("step.input", spoil) });
    expect(call("step.input", ["name"])).toEqual({ ok: true, value: "done" });
    expect(events[0]).toEqual({ type: "CapCall", capability: "step.input", args: ["name"] });
  });

  test("that the function does not declare", () => {
    const { call, events, tracing, counters } = setUp();
    expect(call("net.fetch", ["u"], { declared: false })).toEqual({
      ok: false,
      trap: "capability_denied",
      message: "the function does not declare the capability net.fetch",
    });
    expect(events).toEqual([]);
    expect(tracing.calls[0]?.end).toEqual([{ errorKind: "denied" }]);
    expect(counters()).toEqual({ ...ZERO_COUNTERS, total: 1, denied: 1 });
  });

  test.each([
    ["net.fetch", [], "net.fetch does not take 0 arguments"],
    ["net.fetch", [1], "net.fetch: the argument url must be String"],
    ["net.fetch", ["u", "GET", "", MapValue.from([["a", 1]])], "net.fetch: the argument headers must be Map<String, String>"],
    ["random", ["int"], "random does not take 1 arguments"],
    ["random", ["int", 1, new FloatValue(2)], "random: the argument hi must be Int"],
    ["db.query", ["s", ListValue.of([new SomeValue(1)])], "db.query: the argument params must be List<Json>"],
  ] as const)("%s with wrong arguments", (name, args, message) => {
    const { call, tracing, counters } = setUp();
    expect(call(name, args)).toEqual({ ok: false, trap: "type_error", message: expect.stringContaining(message) });
    expect(tracing.calls).toEqual([]);
    expect(counters()).toEqual(ZERO_COUNTERS);
  });

  test("that the policy denies: names the rule, spends no budget, logs nothing", () => {
    const policy = policyOf({ rules: { "net.fetch": { allow: true, budget: 1 } }, net_policy: { allowed_domains: ["a.example"] } });
    const { call, events, tracing, counters } = setUp({ policy });
    expect(call("net.fetch", ["http://b.example/"])).toEqual({
      ok: false,
      trap: "capability_denied",
      message: 'the host "b.example" is not allowed',
      rule: "net_policy.allowed_domains",
    });
    expect(events).toEqual([]);
    expect(tracing.calls[0]?.end).toEqual([{ errorKind: "denied" }]);
    expect(call("net.fetch", ["http://a.example/"])).toMatchObject({ ok: true });
    expect(counters()).toEqual({ ...ZERO_COUNTERS, total: 2, dispatched: 1, denied: 1 });
    expect(tracing.calls[1]?.end).toEqual([{ bytesOut: 42, budgetRemaining: 0 }]);
  });

  test("observers see the policy's rule and reason, however the call ends", async () => {
    const failing: MachineFunction = () => Promise.reject(new CapabilityFailure("no"));
    const policy = policyOf({ rules: { "fs.read": { allow: true } }, default_allow: true, fs_policy: { read: ["."] } });
    const handlers = new Map([...mockHandlers(BUILTIN_REGISTRY), ["llm.call", machineHandler(failing)] as const]);
    const { call, ends } = setUp({ policy, handlers });
    void call("fs.read", ["a"]);
    await call("llm.call", ["a"]);
    void call("actor.send", [1, "a"]);
    expect(ends.map(({ outcome, rule, reason }) => [outcome, rule, reason])).toEqual([
      ["ok", 'rules["fs.read"].allow', "the policy's rule allows fs.read"],
      ["runtime_error", "default_allow", "the policy allows what it has no rule for"],
      ["ok", "default_allow", "the policy allows what it has no rule for"],
    ]);
  });

  test("over its budget", () => {
    const { call, events, tracing, counters } = setUp({
      policy: policyOf({ default_allow: true, rules: { random: { allow: true, budget: 2 } } }),
    });
    void call("random");
    void call("random", [], { actorId: 3 });
    expect(call("random")).toEqual({
      ok: false,
      trap: "capability_budget_exceeded",
      message: "random is over its budget of 2 calls",
      rule: "rules.random.budget",
    });
    expect(tracing.calls.map((c) => c.end)).toEqual([
      [{ bytesOut: 0, budgetRemaining: 1 }],
      [{ bytesOut: 0, budgetRemaining: 0 }],
      [{ errorKind: "budget_exceeded", budgetRemaining: 0 }],
    ]);
    expect(typesOf(events)).toEqual(["CapCall", "CapResult", "CapCall", "CapResult"]);
    expect(counters()).toEqual({ ...ZERO_COUNTERS, total: 3, dispatched: 2, budget_exceeded: 1 });
    expect(call("time.now")).toMatchObject({ ok: true });
  });

  test("without a handler", () => {
    const { call, events, tracing, counters } = setUp({ handlers: new Map() });
    expect(call("db.query", ["select 1"])).toEqual({
      ok: false,
      trap: "unknown_capability",
      message: "nothing serves the capability db.query here",
    });
    expect(events.at(-1)).toEqual({
      type: "CapError",
      capability: "db.query",
      kind: "unknown",
      message: "nothing serves the capability db.query here",
    });
    expect(tracing.calls[0]?.end).toEqual([{ errorKind: "unknown" }]);
    expect(counters()).toEqual({ ...ZERO_COUNTERS, total: 1, unknown: 1 });
  });

  test("that is denied and has no handler counts as denied and as unknown", () => {
    const { call, counters, tracing } = setUp({ handlers: new Map(), policy: DENY_ALL });
    expect(call("db.query", ["select 1"])).toMatchObject({ trap: "capability_denied", rule: "default_allow" });
    expect(counters()).toEqual({ ...ZERO_COUNTERS, total: 1, denied: 1, unknown: 1 });
    expect(tracing.calls[0]?.end).toEqual([{ errorKind: "denied" }]);
  });

  test("internal capabilities are checked against policy and budget, without handler or event", () => {
    const { call, events, counters, tracing } = setUp({ policy: policyOf({ rules: { "ui.render": { allow: true, budget: 1 } } }) });
    expect(call("ui.render", [MapValue.from([["k", "v"]])])).toEqual({ ok: true, value: UNIT });
    expect(call("ui.render", ["x"])).toMatchObject({ trap: "capability_budget_exceeded" });
    expect(call("actor.spawn", [UNIT])).toMatchObject({ trap: "capability_denied" });
    expect(events).toEqual([]);
    expect(tracing.calls.map((c) => c.end)).toEqual([
      [{ bytesOut: 0, budgetRemaining: 0 }],
      [{ errorKind: "budget_exceeded", budgetRemaining: 0 }],
      [{ errorKind: "denied" }],
    ]);
    expect(counters()).toEqual({ ...ZERO_COUNTERS, total: 3, dispatched: 1, denied: 1, budget_exceeded: 1 });
  });
});

describe("handlers", () => {
  const failing =
    (error: unknown): MachineFunction =>
    () => {
      throw error;
    };

  test("a failure's message reaches the program and the log", () => {
    const { call, events, counters, tracing } = setUp({
      handlers: handlersWith("fs.read", failing(new CapabilityFailure("no such file"))),
    });
    const cause = expect.any(CapabilityFailure);
    expect(call("fs.read", ["x"])).toEqual({ ok: false, trap: "capability_failed", message: "no such file", cause });
    expect(events.at(-1)).toEqual({ type: "CapError", capability: "fs.read", kind: "runtime_error", message: "no such file" });
    expect(counters()).toEqual({ ...ZERO_COUNTERS, total: 1, dispatched: 1, failed: 1 });
    expect(tracing.calls[0]?.end).toEqual([{ errorKind: "runtime_error" }]);
  });

  test("a handler can deny a call", () => {
    const { call, events, counters } = setUp({ handlers: handlersWith("fs.read", failing(new CapabilityDenied("out of the folders"))) });
    expect(call("fs.read", ["x"])).toMatchObject({ trap: "capability_denied", message: "out of the folders" });
    expect(events.at(-1)).toMatchObject({ type: "CapError", kind: "denied" });
    expect(counters()).toMatchObject({ denied: 1, failed: 0 });
  });

  test("the message of any other error is hidden", async () => {
    const error = new TypeError("/home/me/secret");
    const sync = setUp({ handlers: handlersWith("fs.read", failing(error)) });
    expect(sync.call("fs.read", ["x"])).toMatchObject({ trap: "host_fault", message: "the handler of fs.read failed (TypeError)" });
    const later = setUp({ handlers: handlersWith("fs.read", () => Promise.reject(error)) });
    expect(await later.call("fs.read", ["x"])).toMatchObject({ message: "the handler of fs.read failed (TypeError)" });
    expect(JSON.stringify([...sync.events, ...later.events])).not.toContain("secret");
  });

  test("long and malformed messages are cut and repaired", () => {
    const { call } = setUp({ handlers: handlersWith("fs.read", failing(new CapabilityFailure(`\ud800${"x".repeat(10_000)}`))) });
    const answer = call("fs.read", ["x"]);
    expect(answer).toMatchObject({ message: expect.stringMatching(/^\uFFFDx{4095}…$/) });
  });

  test.each([
    ["fs.read", 1, "something else than String"],
    ["fs.read", "\ud800", "text with a lone surrogate"],
    ["time.now", new FloatValue(1), "something else than Int"],
    ["time.now", 1.5, "a number that is not an Int; a Float is a FloatValue"],
    ["time.now", Number.NaN, "a number that is not an Int; a Float is a FloatValue"],
    ["time.now", 5n, "a bigint that is not an Int in its one form"],
    ["time.now", 2n ** 63n, "a bigint that is not an Int in its one form"],
    ["db.query", ListValue.of([MapValue.from([["k", new SomeValue(1)]])]), "something else than List<Json>"],
    ["db.query", ListValue.of([new ClosureValue(0, [])]), "a closure"],
    ["llm.call", MapValue.from([["\ud800", 1]]), "text with a lone surrogate"],
  ] as const)("a wrong answer of %s fails the call", (name, value, words) => {
    const { call, events, ends } = setUp({ handlers: handlersWith(name, () => value) });
    expect(call(name, name === "time.now" ? [] : ["x"])).toEqual({
      ok: false,
      trap: "host_fault",
      message: `the handler of ${name} answered ${words}`,
      cause: expect.any(BorunaError),
    });
    expect(events.at(-1)).toMatchObject({ type: "CapError", kind: "host_fault" });
    expect(ends).toMatchObject([{ outcome: "runtime_error" }]);
  });

  test("a value nested deeper than the JavaScript stack is rejected without overflow", () => {
    let deep: Value = "x";
    for (let i = 0; i < 20_000; i++) deep = ListValue.of([deep]);
    const { call } = setUp({ handlers: handlersWith("llm.call", () => deep) });
    expect(call("llm.call", ["p"])).toMatchObject({ ok: false, message: "the handler of llm.call answered a value that is too large" });
  });

  test("an asynchronous handler gets a context", async () => {
    const contexts: HandlerContext[] = [];
    const handler: MachineFunction = async (args, context) => {
      contexts.push(context);
      await Promise.resolve();
      return `got ${args.length}`;
    };
    const { call, events } = setUp({
      handlers: handlersWith("net.fetch", handler),
      policy: policyOf({ rules: { "net.fetch": { allow: true, budget: 3 } } }),
      limitMs: 500,
    });
    expect(await call("net.fetch", ["http://a.example/"])).toEqual({ ok: true, value: "got 5" });
    await call("net.fetch", ["http://a.example/"]);
    expect(
      contexts.map(({ callNumber, budgetRemaining, remainingMs, traceparent }) => ({
        callNumber,
        budgetRemaining,
        remainingMs,
        traceparent,
      })),
    ).toEqual([
      { callNumber: 1, budgetRemaining: 2, remainingMs: 500, traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01` },
      { callNumber: 2, budgetRemaining: 1, remainingMs: 500, traceparent: `00-${"1".repeat(32)}-${"2".repeat(16)}-01` },
    ]);
    expect(new Set(contexts.map((c) => c.idempotencyKey)).size).toBe(2);
    expect(contexts[0]?.idempotencyKey).toMatch(/^[0-9a-f]{64}$/);
    expect(typesOf(events)).toEqual(["CapCall", "CapResult", "CapCall", "CapResult"]);
  });

  test.each([
    ["timeout", "timeout", "wall-clock execution limit exceeded"],
    ["canceled", "canceled", "the run was canceled"],
  ] as const)("%s ends a pending call, and the log has no result for it", async (reason, trap, message) => {
    const aborted: unknown[] = [];
    const handler: MachineFunction = (_, { signal }) =>
      new Promise(() => {
        signal.addEventListener("abort", () => void aborted.push(signal.reason));
      });
    const { call, clock, events, tracing } = setUp({ handlers: handlersWith("net.fetch", handler) });
    const pending = call("net.fetch", ["http://a.example/"]);
    clock.stop(reason);
    expect(await pending).toEqual({ ok: false, trap, message });
    expect(aborted).toEqual([reason]);
    expect(typesOf(events)).toEqual(["CapCall"]);
    expect(tracing.calls[0]?.end).toEqual([{ errorKind: "runtime_error" }]);
  });

  test("many pending calls leave no listeners on the signal", async () => {
    const { call, clock } = setUp({ handlers: handlersWith("fs.read", () => Promise.resolve("x")) });
    let listeners = 0;
    const { signal } = clock;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1;
      add(...args);
    };
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1;
      remove(...args);
    };
    for (let i = 0; i < 50; i++) await call("fs.read", ["x"]);
    expect(listeners).toBe(0);
  });

  test("token counts of an llm.call go to the span", () => {
    const usage = MapValue.from([
      ["input_tokens", 3],
      ["output_tokens", 4],
    ]);
    const { call, tracing } = setUp({ handlers: handlersWith("llm.call", () => MapValue.from([["usage", usage]])) });
    void call("llm.call", ["p", "m"]);
    expect(tracing.calls[0]).toMatchObject({ start: { model: "m" }, end: [{ inputTokens: 3, outputTokens: 4 }] });
  });
});

test("a call that does not meet a condition is denied: no budget used, nothing logged, no argument in span or message", () => {
  const where = { url: { prefix: "https://api.example/" } };
  const { call, events, ends, tracing, counters } = setUp({
    policy: policyOf({ rules: { "net.fetch": { allow: true, budget: 1, where } } }),
  });
  const message = 'url must begin with "https://api.example/"';
  const rule = 'rules["net.fetch"].where.url';
  expect(call("net.fetch", ["https://secret-argument/"])).toEqual({ ok: false, trap: "capability_denied", message, rule });
  expect(events).toEqual([]);
  expect(ends).toMatchObject([{ outcome: "denied", rule, reason: message }]);
  expect(JSON.stringify(tracing.calls)).not.toContain("secret-argument");
  expect(call("net.fetch", ["https://api.example/x"])).toMatchObject({ ok: true });
  expect(counters()).toEqual({ ...ZERO_COUNTERS, total: 2, dispatched: 1, denied: 1 });
});

describe("the log", () => {
  const stop: HostStop = { trap: "divergence", message: "event 1: other" };

  test.each(["CapCall", "CapResult", "CapError"])("that stops the run at %s", (type) => {
    const handler: MachineFunction = () => {
      if (type === "CapError") throw new CapabilityFailure("x");
      return "ok";
    };
    const { call, tracing } = setUp({
      handlers: handlersWith("fs.read", handler),
      append: (event) => (event.type === type ? stop : undefined),
    });
    expect(call("fs.read", ["x"])).toEqual({ ok: false, ...stop });
    expect(tracing.calls[0]?.end).toHaveLength(1);
  });

  test.each([false, true])("that cannot be written ends the run and the span (asynchronous: %s)", async (later) => {
    const full = new BorunaError("log.io_error", "no space");
    const append = (event: RunEvent): HostStop | undefined => {
      if (event.type === "CapResult") throw full;
      return undefined;
    };
    const { call, events, tracing } = setUp({ handlers: handlersWith("fs.read", () => (later ? Promise.resolve("x") : "x")), append });
    const run = async (): Promise<CapabilityAnswer> => call("fs.read", ["x"]);
    await expect(run()).rejects.toBe(full);
    expect(typesOf(events)).toEqual(["CapCall"]);
    expect(tracing.calls[0]?.end).toEqual([{ errorKind: "runtime_error" }]);
  });
});

describe("utf8BytesOfStrings", () => {
  test("counts every String inside, map keys included", () => {
    const value = new OkValue(
      ListValue.of([
        MapValue.from([["clé", new SomeValue("é")]]),
        RecordValue.of(0, ["ab", 1, true]),
        new EnumValue(0, 0, new ErrValue("😀")),
        UNIT,
      ]),
    );
    expect(utf8BytesOfStrings([value, "x"])).toBe(4 + 2 + 2 + 4 + 1);
  });

  test("agrees with a UTF-8 encoder", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" })), (texts) => utf8BytesOfStrings(texts) === Buffer.byteLength(texts.join(""))),
    );
  });
});
