/** Runs one `test` block on a machine of its own. The block's `answer` functions take precedence over the mocks. */
import { ALLOW_ALL } from "../policy/policy.ts";
import { BorunaError } from "../vm/error.ts";
import type { Host } from "../vm/host.ts";
import { DEFAULT_LIMITS, type Limits } from "../vm/limits.ts";
import type { Program, Trap } from "../vm/bytecode/program.ts";
import { runMachine } from "../vm/scheduler/scheduler.ts";
import type { Value } from "../vm/value/value.ts";
import { executeProgram, type RunResult } from "./run.ts";
import { CapabilityFailure, type Handler, type Handlers } from "./handlers.ts";
import { mockHandlers } from "./mock.ts";
import { limitsOption } from "./options.ts";

/** The answer of a `test` block to a capability. */
export interface TestAnswer {
  readonly capability: string;
  /** A pure function whose arity is that of one of the capability's signatures. */
  readonly functionIndex: number;
}

/** One `test` block of a module of `compileTests`. */
export interface TestCase {
  readonly name: string;
  /** A function without parameters that returns Unit. */
  readonly functionIndex: number;
  readonly answers: readonly TestAnswer[];
}

/** Options of `runTest`. */
export interface TestOptions {
  readonly limits?: Partial<Limits>;
  /** Receives each text of `debug`. */
  readonly onDebug?: (text: string) => void;
}

/** How a `test` block ended. */
export interface TestResult extends RunResult {
  /** The outcome is `success`, no answer is broken, and no actor failed unreceived. */
  readonly passed: boolean;
  /** The first answer that ended neither with a value nor with `panic`. */
  readonly brokenAnswer?: { readonly capability: string; readonly trap: Trap };
}

const PANIC = "panic: ";

/** Runs one test. `program` is the verified module of `compileTests`. The policy allows everything, because no call is live. */
export async function runTest(program: Program, test: TestCase, options: TestOptions = {}): Promise<TestResult> {
  const limits = limitsOption(options.limits);
  const answers = new Answers(program, test.answers, { ...DEFAULT_LIMITS, ...limits }, options.onDebug);
  const result = await executeProgram(startingAt(program, test.functionIndex), {
    policy: ALLOW_ALL,
    handlers: answers.handlers(),
    runId: `test-${test.functionIndex}`,
    limits,
    onDebug: options.onDebug,
  });
  const { broken } = answers;
  return {
    ...result,
    passed: result.outcome === "success" && broken === undefined && result.unreceived.length === 0,
    ...(broken === undefined ? {} : { brokenAnswer: broken }),
  };
}

function startingAt(program: Program, entry: number): Program {
  return { ...program, module: { ...program.module, entry, signature: { params: [], result: "Unit" } } };
}

/** Chooses the answers of a test: the n-th answer of a signature serves its n-th call, and the last one serves all further calls. */
class Answers {
  readonly #program: Program;
  readonly #answers: readonly TestAnswer[];
  readonly #limits: Limits;
  readonly #onDebug: (text: string) => void;
  /** Calls so far, by capability and number of arguments. */
  readonly #calls = new Map<string, number>();
  broken: TestResult["brokenAnswer"];

  constructor(program: Program, answers: readonly TestAnswer[], limits: Limits, onDebug: (text: string) => void = () => undefined) {
    this.#program = program;
    this.#answers = answers;
    this.#limits = limits;
    this.#onDebug = onDebug;
  }

  handlers(): Handlers {
    const handlers = new Map(mockHandlers(this.#program.registry));
    for (const capability of new Set(this.#answers.map((a) => a.capability))) {
      const mock = handlers.get(capability);
      handlers.set(capability, (args, context) => this.#next(capability, args) ?? mock?.(args, context) ?? unanswered(capability));
    }
    return handlers;
  }

  #next(capability: string, args: readonly Value[]): ReturnType<Handler> | undefined {
    const candidates = this.#answers.filter((a) => a.capability === capability && this.#arity(a) === args.length);
    const key = `${capability}/${args.length}`;
    const call = this.#calls.get(key) ?? 0;
    this.#calls.set(key, call + 1);
    const answer = candidates[Math.min(call, candidates.length - 1)];
    return answer === undefined ? undefined : this.#run(answer, args);
  }

  #arity(answer: TestAnswer): number | undefined {
    return this.#program.functions[answer.functionIndex]?.def.arity;
  }

  async #run({ capability, functionIndex }: TestAnswer, args: readonly Value[]): Promise<Value> {
    const host: Host = {
      call: ({ capability: asked }) => unanswered(asked.name),
      event: () => undefined,
      debug: (text) => (this.#onDebug(text), undefined),
      interrupted: () => undefined,
    };
    const end = await runMachine(startingAt(this.#program, functionIndex), host, { limits: this.#limits, args, actors: false });
    if (end.status === "completed") return end.value;
    const { kind, message } = end.trap;
    if (kind === "assertion_failed" && message.startsWith(PANIC)) throw new CapabilityFailure(message.slice(PANIC.length));
    this.broken ??= { capability, trap: end.trap };
    throw new CapabilityFailure(`the answer of the test failed: ${message}`);
  }
}

/** Unreachable: the compiler lets no answer make a call, and every capability that a test can answer has a mock. */
function unanswered(capability: string): never {
  throw new BorunaError("internal", `nothing answers ${capability} in this test`);
}
