/**
 * Says whether the code that may influence a call is the same in two versions of a program.
 *
 * The arguments of a call come from the function that makes it and from the callers of that function up to `main`. They also come from the
 * functions that any of these call. A function without parameters gets nothing from its callers, so they do not count. A function that is
 * passed on as a value or receives messages may get its arguments from anywhere, so all code of the program counts.
 */
import type { Callable } from "../compiler/ir.ts";
import { codeText } from "./code-text.ts";
import type { Reached } from "./reached.ts";

/** Numbers the code texts of functions. Share one map between two programs, so that equal texts get equal numbers. */
export type TextNumbers = Map<string, number>;

/** Limit on the functions whose influencing code is compared separately. Beyond it, all code of the program counts. */
const MAX_COMPARED = 64;

/** Finds, in one program, the code that may influence calls. */
export class Influences {
  readonly #numbers: TextNumbers;
  readonly #main: Callable;
  /** The callers of each function. */
  readonly #callers = new Map<Callable, Set<Callable>>();
  /** The functions that are passed on as values or receive messages, so that their arguments may come from anywhere. */
  readonly #calledFromAnywhere = new Set<Callable>();
  /** What `#code` has returned. */
  readonly #codeByCallable = new Map<Callable, { readonly number: number; readonly functions: readonly Callable[] }>();
  /** What `textFor` has returned, except for the functions beyond `MAX_COMPARED`. */
  readonly #textByCallable = new Map<Callable, string>();
  /** What `textForProgram` returns. Undefined before its first call. */
  #textOfMain: string | undefined;

  constructor(main: Callable, reached: Reached, numbers: TextNumbers) {
    this.#main = main;
    this.#numbers = numbers;
    for (const { callable, edges, walked } of reached.values()) {
      for (const [{ callable: target }, { kind }] of [...edges, ...walked.spawns]) {
        if (kind === "value" || target.message !== null) this.#calledFromAnywhere.add(target);
        const callers = this.#callers.get(target) ?? new Set();
        callers.add(callable);
        this.#callers.set(target, callers);
      }
    }
  }

  /** Returns a text of the code that may influence the calls of the function. Equal code in two programs has equal texts. */
  textFor(callable: Callable): string {
    const cached = this.#textByCallable.get(callable);
    if (cached !== undefined) return cached;
    if (this.#textByCallable.size >= MAX_COMPARED) return this.textForProgram();
    // The loop also visits the elements that it adds.
    const callers = new Set([callable]);
    for (const visited of callers)
      if ((visited.body?.params.length ?? 0) > 0) for (const caller of this.#callers.get(visited) ?? []) callers.add(caller);
    const text = [...callers].some((caller) => this.#calledFromAnywhere.has(caller)) ? this.textForProgram() : this.#textOf([...callers]);
    this.#textByCallable.set(callable, text);
    return text;
  }

  /** Like `textFor`, for all code that `main` may run. */
  textForProgram(): string {
    this.#textOfMain ??= this.#textOf([this.#main]);
    return this.#textOfMain;
  }

  /** Returns the code of the functions, and of all functions to which it refers, as a text of numbers. */
  #textOf(first: readonly Callable[]): string {
    // Functions are numbered in the order in which they are found. Their names do not matter.
    const ids = new Map(first.map((callable, i) => [callable, i]));
    const idOf = (callable: Callable): number => {
      const id = ids.get(callable) ?? ids.size;
      ids.set(callable, id);
      return id;
    };
    const parts: string[] = [];
    // The loop also visits the elements that it adds.
    for (const callable of ids.keys()) {
      const { number, functions } = this.#code(callable);
      parts.push(`${number}:${functions.map(idOf).join(",")}`);
    }
    return parts.join(";");
  }

  /** Returns the number of the function's code text, and the functions to which the code refers. */
  #code(callable: Callable): { readonly number: number; readonly functions: readonly Callable[] } {
    const cached = this.#codeByCallable.get(callable);
    if (cached !== undefined) return cached;
    const { text, functions } = codeText(callable);
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, number);
    const code = { number, functions };
    this.#codeByCallable.set(callable, code);
    return code;
  }
}
