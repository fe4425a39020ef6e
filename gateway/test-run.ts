/** Runs one `test` block: a fresh machine, the block's own answers before the mocks. */
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

export interface TestAnswer {
  readonly capability: string;
  /** A pure function of as many arguments as one of the capability's signatures has. */
  readonly functionIndex: number;
}

export interface TestCase {
  readonly name: string;
  /** A function without parameters that gives Unit. */
  readonly functionIndex: number;
  readonly answers: readonly TestAnswer[];
}

export interface TestOptions {
  readonly limits?: Partial<Limits>;
  /** Text of `debug`. */
  readonly onDebug?: (text: string) => void;
}

/** The test passed where the outcome is `success`, no answer failed, and no actor failed without a receiver. */
export interface TestResult extends RunResult {
  readonly passed: boolean;
  /** An answer that ended in another way than by a value or a `panic`. */
  readonly brokenAnswer?: { readonly capability: string; readonly trap: Trap };
}

const PANIC = "panic: ";

/** `program` is a module of `compileTests`, verified. The policy allows everything: a test touches nothing. */
export async function runTest(program: Program, test: TestCase, options: TestOptions = {}): Promise<TestResult> {
  const limits = limitsOption(options.limits);
  const answers = new Answers(program, test.answers, { ...DEFAULT_LIMITS, ...limits }, options.onDebug);
  const result = await executeProgram(startingAt(program, test.functionIndex), {
    policy: ALLOW_ALL,
    handlers: answers.handlers(),
    runId: `test-${test.functionIndex}`,
    limits,
    ...(options.onDebug === undefined ? {} : { onDebug: options.onDebug }),
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

/** The answers of a test. The n-th of a signature gives its n-th call, the last one all further calls. */
class Answers {
  readonly #program: Program;
  readonly #answers: readonly TestAnswer[];
  readonly #limits: Limits;
  readonly #onDebug: (text: string) => void;
  /** By capability and number of arguments. */
  readonly #given = new Map<string, number>();
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
    const own = this.#answers.filter((a) => a.capability === capability && this.#arity(a) === args.length);
    const key = `${capability}/${args.length}`;
    const call = this.#given.get(key) ?? 0;
    this.#given.set(key, call + 1);
    const answer = own[Math.min(call, own.length - 1)];
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

/** The compiler lets no answer call anything, and every capability that a test can answer has a mock. */
function unanswered(capability: string): never {
  throw new BorunaError("internal", `nothing answers ${capability} in this test`);
}
