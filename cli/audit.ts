/** Reports what the policy would have decided about the calls of an audit run. */
import type { CallEnd } from "../gateway/observers.ts";
import { withFlagNames } from "./hints.ts";
import { type Terminal, withoutControlCharacters } from "./terminal.ts";

/** Maximum number of refusals that `lines` returns. */
const MAX_LINES = 100;

export class AuditReport {
  readonly #lines: string[] = [];
  readonly #terminal: Terminal | undefined;
  #calls = 0;
  #refused = 0;

  /** Prints each refusal at once on the terminal, if there is one. */
  constructor(terminal: Terminal | undefined) {
    this.#terminal = terminal;
  }

  /** Counts a call that has ended. If the policy would refuse it, prints a line about it, and keeps the line for `lines`. */
  end({ call, capability, audit }: Pick<CallEnd, "call" | "capability" | "audit">): void {
    if (audit === undefined) return;
    const { allowed, rule, reason } = audit;
    this.#calls += 1;
    if (allowed) return;
    this.#refused += 1;
    const line = withoutControlCharacters(`audit: call ${call} ${capability} would be refused: ${withFlagNames(reason)} [${rule}]`);
    this.#terminal?.err(line);
    if (this.#lines.length < MAX_LINES) this.#lines.push(line);
  }

  /** Returns one line for each of the first refusals, then `note()`. */
  lines(): readonly string[] {
    return [...this.#lines, this.note()];
  }

  /** Returns the line that counts the refusals: `audit: the policy would refuse 2 of 5 calls`. */
  note(): string {
    return `audit: the policy would refuse ${this.#refused} of ${this.#calls} ${this.#calls === 1 ? "call" : "calls"}`;
  }
}
