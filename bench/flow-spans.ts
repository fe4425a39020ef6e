/** Measures spans of control flow against spans that are made by hand with the same tracer, names, parents and attributes. */
import { type Context, ROOT_CONTEXT, SpanKind, trace, type Tracer } from "@opentelemetry/api";
import { BatchSpanProcessor, NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { compile } from "../compiler/compile.ts";
import { executeProgram } from "../gateway/run.ts";
import { ALLOW_ALL } from "../policy/policy.ts";
import { otelTracing } from "../telemetry/otel.ts";
import { verifyModule } from "../vm/bytecode/verifier.ts";
import { type Figure, figureOf, ratios } from "./statistics.ts";

const ROUNDS = 40;
const WARM_UP_ROUNDS = 20;
/** Each iteration has two spans, and a run has at most 10,000 spans. */
const ITERATIONS = 4_900;

const SOURCE = `fn main() -> Int !{time.now} {
    let mut sum = time.now() % 2
    for n in list.range(0, ${ITERATIONS}) {
        if n % 2 == 0 { sum = sum + n } else { sum = sum + 1 }
    }
    sum
}
`;

function bareSpans(tracer: Tracer): void {
  const start = (name: string, parent: Context, attributes: Record<string, string | number>) => {
    const span = tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes }, parent);
    return { span, context: trace.setSpan(parent, span) };
  };
  const at = (line: number) => ({ "code.file.path": "flow.ax", "code.line.number": line });
  const run = start("boruna.run", ROOT_CONTEXT, {});
  const call = start("boruna.call", run.context, { "code.function.name": "main", ...at(1), "call.argument_count": 0 });
  const loop = start("boruna.flow", call.context, { "flow.construct": "for", ...at(3), variable_name: "n" });
  for (let index = 0; index < ITERATIONS; index++) {
    const iteration = start("boruna.flow", loop.context, { "flow.construct": "for.iteration", ...at(3), index });
    const branch = start("boruna.flow", iteration.context, { "flow.construct": "if", ...at(4), branch_count: 1 });
    branch.span.setAttributes({ branch_taken: index % 2 === 0 ? 0 : -1 });
    branch.span.end();
    iteration.span.end();
  }
  loop.span.setAttributes({ iteration_count: ITERATIONS, broke_early: false });
  for (const { span } of [loop, call, run]) span.end();
}

/** Returns the time of a run at detail `flow` divided by that of its spans made by hand. The two alternate. */
export async function flowSpanRatio(): Promise<Figure> {
  const exporter = {
    export: (_: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: () => Promise.resolve(),
  };
  const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  provider.register();
  const tracer = provider.getTracer("bench");
  const program = verifyModule(compile({ name: "flow.ax", text: SOURCE }).module);
  const tracing = otelTracing();
  const [flowMs, bareMs]: [number[], number[]] = [[], []];
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    const start = performance.now();
    await executeProgram(program, { policy: ALLOW_ALL, tracing, traceDetail: "flow", runId: "bench" });
    const middle = performance.now();
    bareSpans(tracer);
    const end = performance.now();
    await provider.forceFlush();
    if (round < 0) continue;
    flowMs.push(middle - start);
    bareMs.push(end - middle);
  }
  await provider.shutdown();
  trace.disable();
  return figureOf(ratios(flowMs, bareMs));
}
