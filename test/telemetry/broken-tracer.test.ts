/** A tracer, meter or observer that throws never changes a run, whichever method throws at whichever call. */
import {
  type Context,
  context,
  metrics,
  type Meter,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { compile } from "../../compiler/compile.ts";
import { CapabilityFailure, type Handler } from "../../gateway/handlers.ts";
import type { Observers } from "../../gateway/observers.ts";
import type { RunOptions } from "../../runtime/execute.ts";
import { runTask } from "../../runtime/task.ts";
import { meteredTracing } from "../../telemetry/metrics.ts";
import { otelTracing } from "../../telemetry/otel.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { scaledRuns } from "../cases.ts";
import { recorded, replayed } from "../replay/recorded.ts";
import { arbitraryFlowProgram } from "./arbitrary-flow.ts";

function unregister(): void {
  trace.disable();
  metrics.disable();
  context.disable();
  propagation.disable();
}

afterEach(() => {
  unregister();
  vi.restoreAllMocks();
});

/** Every function of the embedder that a run calls. */
const PLACES = [
  "getTracer",
  "startSpan",
  "setAttributes",
  "setStatus",
  "end",
  "isRecording",
  "spanContext",
  "active",
  "with",
  "getMeter",
  "createCounter",
  "createHistogram",
  "add",
  "record",
  "flowStart",
  "flowEnd",
  "callStart",
  "callEnd",
  "eventAppended",
  "runStart",
  "runEnd",
] as const;
type Place = (typeof PLACES)[number];

interface Broken {
  /** The functions that throw, each from its call number `from` on. */
  readonly places: readonly Place[];
  readonly from: number;
}

/** Registers providers that throw, and returns observers that do. */
function register({ places, from }: Broken): { readonly on: Observers; readonly thrown: Set<Place> } {
  const counts = new Map<Place, number>();
  const thrown = new Set<Place>();
  const at = (place: Place): void => {
    const count = counts.get(place) ?? 0;
    counts.set(place, count + 1);
    if (!places.includes(place) || count < from) return;
    thrown.add(place);
    throw new Error(`broken at ${place}`);
  };
  const spanContext: SpanContext = { traceId: "a".repeat(32), spanId: "b".repeat(16), traceFlags: 1 };
  const span: Span = {
    spanContext: () => (at("spanContext"), spanContext),
    setAttribute: () => span,
    setAttributes: () => (at("setAttributes"), span),
    addEvent: () => span,
    addLink: () => span,
    addLinks: () => span,
    setStatus: () => (at("setStatus"), span),
    updateName: () => span,
    end: () => at("end"),
    isRecording: () => (at("isRecording"), true),
    recordException: () => undefined,
  };
  const tracer: Tracer = { startSpan: () => (at("startSpan"), span), startActiveSpan: () => expect.fail() };
  trace.setGlobalTracerProvider({ getTracer: () => (at("getTracer"), tracer) });
  context.setGlobalContextManager({
    active: () => (at("active"), ROOT_CONTEXT),
    with: (_: Context, body, thisArg, ...args) => (at("with"), body.call(thisArg, ...args)),
    bind: (_, target) => target,
    enable: () => expect.fail(),
    disable() {
      return this;
    },
  });
  const instrument = { add: () => at("add"), record: () => at("record") };
  const meter: Meter = {
    ...metrics.getMeter("none"),
    createCounter: () => (at("createCounter"), instrument),
    createHistogram: () => (at("createHistogram"), instrument),
  };
  metrics.setGlobalMeterProvider({ getMeter: () => (at("getMeter"), meter) });
  const observers = ["flowStart", "flowEnd", "callStart", "callEnd", "eventAppended", "runStart", "runEnd"] as const;
  return { on: Object.fromEntries(observers.map((name) => [name, () => at(name)])), thrown };
}

const broken: fc.Arbitrary<Broken> = fc.record({
  places: fc.subarray([...PLACES], { minLength: 1, maxLength: 3 }),
  from: fc.nat(6),
});

const failingFetch: Handler = () => {
  throw new CapabilityFailure("no");
};
const answeringChat: Handler = () => ({ text: "", usage: { input_tokens: 1, output_tokens: 2 } });

/** Checks that a run, its replay and its task are the same with these providers and observers. Returns the functions that threw. */
async function check(source: string, given: Broken, later: boolean): Promise<ReadonlySet<Place>> {
  // Boruna prints the first error of an observer.
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const program = verifyModule(compile({ name: "main.ax", text: source }).module);
  const number: Handler = () => (later ? Promise.resolve(1) : 1);
  const options: RunOptions = {
    runId: "run",
    handlers: { "net.fetch": failingFetch, "time.now": number, random: number, "llm.call": answeringChat },
    limits: { max_steps: 20_000 },
  };
  const plain = await recorded(program, options);
  const expected = { ...plain.run, result: undefined, log: undefined };
  const { on, thrown } = register(given);
  const watched = { traceDetail: "flow", on } as const;
  const tracing = meteredTracing(otelTracing({ genAiSpans: true }));
  const run = await recorded(program, { ...options, ...watched, tracing });
  expect(Buffer.from(run.bytes).equals(Buffer.from(plain.bytes))).toBe(true);
  expect({ ...run.run, result: undefined, log: undefined }).toEqual(expected);
  expect(await replayed(plain, undefined, { ...watched, tracing })).toMatchObject({ status: "identical" });
  const task = await runTask({ id: "t", action: "a" }, { find: () => ({ program, policy: "allow-all", ...options, ...watched }) });
  expect({ ...task.execution, result: undefined, log: undefined }).toEqual(expected);
  unregister();
  return thrown;
}

test.each(PLACES)("%s throws at each call", async (place) => {
  const source =
    'fn main() -> Int !{time.now, llm.call, net.fetch} { let _ = llm.call("x") if time.now() > 0 { let _ = try net.fetch("u") } time.now() }';
  for (const later of [false, true]) expect(await check(source, { places: [place], from: 0 }, later)).toEqual(new Set([place]));
});

test("several throw from some call on, in generated programs", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryFlowProgram, broken, fc.boolean(), async (source, given, later) => {
      await check(source, given, later);
    }),
    { numRuns: scaledRuns(600) },
  );
});
