/**
 * Remembers the calls of a session. A new entry runs all earlier entries again, so that variables have their values. A call that an earlier
 * run made gets its remembered answer, so no call is made twice.
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

/** The remembered results of handlers, by call number. Each function returns the result, or throws the remembered error. */
type Answers<T> = Map<number, () => T>;

/** The calls of one run, in order. The first ones are those of earlier runs. */
export class SessionCalls {
  /** All calls that any run has made, this one included. */
  readonly #calls: MadeCall[];
  /** The answers of each `MachineHandler`. */
  readonly #machineAnswers: Answers<Value | Promise<Value>>;
  /** The answers of all other handlers. */
  readonly #plainAnswers: Answers<unknown>;
  /** The decisions of the approver, by call number. */
  readonly #decisions: Map<number, Decision | undefined>;
  /** Number of calls that earlier runs have made. */
  readonly #repeatedCount: number;
  /** Number of calls that this run has made. */
  #madeCount = 0;
  /** Whether this run made a different call, or a new call that it may not make. */
  #diverges = false;

  constructor(before?: SessionCalls) {
    this.#calls = [...(before === undefined ? [] : before.#calls)];
    this.#machineAnswers = new Map(before === undefined ? [] : before.#machineAnswers);
    this.#plainAnswers = new Map(before === undefined ? [] : before.#plainAnswers);
    this.#decisions = new Map(before === undefined ? [] : before.#decisions);
    this.#repeatedCount = this.#calls.length;
  }

  /** Whether this run made fewer or different calls than earlier runs, or a new call that it may not make. Read it after the run. */
  get diverges(): boolean {
    return this.#diverges || this.#madeCount < this.#repeatedCount;
  }

  /** Whether this run made a call that no earlier run made. */
  get madeNewCall(): boolean {
    return this.#calls.length > this.#repeatedCount;
  }

  /** Whether an earlier run made the call with this number. */
  isRepeated(call: number): boolean {
    return call <= this.#repeatedCount;
  }

  /** Returns observers that compare each call with earlier runs. They call `stop` at a different call. Unless `mayCall`, they also stop at a new call. */
  observers({ mayCall, stop }: { readonly mayCall: boolean; readonly stop: () => void }): Observers {
    return {
      callStart: (start) => {
        if (this.#recordCall(start) && (mayCall || this.isRepeated(start.call))) return;
        this.#diverges = true;
        stop();
      },
    };
  }

  /** Records a call. Returns false if earlier runs made a different call with this number. */
  #recordCall({ call, capability, args: values }: CallStart): boolean {
    this.#madeCount += 1;
    const args = values.map((value) => textForm(value)).join(", ");
    const earlierCall = this.#calls[call - 1];
    if (earlierCall !== undefined) return earlierCall.capability === capability && earlierCall.args === args;
    this.#calls.push({ capability, args });
    return true;
  }

  /** Returns handlers that return remembered answers, and use the given handlers for new calls. */
  remembering(handlers: Handlers): Handlers {
    return new Map([...handlers].map(([name, handler]) => [name, this.#remembering(handler)]));
  }

  /** Returns a handler that calls the given one only for calls that the session has not made before. */
  #remembering(handler: Handler | MachineHandler): Handler | MachineHandler {
    if (!(handler instanceof MachineHandler)) {
      return (args, context) => {
        if (this.#diverges) throw context.failure("the session makes other calls than before");
        return answerOnce(this.#plainAnswers, context.callNumber, () => handler(args, context));
      };
    }
    const { run, usage } = handler;
    // `usage` also counts repeated calls, so limits on usage apply to the whole session.
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

/** Returns the remembered answer of a call or throws its remembered error. If there is none, calls `make` and remembers what it does. */
function answerOnce<T>(answers: Answers<T>, call: number, make: () => T): T {
  const remembered = answers.get(call);
  if (remembered !== undefined) return remembered();
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
