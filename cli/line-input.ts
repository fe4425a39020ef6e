/** Reads lines for a session. On a terminal, the user has editing, history and completion. */
import { createInterface, type Interface } from "node:readline";

interface LineInputOptions {
  /** Returns completions for the last word of a line, and that word. */
  readonly complete: (line: string) => readonly [readonly string[], string];
  /** The earlier lines, the newest first. */
  readonly history: readonly string[];
  readonly maxHistory: number;
  /** Called when the user interrupts while `next` is not waiting for a line. */
  readonly onInterrupt: () => void;
}

/** Returned if the user interrupted instead of entering a line. */
export const INTERRUPTED = Symbol("interrupted");
type Line = string | typeof INTERRUPTED | undefined;

export class LineInput {
  readonly isTerminal = process.stdin.isTTY === true && process.stderr.isTTY === true;
  readonly #lines: Interface;
  /** Lines that have arrived before `next` was called. */
  readonly #unreadLines: string[] = [];
  /** Ends the call of `next` that waits for a line. */
  #resolveNext: ((line: Line) => void) | undefined;
  /** Ends the call of `ask` that waits for a line. */
  #resolveAsk: ((line: string | undefined) => void) | undefined;
  #isClosed = false;
  #history: readonly string[];

  constructor({ complete, history, maxHistory, onInterrupt }: LineInputOptions) {
    this.#history = history;
    this.#lines = createInterface({
      input: process.stdin,
      output: process.stderr,
      terminal: this.isTerminal,
      completer: (line: string) => {
        const [names, word] = complete(line);
        return [[...names], word];
      },
      history: [...history],
      historySize: maxHistory,
      removeHistoryDuplicates: true,
    });
    this.#lines.on("line", (line) => this.#receive(line));
    this.#lines.on("history", (lines) => (this.#history = [...lines]));
    this.#lines.on("close", () => this.#close());
    this.#lines.on("SIGINT", () => {
      if (this.#resolveNext === undefined) onInterrupt();
      else this.#answer(INTERRUPTED);
    });
  }

  /** The lines that were entered, the newest first. */
  get history(): readonly string[] {
    return this.#history;
  }

  #receive(line: string): void {
    if (this.#resolveAsk !== undefined) this.#resolveAsk(line);
    else if (this.#resolveNext !== undefined) this.#answer(line);
    else this.#unreadLines.push(line);
  }

  #answer(line: Line): void {
    const resolve = this.#resolveNext;
    this.#resolveNext = undefined;
    resolve?.(line);
  }

  #close(): void {
    this.#isClosed = true;
    this.#resolveAsk?.(undefined);
    this.#answer(undefined);
  }

  /** Returns the next line, `INTERRUPTED`, or undefined at the end of the input. */
  next(prompt: string): Promise<Line> {
    const line = this.#unreadLines.shift();
    if (line !== undefined) return Promise.resolve(line);
    if (this.#isClosed) return Promise.resolve(undefined);
    this.#prompt(prompt);
    return new Promise((resolve) => {
      this.#resolveNext = resolve;
    });
  }

  /** Asks a question. The next line is its answer. Returns undefined at the end of the input and when aborted. */
  ask(question: string, signal: AbortSignal): Promise<string | undefined> {
    if (this.#isClosed || signal.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const done = (line: string | undefined): void => {
        this.#resolveAsk = undefined;
        signal.removeEventListener("abort", stop);
        resolve(line);
      };
      const stop = (): void => done(undefined);
      signal.addEventListener("abort", stop, { once: true });
      this.#resolveAsk = done;
      this.#prompt(question);
    });
  }

  #prompt(text: string): void {
    if (!this.isTerminal) return;
    this.#lines.setPrompt(text);
    this.#lines.prompt();
  }

  /** Clears the current line. */
  discardLine(): void {
    if (this.isTerminal) this.#lines.write(null, { ctrl: true, name: "u" });
  }

  close(): void {
    this.#lines.close();
  }
}
