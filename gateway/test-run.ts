/** Runs one `test` block on a machine of its own. The block's `answer` functions take precedence over the mocks. */
import { ALLOW_ALL, type Policy } from "../policy/policy.ts";
import { BorunaError } from "../vm/error.ts";
import type { RunEvent } from "../vm/events.ts";
import type { Host } from "../vm/host.ts";
import { canonicalJson } from "../vm/json/json.ts";
import { DEFAULT_LIMITS, type Limits } from "../vm/limits.ts";
import type { Program, Trap } from "../vm/bytecode/program.ts";
import { runMachine } from "../vm/scheduler/scheduler.ts";
import type { Value } from "../vm/value/value.ts";
import { callText } from "./call-text.ts";
import { executeProgram, type RunResult } from "./run.ts";
import { CapabilityFailure, type Handlers, type MachineFunction, MachineHandler, machineHandler } from "./handlers.ts";
import { mockHandlers } from "./mock.ts";
import { limitsOption } from "./options.ts";

/** The answer of a `test` block to a capability. */
export interface TestAnswer {
  readonly capability: string;
  /** Index of a pure function with as many parameters as one of the capability's signatures. */
  readonly functionIndex: number;
}

/** One `test` block of a module that `compileTests` returned. */
export interface TestCase {
  readonly name: string;
  /** Index of a function without parameters that returns Unit. */
  readonly functionIndex: number;
  readonly answers: readonly TestAnswer[];
}

/** Options of `runTest`. */
export interface TestOptions {
  readonly limits?: Partial<Limits> | undefined;
  /** Receives each text of `debug`. */
  readonly onDebug?: ((text: string) => void) | undefined;
}

/** How a `test` block ended. */
export interface TestResult extends RunResult {
  /** Whether the outcome is `success`, no answer failed, and `unreceived` is empty. */
  readonly passed: boolean;
  /** The first answer that ended with neither a value nor `panic`. */
  readonly failedAnswer?: { readonly capability: string; readonly trap: Trap };
}

const PANIC = "panic: ";
/** The name of a `step.input` that returns the calls of the test so far, as a JSON list of texts. `calls_made` of std-testing reads it. */
const CALLS_INPUT = "boruna.test.calls";

/** Allows every call, also one to a private address, because no call of a test is live. */
const TEST_POLICY: Policy = { ...ALLOW_ALL, net_policy: { ...ALLOW_ALL.net_policy, allow_private_networks: true } };

/** Runs one test. `program` is the verified module of `compileTests`. */
export async function runTest(program: Program, test: TestCase, options: TestOptions = {}): Promise<TestResult> {
  const limits = limitsOption(options.limits);
  const { onDebug } = options;
  let failedAnswer: TestResult["failedAnswer"];
  /** Returns the value of an answer. Throws `CapabilityFailure` if the answer ends with `panic` or fails in another way. */
  const evaluate = async ({ capability, functionIndex }: TestAnswer, args: readonly Value[]): Promise<Value> => {
    const host: Host = {
      call: ({ capability: { name } }) => unanswered(name),
      event: () => undefined,
      debug: (text) => (onDebug?.(text), undefined),
      interrupted: () => undefined,
    };
    const end = await runMachine(withEntry(program, functionIndex), host, {
      limits: { ...DEFAULT_LIMITS, ...limits },
      args,
    });
    if (end.status === "completed") return end.value;
    const { kind, message } = end.trap;
    if (kind === "assertion_failed" && message.startsWith(PANIC)) throw new CapabilityFailure(message.slice(PANIC.length));
    failedAnswer ??= { capability, trap: end.trap };
    throw new CapabilityFailure(`the answer of the test failed: ${message}`);
  };
  const handlers = testHandlers(program, test.answers, evaluate);
  const calls: string[] = [];
  const result = await executeProgram(withEntry(program, test.functionIndex), {
    policy: TEST_POLICY,
    handlers: withCallsInput(handlers, calls),
    sink: { append: (event) => (recordCall(program, event, calls), undefined) },
    runId: `test-${test.functionIndex}`,
    limits,
    onDebug,
  });
  const passed = result.outcome === "success" && failedAnswer === undefined && result.unreceived.length === 0;
  return { ...result, passed, ...(failedAnswer === undefined ? {} : { failedAnswer }) };
}

function withEntry(program: Program, entry: number): Program {
  const module = { ...program.module, entry, signature: { params: [], result: "Unit" } };
  return { ...program, module, moduleHash: program.moduleHash, kept: [] };
}

/** Returns the handlers of a test: its answers, else mocks. The n-th answer of a signature serves its n-th call; the last also serves all later calls. */
function testHandlers(
  program: Program,
  answers: readonly TestAnswer[],
  evaluate: (a: TestAnswer, args: readonly Value[]) => Promise<Value>,
): Handlers {
  const mocks = mockHandlers(program.registry);
  const handlers = new Map(mocks);
  /** Number of calls so far, by capability and number of arguments. */
  const callCounts = new Map<string, number>();
  const arityOf = (answer: TestAnswer): number | undefined => program.functions[answer.functionIndex]?.def.arity;
  for (const capability of new Set(answers.map((a) => a.capability))) {
    const mock = mocks.get(capability);
    const answerCall: MachineFunction = (args, context) => {
      const candidates = answers.filter((a) => a.capability === capability && arityOf(a) === args.length);
      const key = `${capability}/${args.length}`;
      const callIndex = callCounts.get(key) ?? 0;
      callCounts.set(key, callIndex + 1);
      const answer = candidates[Math.min(callIndex, candidates.length - 1)];
      if (answer !== undefined) return evaluate(answer, args);
      // The test answers another signature of this capability, so the mock answers this call. Only built-in capabilities have several
      // signatures.
      return mock instanceof MachineHandler ? mock.run(args, context) : unanswered(capability);
    };
    handlers.set(capability, machineHandler(answerCall));
  }
  return handlers;
}

/** Adds the text of a call to `calls`. The machine's own capabilities, such as sending a message, and the question for the calls do not count. */
function recordCall(program: Program, event: RunEvent, calls: string[]): void {
  if (event.type !== "CapCall" || program.registry.byName.get(event.capability)?.internal === true) return;
  if (!asksForCalls(event.capability, event.args)) calls.push(callText(program, event.capability, event.args));
}

const asksForCalls = (capability: string, args: readonly Value[]): boolean => capability === "step.input" && args[0] === CALLS_INPUT;

/** Returns the handlers with one for `step.input` that also answers which calls the test has made. */
function withCallsInput(handlers: Handlers, calls: readonly string[]): Handlers {
  const inputs = handlers.get("step.input");
  if (!(inputs instanceof MachineHandler)) return handlers;
  const answer: MachineFunction = (args, context) =>
    asksForCalls("step.input", args) ? canonicalJson([...calls]) : inputs.run(args, context);
  return new Map([...handlers, ["step.input", machineHandler(answer)]]);
}

/** Never called: the compiler rejects an answer that makes a call, and a test that answers one signature of a built-in capability has its mock for the others. */
function unanswered(capability: string): never {
  throw new BorunaError("internal", `nothing answers ${capability} in this test`);
}
