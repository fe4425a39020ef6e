import { verifyJson, verifyLines } from "../../replay/report/verify-report.ts";
import { verifyLog, type VerifyOptions } from "../../replay/verify.ts";
import { EXIT, OUTCOMES } from "../../vm/outcome.ts";
import { omitUndefined } from "../omit-undefined.ts";
import { type ReplayLimitFlags, replayLimits } from "../run-arguments.ts";
import type { Session } from "../session.ts";
import { withoutControlCharacters, toPlainObject, printJson } from "../terminal.ts";

export interface VerifyFlags extends ReplayLimitFlags {
  /** The hash that the last record must have. */
  readonly expectHead?: string;
  readonly replay?: boolean;
}

export async function verifyCommand({ terminal, json }: Session, file: string, flags: VerifyFlags): Promise<number> {
  const options = omitUndefined<VerifyOptions>({
    expectHead: flags.expectHead,
    replay: flags.replay,
    replayLimits: flags.replay === true ? replayLimits(flags) : undefined,
  });
  const verification = await verifyLog(file, options);
  if (json) printJson(terminal, toPlainObject(verifyJson(verification)));
  else for (const line of verifyLines(verification)) terminal.out(withoutControlCharacters(line));
  if (!verification.ok) return EXIT.verificationFailed;
  return verification.outcome === "suspended" ? OUTCOMES.suspended.exitCode : EXIT.done;
}
