import { describe, expect, test } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { executeProgram, type ExecuteOptions } from "../../gateway/run.ts";
import { CapabilityFailure, type Handler } from "../../gateway/handlers.ts";
import { mockHandlers } from "../../gateway/mock.ts";
import { ALLOW_ALL, policyHash } from "../../policy/policy.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import { BorunaError } from "../../vm/error.ts";
import type { RunEvent } from "../../vm/events.ts";
import { parseJson } from "../../vm/json/json.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { policyOf } from "./context.ts";
import { recordingTracing } from "./tracing.ts";

const programOf = (text: string) => verifyModule(compile({ name: "main.ax", text }).module);
const argsOf = (data: unknown) =>
  new Map(Object.entries(JSON.parse(JSON.stringify(data))).map(([name, value]) => [name, parseJson(JSON.stringify(value))] as const));
const run = (text: string, options: Partial<ExecuteOptions> = {}) =>
  executeProgram(programOf(text), { policy: ALLOW_ALL, runId: "r", ...options });
const withHandler = (name: string, handler: Handler) => new Map([...mockHandlers(BUILTIN_REGISTRY), [name, handler] as const]);

const FETCH = 'fn main() -> String !{net.fetch} { net.fetch("http://a.example/") }';
const LOOP = "fn main() -> Int { let mut i = 0\n while true { i = i + 1 }\n i }";
const EMITS = 'fn main() -> Int !{ui.render} { let mut i = 0\n while i < 5 { emit Json::String("0123456789")\n i = i + 1 }\n i }';

describe("arguments", () => {
  const ADD = "fn main(a: Int, b: List<Int>) -> Int { a + list.len(b) }";

  test("are bound by name", async () => {
    expect(await run(ADD, { args: argsOf({ b: [1, 2], a: 40 }) })).toMatchObject({ outcome: "success", value: 42 });
  });

  test.each([
    [{ a: 1 }, "the argument b is missing", "its main takes (a: Int, b: List<Int>)"],
    [{ a: 1, b: [], c: 1 }, 'the program has no argument "c"', "its main takes (a: Int, b: List<Int>)"],
    [{ a: "x", b: [] }, "a: expected Int, found String", ""],
    [{ a: 1, b: [1, true] }, "b[1]: expected Int, found Bool", ""],
  ])("%j are refused", async (args, message, hint) => {
    const error: unknown = await run(ADD, { args: argsOf(args) }).catch((e: unknown) => e);
    if (!(error instanceof BorunaError)) return expect.fail("no error");
    expect(error.message).toBe(message);
    if (hint !== "") expect(error.hint).toContain(hint);
  });
});

