import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import { checkProgram } from "../../compiler/check/program.ts";
import { compile } from "../../compiler/compile.ts";
import { CapabilityFailure, type Handler } from "../../gateway/handlers.ts";
import { parsePolicy } from "../../policy/parse.ts";
import { otelTracing } from "../../telemetry/otel.ts";
import { TRACE_DETAILS, type TraceDetail } from "../../telemetry/tracing.ts";
import type { RunOptions } from "../../runtime/execute.ts";
import { verifyModule } from "../../vm/bytecode/verifier.ts";
import { BUILTIN_REGISTRY } from "../../vm/capabilities.ts";
import type { RunEvent } from "../../vm/events.ts";
import { scaledRuns, DEEP } from "../cases.ts";
import { fixedSample } from "../choices.ts";
import { recorded, type Recorded, replayed } from "../replay/recorded.ts";
import { arbitraryFlowProgram } from "./arbitrary-flow.ts";
import { type EvaluatorOptions, expectedSpans } from "./flow-evaluator.ts";
import { receiveSpans, type SpanNode, type SpanReceiver } from "./span-forest.ts";

let receiver: SpanReceiver | undefined;
afterEach(() => receiver?.close());

/** Runs `body` and returns the span of its only run. */
async function runSpanOf(body: () => Promise<unknown>): Promise<SpanNode> {
  receiver?.close();
  receiver = receiveSpans();
  await body();
  const [run, ...others] = receiver.trees();
  if (run?.name !== "boruna.run" || others.length > 0) throw new Error("not exactly one run");
  return run;
}

/** Returns the attributes of a run span that count its calls. */
function callCounts(spans: readonly SpanNode[]): Readonly<Record<string, number>> {
  const calls = (nodes: readonly SpanNode[]): readonly SpanNode[] =>
    nodes.flatMap((node) => [...(node.name === "boruna.cap" ? [node] : []), ...calls(node.children)]);
  const kinds = calls(spans).map(({ attributes }) => attributes["error.kind"]);
  const count = (...of: readonly unknown[]): number => kinds.filter((kind) => of.includes(kind)).length;
  return {
    "boruna.run.calls.total": kinds.length,
    "boruna.run.calls.dispatched": count(undefined, "runtime_error"),
    "boruna.run.calls.denied": count("denied"),
    "boruna.run.calls.unknown": 0,
    "boruna.run.calls.budget_exceeded": count("budget_exceeded"),
    "boruna.run.calls.failed": count("runtime_error"),
  };
}

interface Given {
  readonly answers: readonly number[];
  readonly later: boolean;
  readonly live: boolean;
  readonly denied: boolean;
  readonly budget: number;
}

const given: fc.Arbitrary<Given> = fc.record({
  answers: fc.array(fc.nat(9), { minLength: 1, maxLength: 8 }),
  later: fc.boolean(),
  live: fc.boolean(),
  denied: fc.integer({ min: 0, max: 7 }).map((n) => n === 7),
  budget: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 12 })),
});

const policyOf = ({ denied, budget }: Given): ReturnType<typeof parsePolicy> =>
  parsePolicy(
    JSON.stringify({
      schema_version: 1,
      default_allow: true,
      rules: { ...(denied ? { random: { allow: false } } : {}), "net.fetch": { allow: true, budget } },
    }),
    { file: "policy.json", jsonc: false },
  );

/** Returns handlers that answer with the numbers of the list in turn. For 9, net.fetch fails. */
function handlersOf({ answers, later }: Given): Readonly<Record<string, Handler>> {
  let n = 0;
  const next = (): number => answers[n++ % answers.length] ?? 0;
  const maybeLater = <T>(value: T): T | Promise<T> => (later ? Promise.resolve(value) : value);
  const fetch: Handler = () => {
    const answer = next();
    if (answer === 9) throw new CapabilityFailure("no");
    return maybeLater("x".repeat(answer));
  };
  const number: Handler = () => maybeLater(next());
  return { "net.fetch": fetch, "time.now": number, random: number };
}

