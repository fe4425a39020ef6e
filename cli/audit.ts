/** Reports what the policy would have decided about the calls of an audit run. */
import type { CallEnd } from "../gateway/observers.ts";
import { type Terminal, withoutControlCharacters } from "./terminal.ts";

export class AuditReport {
  readonly #decisions: Readonly<Record<string, unknown>>[] = [];
  readonly #terminal: Terminal | undefined;
  #refused = 0;

  /** Prints each refusal at once on the terminal, if there is one. */
  constructor(terminal: Terminal | undefined) {
    this.#terminal = terminal;
  }

  end({ call, capability, audit }: CallEnd): void {
    if (audit === undefined) return;
    const { allowed, rule, reason } = audit;
    this.#decisions.push({ call, capability, allowed, rule, reason });
    if (allowed) return;
    this.#refused += 1;
    this.#terminal?.err(withoutControlCharacters(`audit: call ${call} ${capability} would be refused: ${reason} [${rule}]`));
  }

  /** The decisions as data, for `--json`. */
  get json(): readonly Readonly<Record<string, unknown>>[] {
    return this.#decisions;
  }

  /** Returns a sentence about all calls. */
  note(): string {
    const { length } = this.#decisions;
    return `audit: the policy would refuse ${this.#refused} of ${length} ${length === 1 ? "call" : "calls"}`;
  }
}
