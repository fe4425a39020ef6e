/**
 * Remembers the calls of a session. Each entry runs all earlier entries again, so that variables have their values. A call that an earlier run
 * has made gets its answer from here, so no call is made twice.
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

/** Returns the remembered result of a handler, or throws its remembered error. */
type Answers<T> = Map<number, () => T>;

/** The calls of one run, by number. They begin with the calls of earlier runs. */
export class SessionCalls {
  readonly #calls: MadeCall[];
  readonly #machineAnswers: Answers<Value | Promise<Value>>;
  readonly #plainAnswers: Answers<unknown>;
  readonly #decisions: Map<number, Decision | undefined>;
  /** Number of calls that earlier runs have made. */
  readonly #repeated: number;
  /** Number of calls that this run has made. */
  #made = 0;
  #diverges = false;

  constructor(before?: SessionCalls) {
    this.#calls = [...(before === undefined ? [] : before.#calls)];
    this.#machineAnswers = new Map(before === undefined ? [] : before.#machineAnswers);
    this.#plainAnswers = new Map(before === undefined ? [] : before.#plainAnswers);
    this.#decisions = new Map(before === undefined ? [] : before.#decisions);
    this.#repeated = this.#calls.length;
  }

  /** Whether this run, which has ended, made fewer or different calls than earlier runs. */
  get diverges(): boolean {
    return this.#diverges || this.#made < this.#repeated;
  }

  /** Whether the run has made a new call, one that no earlier run has made. */
  get hasNew(): boolean {
    return this.#calls.length > this.#repeated;
  }

  /** Whether the call is one that an earlier run has made. */
  isRepeated(call: number): boolean {
    return call <= this.#repeated;
  }

  /** Returns observers that compare each call with earlier runs. `stop` ends a run that makes a different call or, without `mayCall`, a new one. */
  observers({ mayCall, stop }: { readonly mayCall: boolean; readonly stop: () => void }): Observers {
    return {
      callStart: (start) => {
        if (this.#note(start) && (mayCall || this.isRepeated(start.call))) return;
        this.#diverges = true;
        stop();
      },
    };
  }

  /** Notes a call. Returns false if earlier runs made a different call with this number. */
  #note({ call, capability, args: values }: CallStart): boolean {
    this.#made += 1;
    const args = values.map((value) => textForm(value)).join(", ");
    const known = this.#calls[call - 1];
    if (known !== undefined) return known.capability === capability && known.args === args;
    this.#calls.push({ capability, args });
    return true;
  }

  /** Returns handlers that answer remembered calls from here, and call the given handlers for new ones. */
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
    // The usage of the session includes the calls of earlier runs.
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