interface Checked {
  readonly source: string;
  readonly given: Given;
}

/** Runs with fewer steps have fewer than 10,000 spans, so none of their spans is dropped. */
const MAX_COMPARED_STEPS = 20_000;

/**
 * Runs a program at each detail on both engines, replays it, and compares the spans. Spans of long runs are not compared, because the
 * evaluator has no limits on steps and spans: then it returns "long".
 */
async function check({ source, given: setup }: Checked): Promise<"long" | undefined> {
  const program = verifyModule(compile({ name: "main.ax", text: source }).module);
  const checkedProgram = checkProgram({ name: "main.ax", text: source }, () => undefined, BUILTIN_REGISTRY);
  const run = (options: Partial<RunOptions>): Promise<Recorded> =>
    recorded(program, {
      policy: policyOf(setup),
      live: setup.live,
      runId: "run",
      ...(setup.answers.length === 1 && !setup.live ? {} : { handlers: handlersOf(setup) }),
      limits: { max_steps: 50_000 },
      ...options,
    });
  const events: RunEvent[] = [];
  const plain = await run({ on: { eventAppended: (event) => void events.push(event) } });
  const isLong = plain.run.outcome === "limit_exceeded" || plain.run.steps >= MAX_COMPARED_STEPS;
  const options = (detail: TraceDetail, mode: string): EvaluatorOptions => ({
    detail,
    mode,
    denied: new Set(setup.denied ? ["random"] : []),
    budgets: new Map(setup.budget === 0 ? [] : [["net.fetch", setup.budget]]),
  });
  const compare = (span: SpanNode, detail: TraceDetail, mode: string): void => {
    const { outcome, steps, allocBytes } = plain.run;
    expect(span.attributes).toMatchObject({
      "boruna.run.outcome": outcome,
      "boruna.run.steps": steps,
      "boruna.run.alloc_bytes": allocBytes,
      "boruna.run.mode": mode,
    });
    if (isLong) return;
    const expected = expectedSpans(checkedProgram, events, options(detail, mode));
    expect(span.children).toEqual(expected);
    expect(span.attributes).toMatchObject(callCounts(expected));
  };
  for (const traceDetail of TRACE_DETAILS) {
    for (const engine of ["interpreter", "compiled"] as const) {
      const span = await runSpanOf(async () => {
        const traced = await run({ traceDetail, tracing: otelTracing(), engine });
        expect(Buffer.from(traced.bytes).equals(Buffer.from(plain.bytes))).toBe(true);
        expect({ ...traced.run, result: undefined }).toEqual({ ...plain.run, result: undefined });
      });
      compare(span, traceDetail, setup.live ? "live" : "mock");
    }
    const replay = await runSpanOf(async () => {
      const report = await replayed(plain, undefined, { traceDetail, tracing: otelTracing() });
      expect(report.status).toBe("identical");
    });
    compare(replay, traceDetail, "replay");
  }
  return isLong ? "long" : undefined;
}

test("the spans of a run are those that follow from the source, at each detail, on both engines, and in a replay", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryFlowProgram, given, async (source, setup) => {
      await check({ source, given: setup });
    }),
    { numRuns: scaledRuns(500) },
  );
});

/** The attributes that a span has from its start. */
const START_ATTRIBUTES = [
  "code.file.path",
  "code.line.number",
  "code.function.name",
  "flow.construct",
  "call.argument_count",
  "branch_count",
  "arm_count",
  "variable_name",
  "index",
];

