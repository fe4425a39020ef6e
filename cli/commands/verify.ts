import { verifyJson, verifyLines } from "../../replay/report/verify-report.ts";
import { verifyLog, type VerifyOptions } from "../../replay/verify.ts";
import { publicKeyOf } from "../../gateway/signing.ts";
import { BorunaError } from "../../vm/error.ts";
import { EXIT, OUTCOMES } from "../../vm/outcome.ts";
import { readKey } from "../keys.ts";
import { omitUndefined } from "../omit-undefined.ts";
import { withProgress } from "../progress.ts";
import { type ReplayLimitFlags, replayLimits } from "../run-arguments.ts";
import type { Session } from "../session.ts";
import { withoutControlCharacters, toPlainObject, printJson } from "../terminal.ts";

export interface VerifyFlags extends ReplayLimitFlags {
  /** The hash that the last record must have. */
  readonly expectHead?: string;
  /** A file with a public key, or the key itself in base64. */
  readonly key?: string;
  readonly explain?: boolean;
  readonly replay?: boolean;
}

export async function verifyCommand(session: Session, file: string, flags: VerifyFlags): Promise<number> {
  const { terminal, json } = session;
  const options = omitUndefined<VerifyOptions>({
    expectHead: flags.expectHead,
    key: flags.key === undefined ? undefined : publicKey(flags.key),
    replay: flags.replay,
    replayLimits: flags.replay === true ? replayLimits(flags) : undefined,
  });
  const verification = await withProgress(session, "verify", (progress) =>
    verifyLog(file, omitUndefined<VerifyOptions>({ ...options, onRead: progress.reading(file) })),
  );
  if (json) printJson(terminal, toPlainObject(verifyJson(verification)));
  else for (const line of verifyLines(verification, flags.explain)) terminal.out(withoutControlCharacters(line));
  if (!verification.ok) return EXIT.verificationFailed;
  return verification.outcome === "suspended" ? OUTCOMES.suspended.exitCode : EXIT.done;
}

/** Returns the public key that the flag names. Throws `usage`, `io_error`. */
function publicKey(flag: string): string {
  const key = publicKeyOf(flag) ?? publicKeyOf(readKey(flag));
  if (key !== undefined) return key;
  throw new BorunaError("usage", `--key ${flag}: the file has no public Ed25519 key in PEM form`, {
    hint: "boruna keygen FILE writes the public key to FILE.pub; give that file.",
  });
}
