import { verifyJson, verifyLines } from "../../replay/report/verify-report.ts";
import { verifyLog, type VerifyOptions } from "../../replay/verify.ts";
import { EXIT, OUTCOMES } from "../../vm/outcome.ts";
import { withFlagNames } from "../hints.ts";
import { publicKeyFlag } from "../keys.ts";
import { omitUndefined } from "../omit-undefined.ts";
import { withProgress } from "../progress.ts";
import { type ReplayLimitFlags, replayLimits } from "../run-arguments.ts";
import type { CommandSession } from "../session.ts";
import { withoutControlCharacters, toPlainObject, printJson } from "../terminal.ts";

/** The options of `boruna verify`, which `command-table.ts` explains. */
export interface VerifyFlags extends ReplayLimitFlags {
  /** The hash that the last record must have. */
  readonly expectHead?: string;
  /** A file with a public key, or the key itself in base64. */
  readonly key?: string;
  readonly explain?: boolean;
  readonly replay?: boolean;
}

export async function verifyCommand(session: CommandSession, file: string, flags: VerifyFlags): Promise<number> {
  const { terminal, json } = session;
  const options = omitUndefined<VerifyOptions>({
    expectHead: flags.expectHead,
    key: flags.key === undefined ? undefined : publicKeyFlag(flags.key),
    replay: flags.replay,
    replayLimits: flags.replay === true ? replayLimits(flags) : undefined,
  });
  const found = await withProgress(session, "verify", (progress) =>
    verifyLog(file, omitUndefined<VerifyOptions>({ ...options, onRead: progress.reading(file) })),
  );
  const verification = { ...found, proves: found.proves.map(withFlagNames), doesNotProve: found.doesNotProve.map(withFlagNames) };
  if (json) printJson(terminal, toPlainObject(verifyJson(verification)));
  else for (const line of verifyLines(verification, flags.explain)) terminal.out(withoutControlCharacters(withFlagNames(line)));
  if (!verification.ok) return EXIT.verificationFailed;
  return verification.outcome === "suspended" ? OUTCOMES.suspended.exitCode : EXIT.done;
}