/** Expects that the received spans are the first spans of the complete run. Only the last one, which the limit ended, may be incomplete. */
function expectBeginning(received: readonly SpanNode[], complete: readonly SpanNode[]): void {
  for (const [i, { name, attributes, children }] of received.entries()) {
    const { children: allChildren, ...span } = complete[i] ?? { name: "no span", attributes: {}, children: [] };
    if (attributes["error.type"] !== "limit_exceeded") {
      expect({ name, attributes, children }).toEqual({ ...span, children: allChildren });
      continue;
    }
    expect(i).toBe(received.length - 1);
    const atStart = (all: SpanNode["attributes"]): readonly unknown[] => START_ATTRIBUTES.map((key) => all[key]);
    expect([name, ...atStart(attributes)]).toEqual([span.name, ...atStart(span.attributes)]);
    expectBeginning(children, allChildren);
  }
}

test("the spans of a run that the step limit ends are the first of the complete run", async () => {
  const isSequential = (source: string): boolean => !source.includes("spawn");
  await fc.assert(
    fc.asyncProperty(
      arbitraryFlowProgram.filter(isSequential),
      given,
      fc.double({ min: 0, max: 1, noNaN: true }),
      async (source, setup, share) => {
        const program = verifyModule(compile({ name: "main.ax", text: source }).module);
        const checkedProgram = checkProgram({ name: "main.ax", text: source }, () => undefined, BUILTIN_REGISTRY);
        const policy = policyOf({ ...setup, denied: false, budget: 0 });
        const events: RunEvent[] = [];
        const run = (options: Partial<RunOptions>): Promise<Recorded> =>
          recorded(program, { policy, live: setup.live, runId: "run", handlers: handlersOf(setup), ...options });
        const { run: complete } = await run({
          limits: { max_steps: MAX_COMPARED_STEPS },
          on: { eventAppended: (event) => void events.push(event) },
        });
        if (complete.outcome === "limit_exceeded") return;
        const max_steps = 1 + Math.floor(share * (complete.steps - 2));
        for (const traceDetail of TRACE_DETAILS) {
          const options: EvaluatorOptions = {
            detail: traceDetail,
            mode: setup.live ? "live" : "mock",
            denied: new Set(),
            budgets: new Map(),
          };
          const expected = expectedSpans(checkedProgram, events, options);
          for (const engine of ["interpreter", "compiled"] as const) {
            const span = await runSpanOf(() => run({ traceDetail, tracing: otelTracing(), engine, limits: { max_steps } }));
            expect(span.attributes).toMatchObject({ "boruna.run.outcome": "limit_exceeded", "boruna.run.limit": "steps" });
            expectBeginning(span.children, expected);
          }
        }
      },
    ),
    { numRuns: scaledRuns(300) },
  );
});

test.runIf(DEEP)("the generated programs have every construct, and most are compared", async () => {
  const seen = new Set<string>();
  let comparedCount = 0;
  const sources = fixedSample(arbitraryFlowProgram, 60);
  for (const source of sources) {
    const setup = { answers: [1, 0, 3, 9, 2], later: false, live: false, denied: false, budget: 0 };
    if ((await check({ source, given: setup })) === undefined) comparedCount += 1;
    const program = verifyModule(compile({ name: "main.ax", text: source }).module);
    const note = (nodes: readonly SpanNode[]): void => {
      for (const { name, attributes, children } of nodes) {
        seen.add([name, attributes["flow.construct"], attributes["error.type"], attributes["broke_early"]].filter(Boolean).join(" "));
        note(children);
      }
    };
    const traced = { traceDetail: "flow", tracing: otelTracing(), handlers: handlersOf(setup), limits: { max_steps: 50_000 } } as const;
    note((await runSpanOf(() => recorded(program, traced))).children);
  }
  expect(comparedCount).toBeGreaterThan(sources.length / 2);
  const constructs = ["if", "match", "while", "while true", "for", "for true", "for.iteration"].map((name) => `boruna.flow ${name}`);
  const errors = ["boruna.call program_error", "boruna.call runtime_error", "boruna.cap runtime_error"];
  expect([...seen]).toEqual(expect.arrayContaining([...constructs, ...errors]));
});
