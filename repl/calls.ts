/**
 * Remembers the calls of a session. Each entry runs the whole session again, because that is how variables keep their values. A call that an
 * earlier run has made gets its answer from here, so no call is made twice.
 */
import type { Approver, Decision } from "../gateway/approval.ts";
import { type Handler, type Handlers, MachineHandler } from "../gateway/handlers.ts";
import type { CallStart, Observers } from "../gateway/observers.ts";
import { textForm } from "../vm/value/display.ts";
import type { Value } from "../vm/value/value.ts";

interface MadeCall {
  readonly capability: string;
  /** The arguments as text, to compare them. */
  readonly args: string;
}

/** Returns again what a handler returned, or throws again what it threw. */
type Answers<T> = Map<number, () => T>;

/** The calls of one run, by number. They begin with those of the runs before. */
export class SessionCalls {
  readonly #calls: MadeCall[];
  readonly #machineAnswers: Answers<Value | Promise<Value>>;
  readonly #plainAnswers: Answers<unknown>;
  readonly #decisions: Map<number, Decision | undefined>;
  /** How many calls the runs before have made. */
  readonly #repeated: number;
  /** How many calls this run has made. */
  #made = 0;
  #diverges = false;

  constructor(before?: SessionCalls) {
    this.#calls = [...(before === undefined ? [] : before.#calls)];
    this.#machineAnswers = new Map(before === undefined ? [] : before.#machineAnswers);
    this.#plainAnswers = new Map(before === undefined ? [] : before.#plainAnswers);
    this.#decisions = new Map(before === undefined ? [] : before.#decisions);
    this.#repeated = this.#calls.length;
  }

  /** Whether this run, which has ended, made other calls than the runs before, or fewer. */
  get diverges(): boolean {
    return this.#diverges || this.#made < this.#repeated;
  }

  /** Whether the run has made a call that the runs before had not. */
  get hasNew(): boolean {
    return this.#calls.length > this.#repeated;
  }

  /** Whether the call is one that an earlier run has made. */
  isRepeated(call: number): boolean {
    return call <= this.#repeated;
  }

  /** Returns observers that compare each call with the runs before. `stop` ends a run that makes other calls, or, without `mayCall`, a new one. */
  observers({ mayCall, stop }: { readonly mayCall: boolean; readonly stop: () => void }): Observers {
    return {
      callStart: (start) => {
        if (this.#note(start) && (mayCall || this.isRepeated(start.call))) return;
        this.#diverges = true;
        stop();
      },
    };
  }

  /** Notes a call. Returns whether it is the one that the runs before made, or a new one. */
  #note({ call, capability, args: values }: CallStart): boolean {
    this.#made += 1;
    const args = values.map((value) => textForm(value)).join(", ");
    const known = this.#calls[call - 1];
    if (known !== undefined) return known.capability === capability && known.args === args;
    this.#calls.push({ capability, args });
    return true;
  }

  /** Returns the handlers with the memory before them. */
  remembering(handlers: Handlers): Handlers {
    return new Map([...handlers].map(([name, handler]) => [name, this.#remembering(handler)]));
  }

  #remembering(handler: Handler | MachineHandler): Handler | MachineHandler {
    if (!(handler instanceof MachineHandler)) {
      return (args, context) => {
        if (this.#diverges) throw context.failure("the session makes other calls than before");
        return answerOnce(this.#plainAnswers, context.callNumber, () => handler(args, context));
      };
    }
    const { run, usage } = handler;
    // What the session spends includes the calls that were made before.
    return new MachineHandler((args, context) => {
      if (this.#diverges) throw context.failure("the session makes other calls than before");
      return answerOnce(this.#machineAnswers, context.callNumber, () => run(args, context));
    }, usage);
  }

  /** Returns an approver that asks once about each call. */
  approving(approve: Approver): Approver {
    return async (request) => {
      if (!this.#decisions.has(request.call)) this.#decisions.set(request.call, await approve(request));
      return this.#decisions.get(request.call);
    };
  }
}

function answerOnce<T>(answers: Answers<T>, call: number, make: () => T): T {
  const known = answers.get(call);
  if (known !== undefined) return known();
  try {
    const answer = make();
    answers.set(call, () => answer);
    return answer;
  } catch (error) {
    answers.set(call, () => {
      throw error;
    });
    throw error;
  }
}
