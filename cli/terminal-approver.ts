/** The approver of the commands that run programs. */
import type { Approver } from "../gateway/approval.ts";
import type { CommandSession } from "./session.ts";

/** Returns an approver that asks on the terminal, if there is one. It loads what it needs at the first request. */
export function terminalApprover({ terminal, json }: CommandSession): Approver {
  if (json) return () => undefined;
  let prompt: Promise<Approver> | undefined;
  return async (request) => {
    prompt ??= import("./approval-prompt.ts").then(({ promptApprover }) => promptApprover(terminal));
    return (await prompt)(request);
  };
}