describe("how a run ends", () => {
  test("success, with value, type, ui and counters", async () => {
    const events: RunEvent[] = [];
    const result = await run(EMITS, { sink: { append: (event) => void events.push(event) } });
    expect(result).toMatchObject({ outcome: "success", value: 5, resultType: { kind: "primitive", name: "Int" }, runId: "r", events: 5 });
    expect(result.ui).toHaveLength(5);
    expect(result.counters).toEqual({ total: 5, dispatched: 5, denied: 0, unknown: 0, budget_exceeded: 0, failed: 0 });
    expect(events.map((e) => e.type)).toEqual(["UiEmit", "UiEmit", "UiEmit", "UiEmit", "UiEmit"]);
  });

  test("unreceived failures of actors are reported, each once", async () => {
    const worker = 'fn worker() -> Unit { panic("broken") }\n';
    const unnoticed = `${worker}fn main() -> Int !{actor.spawn} { let _a = spawn worker\n let _b = spawn worker\n 1 }`;
    const panics = (actorId: number) => ({ actorId, functionName: "worker", message: "panic: broken" });
    expect(await run(unnoticed)).toMatchObject({ outcome: "success", value: 1, unreceived: [panics(1), panics(2)] });
    const first = unnoticed.replace(" 1 }", " let r: Result<Unit, String> = receive\n match r { Ok(_) => 0, Err(_) => 1 } }");
    expect(await run(first)).toMatchObject({ value: 1, unreceived: [panics(2)] });
    const passedOn = `${worker}fn boss() -> Unit !{actor.spawn} { let _w = spawn worker\n let r: Result<Unit, String> = receive
 match r { Ok(_) => (), Err(why) => panic("boss: " ++ why) } }\nfn main() -> Int !{actor.spawn} { let _b = spawn boss\n 1 }`;
    const { unreceived } = await run(passedOn);
    expect(unreceived).toEqual([{ actorId: 1, functionName: "boss", message: "panic: boss: panic: broken" }]);
    const own = 'let bad: Result<Unit, String> = Err("mine")\n send me bad';
    const sent = `type T { to: ActorId }\nfn teller() -> Unit !{actor.send} { let t: T = receive\n let me = t.to\n ${own} }
fn boss() -> Unit { let _n: Int = receive\n () }
fn main() -> Int !{actor.spawn, actor.send} { let b = spawn boss\n let t = spawn teller\n send t T { to: b }\n send b 1\n 1 }`;
    expect(await run(sent)).toMatchObject({ value: 1, unreceived: [] });
  });

  test("denied by default, with the rule and the source location", async () => {
    const result = await executeProgram(programOf(FETCH), { runId: "r" });
    expect(result).toMatchObject({
      outcome: "denied",
      error: { kind: "capability_denied", capability: "net.fetch", rule: "default_allow" },
      counters: { denied: 1 },
      events: 0,
    });
    expect(result.error?.stack[0]).toMatchObject({ function: "main", file: "main.ax", line: 1 });
    expect(result.value).toBeUndefined();
  });

  test("over budget, failed, unknown", async () => {
    const twice = FETCH.replace("{ net", '{ net.fetch("http://a.example/")\n net');
    expect(await run(twice, { policy: policyOf({ rules: { "net.fetch": { allow: true, budget: 1 } } }) })).toMatchObject({
      outcome: "budget_exceeded",
      counters: { budget_exceeded: 1, dispatched: 1 },
    });
    const failing = withHandler("net.fetch", () => {
      throw new CapabilityFailure("HTTP 404 Not Found");
    });
    expect(await run(FETCH, { handlers: failing })).toMatchObject({
      outcome: "runtime_error",
      error: { kind: "capability_failed", message: "HTTP 404 Not Found" },
    });
    expect(await run(FETCH, { handlers: new Map() })).toMatchObject({
      outcome: "runtime_error",
      error: { kind: "unknown_capability" },
      counters: { unknown: 1 },
    });
  });

  test("the caller's limits override the policy's", async () => {
    const policy = policyOf({ default_allow: true, limits: { max_steps: 100, max_output_bytes: 60 } });
    expect(await run(LOOP, { policy })).toMatchObject({ outcome: "limit_exceeded", limit: "steps", steps: 100 });
    expect(await run(LOOP, { policy, limits: { max_steps: 50 } })).toMatchObject({ steps: 50 });
    const long = await run(EMITS, { policy, limits: { max_steps: 1_000 } });
    expect(long).toMatchObject({ outcome: "limit_exceeded", limit: "output", error: { kind: "output_limit" } });
    // {"String":"0123456789"} is 23 bytes.
    expect(long.ui).toHaveLength(2);
    expect(long.events).toBe(2);
  });

  test("debug text counts as output", async () => {
    const lines: string[] = [];
    const text = 'fn main() -> Int { debug("0123456789")\n debug("0123456789")\n 1 }';
    expect(await run(text, { limits: { max_output_bytes: 13 }, onDebug: (line) => void lines.push(line) })).toMatchObject({
      outcome: "limit_exceeded",
      limit: "output",
    });
    expect(lines).toEqual(['"0123456789"']);
  });

  test("timeout while the machine computes, by the given clock", async () => {
    let now = 0;
    const result = await run(LOOP, { limits: { max_wall_ms: 100 }, clock: () => (now += 10) });
    expect(result).toMatchObject({ outcome: "timeout", error: { kind: "timeout" } });
  });

  test("timeout while a call is pending", async () => {
    const handlers = withHandler("net.fetch", () => new Promise(() => undefined));
    expect(await run(FETCH, { handlers, limits: { max_wall_ms: 2_000 } })).toMatchObject({ outcome: "timeout", events: 1 });
  });

  test("canceled, before the run and during it", async () => {
    expect(await run(LOOP, { signal: AbortSignal.abort() })).toMatchObject({ outcome: "canceled" });
    const controller = new AbortController();
    setImmediate(() => controller.abort());
    expect(await run(LOOP, { signal: controller.signal, limits: { max_steps: 1e12 } })).toMatchObject({ outcome: "canceled" });
    const pending = new AbortController();
    const handlers = withHandler("net.fetch", () => {
      setImmediate(() => pending.abort());
      return new Promise(() => undefined);
    });
    expect(await run(FETCH, { handlers, signal: pending.signal })).toMatchObject({ outcome: "canceled" });
  });
});

describe("spans and observers", () => {
  test("a span covers the run", async () => {
    const tracing = recordingTracing();
    const result = await run(FETCH, { tracing, mode: "live", traceparent: "tp", replayOf: "old" });
    expect(tracing.runs).toEqual([
      {
        start: {
          runId: expect.any(Function),
          programName: "main",
          moduleHash: programOf(FETCH).moduleHash,
          policyHash: policyHash(ALLOW_ALL),
          mode: "live",
          traceparent: "tp",
          replayOf: "old",
        },
        end: [{ outcome: "success", steps: result.steps, allocBytes: result.allocBytes, counters: result.counters, spansDropped: 0 }],
      },
    ]);
    expect(tracing.calls.map((c) => c.place.line)).toEqual([1]);
  });

  test("a log that fails ends the span as fatal and the run with its error", async () => {
    const tracing = recordingTracing();
    const full = new BorunaError("log.io_error", "no space");
    const sink = {
      append: () => {
        throw full;
      },
    };
    await expect(run(FETCH, { tracing, sink })).rejects.toBe(full);
    expect(tracing.runs[0]?.end).toMatchObject([{ outcome: "fatal" }]);
    expect(tracing.calls[0]?.end).toHaveLength(1);
  });

  test("observers are called, and one that throws changes nothing", async () => {
    const seen: string[] = [];
    const errors: unknown[] = [];
    const plain = await run(FETCH);
    const watched = await run(FETCH, {
      on: {
        runStart: ({ runId }) => void seen.push(`start ${runId}`),
        callStart: ({ capability, call }) => void seen.push(`call ${capability} ${call}`),
        eventAppended: ({ type }) => void seen.push(type),
        callEnd: ({ outcome }) => {
          seen.push(outcome);
          throw new Error("observer");
        },
        runEnd: ({ outcome }) => {
          seen.push(outcome);
          throw new Error("observer");
        },
      },
      onObserverError: (error) => void errors.push(error),
    });
    expect(seen).toEqual(["start r", "call net.fetch 1", "CapCall", "CapResult", "ok", "success"]);
    expect(errors).toHaveLength(1);
    expect(watched).toEqual(plain);
  });
});
