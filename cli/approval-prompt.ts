/** Asks on the terminal whether a call may be made. */
import { userInfo } from "node:os";
import { createInterface } from "node:readline";
import type { ApprovalRequest, Approver, Decision } from "../gateway/approval.ts";
import { approvalRequestLines, escapeInvisible } from "./approval.ts";
import type { Terminal } from "./terminal.ts";

/** Returns the name of the user of this process, who decides if nobody else is named. */
export function userName(): string {
  try {
    return escapeInvisible(userInfo().username);
  } catch {
    // The system knows no name for the user id, as in some containers.
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}

/** Asks a question until there is an answer. Returns undefined at the end of the input, and if the run must stop. */
type Ask = (question: string, signal: ApprovalRequest["signal"]) => Promise<Answer | undefined>;
/** `o`: allow once, `r`: allow for this run, `d`: deny. */
export type Answer = "o" | "r" | "d";

/** Returns an approver that asks on the terminal. Without a terminal, it decides nothing, so the run is suspended. */
export function promptApprover(terminal: Terminal, ask: Ask = askOnStdin): Approver {
  if (process.stdin.isTTY !== true || process.stderr.isTTY !== true) return () => undefined;
  const by = userName();
  const approved: Decision = { decision: "approved", by };
  /** The rules whose calls the user has approved for the rest of this run. */
  const approvedRules = new Set<string>();
  return async (request) => {
    // The policy's rule demands a signed decision. Only `boruna approve --key FILE` can make one, so the run is suspended.
    if (request.keys.length > 0) return undefined;
    if (approvedRules.has(request.rule)) return approved;
    const { file, line } = request.place();
    const where = file === undefined ? "" : `\n  --> ${escapeInvisible(file)}${line === undefined ? "" : `:${line}`}`;
    terminal.err(`approval: ${approvalRequestLines(request).join("\n")}${where}`);
    switch (await ask("allow it? [o]nce, for this [r]un, [d]eny: ", request.signal)) {
      case "o":
        return approved;
      case "r":
        approvedRules.add(request.rule);
        return approved;
      case "d":
        return { decision: "denied", by };
      default:
        return undefined;
    }
  };
}

const ANSWERS: ReadonlyMap<string, Answer> = new Map([
  ["o", "o"],
  ["once", "o"],
  ["r", "r"],
  ["run", "r"],
  ["d", "d"],
  ["deny", "d"],
]);

/** Returns the answer in a line. Undefined if the line has none. */
export const answerIn = (line: string): Answer | undefined => ANSWERS.get(line.trim().toLowerCase());

function askOnStdin(question: string, signal: ApprovalRequest["signal"]): Promise<Answer | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  return new Promise((resolve) => {
    const close = (): void => lines.close();
    signal.addEventListener("abort", close, { once: true });
    lines.once("close", () => {
      signal.removeEventListener("abort", close);
      resolve(undefined);
    });
    lines.on("line", (line) => {
      const answer = answerIn(line);
      if (answer === undefined) return lines.prompt();
      resolve(answer);
      lines.close();
    });
    lines.setPrompt(question);
    lines.prompt();
  });
}
