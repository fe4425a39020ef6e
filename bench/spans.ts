/**
 * Measures spans against spans that are made by hand with the same tracer, names, parents and attributes. Both go to the batch
 * processor of OpenTelemetry's SDK, with an exporter that encodes them and sends nothing.
 */
import { type Context, context, ROOT_CONTEXT, type Span, SpanKind, trace, type Tracer } from "@opentelemetry/api";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import { BatchSpanProcessor, NodeTracerProvider, type SpanExporter } from "@opentelemetry/sdk-trace-node";
import { compile } from "../compiler/compile.ts";
import { executeProgram } from "../gateway/run.ts";
import { ALLOW_ALL } from "../policy/policy.ts";
import { otelTracing } from "../telemetry/otel.ts";
import type { TraceDetail } from "../telemetry/tracing.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { LIMITS } from "./engines.ts";
import { type Figure, figureOf, ratios } from "./statistics.ts";

const ROUNDS = 40;
const WARM_UP_ROUNDS = 20;
/** Each iteration has two spans, and a run has at most 10,000 spans of control flow. */
const ITERATIONS = 4_900;
const CALLS = 10_000;
/** Room for the spans of a run, so that neither side drops any. */
const MAX_SPANS = 20_000;

const FLOW_SOURCE = `fn main() -> Int !{time.now} {
    let mut sum = time.now() % 2
    for n in list.range(0, ${ITERATIONS}) {
        if n % 2 == 0 { sum = sum + n } else { sum = sum + 1 }
    }
    sum
}
`;

const CALL_SOURCE = `fn main() -> Int !{time.now} {
    let mut n = 0
    while n < ${CALLS} { n = n + 1 + time.now() * 0 }
    n
}
`;

interface Started {
  readonly span: Span;
  readonly context: Context;
}

function startSpan(tracer: Tracer, name: string, parent: Context, attributes: Record<string, string | number | boolean>): Started {
  const span = tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes }, parent);
  return { span, context: trace.setSpan(parent, span) };
}

const at = (line: number) => ({ "code.file.path": "main.ax", "code.line.number": line });

function bareFlowSpans(tracer: Tracer): void {
  const run = startSpan(tracer, "boruna.run", ROOT_CONTEXT, {});
  const call = startSpan(tracer, "boruna.call", run.context, { "code.function.name": "main", ...at(1), "call.argument_count": 0 });
  const loop = startSpan(tracer, "boruna.flow", call.context, { "flow.construct": "for", ...at(3), variable_name: "n" });
  for (let index = 0; index < ITERATIONS; index++) {
    const iteration = startSpan(tracer, "boruna.flow", loop.context, { "flow.construct": "for.iteration", ...at(3), index });
    const branch = startSpan(tracer, "boruna.flow", iteration.context, { "flow.construct": "if", ...at(4), branch_count: 1 });
    branch.span.setAttributes({ branch_taken: index % 2 === 0 ? 0 : -1 });
    branch.span.end();
    iteration.span.end();
  }
  loop.span.setAttributes({ iteration_count: ITERATIONS, broke_early: false });
  for (const { span } of [loop, call, run]) span.end();
}

function bareCallSpans(tracer: Tracer): void {
  const run = startSpan(tracer, "boruna.run", ROOT_CONTEXT, {});
  let sum = 0;
  for (let call = 1; call <= CALLS; call++) {
    const cap = startSpan(tracer, "boruna.cap", run.context, {
      "cap.name": "time.now",
      "cap.call": call,
      "cap.mode": "mock",
      "cap.known": true,
      "cap.argument_count": 0,
      bytes_in: 0,
    });
    cap.span.setAttributes({ "code.function.name": "main", ...at(3) });
    sum += context.with(cap.context, () => 1);
    cap.span.setAttributes({ "cap.allowed": true, bytes_out: 0 });
    cap.span.end();
  }
  if (sum !== CALLS) throw new Error("not every call was made");
  run.span.end();
}

/** The processor time of this process, which other processes affect less than the clock. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Returns the time of a traced run divided by that of its spans made by hand. The two alternate. */
async function ratioOf(source: string, traceDetail: TraceDetail, makeBareSpans: (tracer: Tracer) => void): Promise<Figure> {
  const exporter: SpanExporter = {
    export: (spans, done) => {
      ProtobufTraceSerializer.serializeRequest(spans);
      done({ code: 0 });
    },
    shutdown: () => Promise.resolve(),
  };
  const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter, { maxQueueSize: MAX_SPANS })] });
  provider.register();
  const tracer = provider.getTracer("bench");
  const program = verifyModule(compile({ name: "main.ax", text: source }).module);
  const tracing = otelTracing();
  const [runMs, bareMs]: [number[], number[]] = [[], []];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const start = cpuMs();
    await executeProgram(program, { policy: ALLOW_ALL, tracing, traceDetail, limits: LIMITS, runId: "bench" });
    await provider.forceFlush();
    const middle = cpuMs();
    makeBareSpans(tracer);
    await provider.forceFlush();
    const end = cpuMs();
    if (round < 0) continue;
    runMs.push(middle - start);
    bareMs.push(end - middle);
  }
  await provider.shutdown();
  trace.disable();
  context.disable();
  return figureOf(ratios(runMs, bareMs));
}

export interface SpanRatios {
  /** The ratio of a run of capability calls at detail `cap`. The run's time includes that of its calls. */
  readonly call: Figure;
  /** The ratio of a run of control flow at detail `flow`. */
  readonly flow: Figure;
}

export async function spanRatios(): Promise<SpanRatios> {
  return { call: await ratioOf(CALL_SOURCE, "cap", bareCallSpans), flow: await ratioOf(FLOW_SOURCE, "flow", bareFlowSpans) };
}
